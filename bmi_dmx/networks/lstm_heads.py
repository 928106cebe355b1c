"""A long short-term memory network behind which perceptrons part the work."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..conversion import MOST, refuse_outside
from .base import LayerOptions, Memory, Network
from .lstm import Lstm
from .mlp import Mlp

__all__ = ["LstmHeads"]


class LstmHeads(Network):
    """An LSTM layer as :class:`~.lstm.Lstm`, and perceptrons from it to the outputs.

    Parameters
    ----------
    inputs, outputs : int
        Numbers for each place.
    hidden : int
        Width of the LSTM layer.
    heads : int
        Number of perceptrons; each answers a run of neighbouring outputs, as many as
        the others or one less.
    head_hidden : int or tuple of int
        Widths of the hidden layers of each.
    activation, dropout, embedded, forget_bias
        As of :class:`~.lstm.Lstm`; activation and dropout those of the heads as well.
    """

    @dataclass(frozen=True)
    class Options(LayerOptions):
        """Options of the LSTM layer, and of the perceptrons."""

        hidden: int = 64
        heads: int = 1
        head_hidden: int | tuple[int, ...] = 64
        embedded: bool = True
        forget_bias: float = 0.0

        def __post_init__(self) -> None:
            super().__post_init__()
            refuse_outside("heads", self.heads, 1, MOST)
            wide = self.head_hidden
            for width in [wide] if isinstance(wide, int) else wide:
                refuse_outside("head_hidden", width, 1, MOST)

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        hidden: int = 64,
        heads: int = 1,
        head_hidden: int | tuple[int, ...] = 64,
        activation: str = "relu",
        dropout: float = 0.0,
        embedded: bool = True,
        forget_bias: float = 0.0,
    ) -> None:
        super().__init__()
        self.trunk = Lstm(
            inputs, hidden, hidden=hidden, activation=activation, dropout=dropout,
            embedded=embedded, forget_bias=forget_bias,
        )  # fmt: skip
        # What the heads see is the answer of the layer itself.
        self.trunk.output = nn.Identity()
        self.memory = self.trunk.memory
        wide = (head_hidden,) if isinstance(head_hidden, int) else tuple(head_hidden)
        parts = torch.arange(outputs).tensor_split(min(heads, outputs))
        self.sizes = [len(part) for part in parts]
        self.heads = nn.ModuleList(
            Mlp(hidden, 1, hidden=wide, activation=activation, dropout=dropout).hidden
            for _ in self.sizes
        )
        self.output = nn.Linear(wide[-1] if wide else hidden, outputs)

    def step(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs of one step, (place, output), and the new memory."""
        inner, after = self.trunk.step(x, memory)
        return self._answer(inner), after

    def series(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs, (time, place, output), and the memory at the end."""
        inner, after = self.trunk.series(x, memory)
        return self._answer(inner), after

    def _answer(self, inner: Tensor) -> Tensor:
        weights = self.output.weight.split_with_sizes(self.sizes, 0)
        rows = zip(self.heads, weights, strict=True)
        answers = [torch.matmul(head(inner), weight.t()) for head, weight in rows]
        answer: Tensor = torch.cat(answers, -1) + self.output.bias
        return answer
