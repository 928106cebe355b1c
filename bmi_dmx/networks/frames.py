"""Networks over grids that see the last states one after the other, and more fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..conversion import MOST, refuse_outside
from ..errors import ConfigError
from .base import activation_named
from .grids import GridConvolution, GridNetwork, GridOptions, Patches

__all__ = ["ConvLstm", "FrameOptions", "SimVp"]


@dataclass(frozen=True)
class FrameOptions(GridOptions):
    """As of grids, and how many channels are states, the latest first.

    Parameters
    ----------
    frames : int
        States of successive steps, which come first; channels after them are fields
        that go with each.
    seen : int
        States that are looked at, the latest ones.
    width : int
        Channels of each state.
    """

    frames: int = 12
    seen: int = 12
    width: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_outside("frames", self.frames, 1, MOST)
        refuse_outside("seen", self.seen, 1, self.frames)
        refuse_outside("width", self.width, 1, MOST)


class _FrameNetwork(GridNetwork):
    """A network that makes channels of patches of each state and all other fields."""

    Options = FrameOptions

    def __init__(self, inputs: int, options: FrameOptions, width: int) -> None:
        super().__init__()
        states = options.frames * options.width
        if inputs < states:
            raise ConfigError(
                f"frames: found {options.frames}, but {inputs} channels are read"
            )
        self.states, self.width = states, options.width
        self.seen = options.seen
        self.multiple = options.multiple()
        self.patches = Patches(options.patch)
        self.activation = activation_named(options.activation)
        self.dropout = nn.Dropout2d(options.dropout)
        channels = (options.width + inputs - states) * options.patch**2
        self.embed = GridConvolution(channels, width, options, kernel=1)

    def embedded(self, x: Tensor) -> list[Tensor]:
        """Return (batch, width, row, column) of the states seen, the oldest first."""
        others, n = x[:, self.states :], self.width
        return [
            self.embed(self.patches(torch.cat((x[:, k * n : k * n + n], others), 1)))
            for k in range(self.seen - 1, -1, -1)
        ]


class ConvLstm(_FrameNetwork):
    """A long short-term memory whose gates are convolutions.

    Shi et al. (2015), doi:10.48550/arXiv.1506.04214, with one layer; it is run through
    the states anew at every step, so that nothing but these is remembered.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    options : keywords
        As of :class:`FrameOptions`.
    """

    def __init__(self, inputs: int, outputs: int, **options: Any) -> None:
        choices = FrameOptions(**options)
        n = choices.hidden
        super().__init__(inputs, choices, n)
        self.gates = GridConvolution(2 * n, 4 * n, choices)
        self.output = GridConvolution(n, outputs * choices.patch**2, choices, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return fields, (batch, output, row, column)."""
        states = self.embedded(x)
        # Fields of zeros: of a mere number a program could make no channels.
        hidden = cell = states[0] - states[0]
        for state in states:
            gates = self.gates(torch.cat((state, hidden), 1))
            into, keep, out, new = gates.split(hidden.shape[1], 1)
            cell = torch.sigmoid(keep + 1.0) * cell
            cell = cell + torch.sigmoid(into) * torch.tanh(new)
            hidden = torch.sigmoid(out) * torch.tanh(cell)
        return self.patches.back(self.output(self.dropout(hidden)))


class SimVp(_FrameNetwork):
    """An encoder of each state, a translator of all of them, and a decoder.

    Gao et al. (2022), doi:10.1109/CVPR52688.2022.00317, with convolutions of one width
    in the translator, and a way past it from the latest state.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    options : keywords
        As of :class:`FrameOptions`; ``hidden`` are the channels of the translator, a
        quarter of which each state has.
    """

    def __init__(self, inputs: int, outputs: int, **options: Any) -> None:
        choices = FrameOptions(**options)
        n, width = choices.hidden, max(1, choices.hidden // 4)
        super().__init__(inputs, choices, width)
        self.encode = GridConvolution(width, width, choices)
        self.gather = GridConvolution(width * choices.seen, n, choices, kernel=1)
        self.translate = nn.ModuleList(
            [GridConvolution(n, n, choices) for _ in range(3)]
        )
        self.decode = GridConvolution(n + width, n, choices)
        self.output = GridConvolution(n, outputs * choices.patch**2, choices, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return fields, (batch, output, row, column)."""
        states = [
            self.activation(self.encode(self.activation(state)))
            for state in self.embedded(x)
        ]
        y = self.activation(self.gather(torch.cat(states, 1)))
        for layer in self.translate:
            y = y + self.activation(layer(y))
        y = self.activation(self.decode(torch.cat((self.dropout(y), states[-1]), 1)))
        return self.patches.back(self.output(self.dropout(y)))
