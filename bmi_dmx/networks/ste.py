"""Attention between patches of a grid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..conversion import MOST, refuse_outside
from ..errors import ConfigError
from .base import activation_named
from .grids import GridConvolution, GridNetwork, GridOptions, Patches

__all__ = ["Ste"]

_LEAST = 1e-5
"""What is added to variances that something is divided by."""

_WAVES = 4
"""Waves along rows and columns that tell where a patch is."""


class Ste(GridNetwork):
    """An encoder, blocks of attention between all patches, and a decoder.

    Each block is told where its patches are, normalises their channels, and adds what
    several heads of attention bring from all other patches (Vaswani et al. 2017,
    doi:10.48550/arXiv.1706.03762; of patches: Dosovitskiy et al. 2021,
    doi:10.48550/arXiv.2010.11929) and what units make of it. What the encoder saw goes
    past the blocks to the decoder as well. Memory grows with the square of the number
    of patches.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    options : keywords
        As of :class:`Options`.
    """

    @dataclass(frozen=True)
    class Options(GridOptions):
        """As of grids, and the blocks.

        Parameters
        ----------
        blocks : int
            Blocks one after the other.
        heads : int
            Heads of attention, which divide ``hidden``.
        """

        patch: int = 4
        blocks: int = 2
        heads: int = 4

        def __post_init__(self) -> None:
            super().__post_init__()
            refuse_outside("blocks", self.blocks, 1, MOST)
            refuse_outside("heads", self.heads, 1, MOST)
            if self.hidden % self.heads:
                raise ConfigError(
                    f"heads: found {self.heads}, expected a divisor of hidden "
                    f"{self.hidden}"
                )

    def __init__(self, inputs: int, outputs: int, **options: Any) -> None:
        super().__init__()
        choices = self.Options(**options)
        n, cells = choices.hidden, choices.patch**2
        self.multiple = choices.multiple()
        self.patches = Patches(choices.patch)
        self.activation = activation_named(choices.activation)
        self.encode = nn.ModuleList(
            [
                GridConvolution(inputs * cells, n, choices, kernel=1),
                GridConvolution(n, n, choices),
            ]
        )
        self.blocks = nn.ModuleList([_Block(choices) for _ in range(choices.blocks)])
        self.decode = GridConvolution(2 * n, n, choices)
        self.output = GridConvolution(n, outputs * cells, choices, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return fields, (batch, output, row, column)."""
        features = self.patches(x)
        for layer in self.encode:
            features = self.activation(layer(features))
        rows, columns = features.shape[-2:]
        where = _position(rows, columns, features)
        flat = features.reshape(*features.shape[:2], rows * columns).transpose(1, 2)
        for block in self.blocks:
            flat = block(flat, where)
        deep = flat.transpose(1, 2).reshape(features.shape)
        both = torch.cat((features, deep), 1)
        return self.patches.back(self.output(self.activation(self.decode(both))))


def _position(rows: int, columns: int, like: Tensor) -> Tensor:
    """Return waves along rows and columns by patch, (row * column, 4 * waves)."""

    def waves(count: int) -> Tensor:
        at = torch.arange(count, dtype=like.dtype, device=like.device) / count
        number = torch.arange(_WAVES, dtype=like.dtype, device=like.device) + 1.0
        turn = 2.0 * math.pi * at.unsqueeze(1) * number
        return torch.cat((torch.cos(turn), torch.sin(turn)), 1)

    down = waves(rows).unsqueeze(1).expand(rows, columns, 2 * _WAVES)
    along = waves(columns).unsqueeze(0).expand(rows, columns, 2 * _WAVES)
    return torch.cat((down, along), -1).reshape(rows * columns, 4 * _WAVES)


class _Block(nn.Module):
    """Attention between patches, and units of each, added to what comes in."""

    def __init__(self, options: Any) -> None:
        super().__init__()
        n, self.heads = options.hidden, options.heads
        self.position = nn.Linear(4 * _WAVES, n)
        self.first, self.second = nn.Linear(n, 3 * n), nn.Linear(n, n)
        self.wide, self.narrow = nn.Linear(n, 2 * n), nn.Linear(2 * n, n)
        self.activation = activation_named(options.activation)
        self.dropout = nn.Dropout(options.dropout)

    def forward(self, x: Tensor, where: Tensor) -> Tensor:
        """Return (batch, patch, channel)."""
        inner = _levelled(x + self.position(where))
        x = x + self.dropout(self.second(self._attention(self.first(inner))))
        inner = self.narrow(self.activation(self.wide(_levelled(x))))
        after: Tensor = x + self.dropout(inner)
        return after

    def _attention(self, x: Tensor) -> Tensor:
        batch, patches, channels = x.shape
        size = channels // 3 // self.heads
        parts = x.reshape(batch, patches, 3, self.heads, size).permute(2, 0, 3, 1, 4)
        queries, other, values = parts.unbind(0)
        shares = torch.softmax(queries @ other.transpose(-1, -2) * size**-0.5, -1)
        context = (shares @ values).permute(0, 2, 1, 3)
        return context.reshape(batch, patches, self.heads * size)


def _levelled(x: Tensor) -> Tensor:
    """Return channels of mean 0 and variance 1 in each patch."""
    x = x - x.mean(-1, keepdim=True)
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + _LEAST)
