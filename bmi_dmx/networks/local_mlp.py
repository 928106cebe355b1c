"""One network for all cells of a grid, each by itself."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from .base import LayerOptions, activation_named
from .grids import GridNetwork

__all__ = ["LocalMlp"]


class LocalMlp(GridNetwork):
    """A multilayer perceptron that reads the channels of one cell or column alone.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    options : keywords
        As of :class:`Options`.
    """

    @dataclass(frozen=True)
    class Options(LayerOptions):
        """Layers, activation and dropout.

        Parameters
        ----------
        hidden : list of int
            Units of the layers.
        """

        hidden: tuple[int, ...] = (64, 64)
        activation: str = "silu"

    def __init__(self, inputs: int, outputs: int, **options: Any) -> None:
        super().__init__()
        choices = self.Options(**options)
        widths = (inputs, *choices.hidden)
        self.layers = nn.ModuleList(
            nn.Conv2d(one, other, 1) for one, other in pairwise(widths)
        )
        self.activation = activation_named(choices.activation)
        self.dropout = nn.Dropout(choices.dropout)
        self.output = nn.Conv2d(widths[-1], outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return fields, (batch, output, row, column)."""
        for layer in self.layers:
            x = self.dropout(self.activation(layer(x)))
        fields: Tensor = self.output(x)
        return fields
