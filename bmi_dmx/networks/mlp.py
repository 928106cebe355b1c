"""The multilayer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from .base import LayerOptions, Memory, Network, activation_named, refuse_nothing

__all__ = ["Mlp"]


class Mlp(Network):
    """Fully connected layers with an activation and dropout after each hidden one.

    Parameters
    ----------
    inputs, outputs : int
        Numbers for each place.
    hidden : int or sequence of int
        Widths of the hidden layers.
    activation : str
        Name in :data:`~.base.ACTIVATIONS`.
    dropout : float
        Share of hidden units silenced in training mode.
    """

    @dataclass(frozen=True)
    class Options(LayerOptions):
        """Widths, activation and dropout."""

        hidden: int | tuple[int, ...] = (128, 128)

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        hidden: int | Sequence[int] = (128, 128),
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        refuse_nothing(inputs)
        widths = [inputs, *([hidden] if isinstance(hidden, int) else hidden)]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), activation_named(activation)]
            layers += [nn.Dropout(dropout)] if dropout else []
        self.hidden = nn.Sequential(*layers)
        self.output = nn.Linear(widths[-1], outputs)

    def step(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs, (…, output), for inputs (…, input), and no memory."""
        return self.output(self.hidden(x)), {}
