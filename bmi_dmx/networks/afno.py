"""Adaptive Fourier neural operators over grids."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..conversion import refuse_outside
from ..errors import ConfigError
from .base import activation_named
from .grids import GridConvolution, GridNetwork, GridOptions, Patches

__all__ = ["Afno"]


class Afno(GridNetwork):
    """Patches mixed by waves, and channels by layers, a few times.

    Guibas et al. (2022), doi:10.48550/arXiv.2111.13587, as FourCastNet uses them
    (Pathak et al. 2022, doi:10.48550/arXiv.2202.11214). Waves are products with
    matrices of cosines and sines, which small grids allow and programs know.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    options : keywords
        As of :class:`~.grids.GridOptions`; ``depth`` rounds, ``blocks`` of channels
        that waves are mixed within, and ``widening`` of the layers.
    """

    @dataclass(frozen=True)
    class Options(GridOptions):
        """As of grids, with the number of rounds, blocks, and the widening."""

        hidden: int = 64
        patch: int = 4
        activation: str = "gelu"
        depth: int = 4
        blocks: int = 4
        widening: int = 4

        def __post_init__(self) -> None:
            super().__post_init__()
            for name in ("depth", "blocks", "widening"):
                refuse_outside(name, getattr(self, name), 1, 1000)
            if self.hidden % self.blocks:
                raise ConfigError(
                    f"blocks: {self.blocks} do not divide {self.hidden} channels"
                )

    def __init__(self, inputs: int, outputs: int, **options: Any) -> None:
        super().__init__()
        choices = self.Options(**options)
        cells = choices.patch**2
        self.patches = Patches(choices.patch)
        self.embed = GridConvolution(inputs * cells, choices.hidden, choices, kernel=1)
        self.rounds = nn.ModuleList([_Round(choices) for _ in range(choices.depth)])
        self.output = GridConvolution(
            choices.hidden, outputs * cells, choices, kernel=1
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return fields, (batch, output, row, column)."""
        y = self.embed(self.patches(x))
        for one in self.rounds:
            y = one(y)
        return self.patches.back(self.output(y))


class _Round(nn.Module):
    """Waves mixed within blocks of channels, then channels of each patch."""

    def __init__(self, options: Any) -> None:
        super().__init__()
        n, self.blocks = options.hidden, options.blocks
        size = n // self.blocks
        self.activation = activation_named(options.activation)
        self.dropout = nn.Dropout2d(options.dropout)
        shape = (2, self.blocks, size, size)
        self.first = nn.Parameter(0.02 * torch.randn(shape))
        self.second = nn.Parameter(0.02 * torch.randn(shape))
        self.wide = GridConvolution(n, n * options.widening, options, kernel=1)
        self.narrow = GridConvolution(n * options.widening, n, options, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, channel, row, column)."""
        x = x + self._waves(_levelled(x))
        inner = self.activation(self.wide(_levelled(x)))
        after: Tensor = x + self.dropout(self.narrow(inner))
        return after

    def _waves(self, x: Tensor) -> Tensor:
        rows, columns = x.shape[-2:]
        along, down = _turn(columns, x), _turn(rows, x)
        real, imaginary = _transformed(x, None, along, -1.0)
        real, imaginary = _transformed(
            real.transpose(-1, -2), imaginary.transpose(-1, -2), down, -1.0
        )
        real, imaginary = self._mixed(real, imaginary, self.first)
        real, imaginary = self.activation(real), self.activation(imaginary)
        real, imaginary = self._mixed(real, imaginary, self.second)
        real, imaginary = _transformed(real, imaginary, down, 1.0)
        back, _ = _transformed(
            real.transpose(-1, -2), imaginary.transpose(-1, -2), along, 1.0
        )
        return back

    def _mixed(self, a: Tensor, b: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return complex channels times complex weights, block by block."""
        n, channels, *field = a.shape
        size = channels // self.blocks
        pieces = [x.reshape(n, self.blocks, size, -1) for x in (a, b)]
        re, im = weight[0].unsqueeze(0), weight[1].unsqueeze(0)
        real = re @ pieces[0] - im @ pieces[1]
        imaginary = re @ pieces[1] + im @ pieces[0]
        return real.reshape(n, channels, *field), imaginary.reshape(n, channels, *field)


def _levelled(x: Tensor) -> Tensor:
    """Return channels of mean 0 and variance 1 in each patch."""
    x = x - x.mean(1, keepdim=True)
    return x / torch.sqrt((x * x).mean(1, keepdim=True) + 1e-5)


def _turn(count: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return cosines and sines of 2 π j k / count over its root, (count, count)."""
    k = torch.arange(count, dtype=like.dtype, device=like.device)
    angle = (k.unsqueeze(1) * k) * (2.0 * math.pi / count)
    scale = count**-0.5
    return torch.cos(angle) * scale, torch.sin(angle) * scale


def _transformed(
    real: Tensor, imaginary: Tensor | None, turn: tuple[Tensor, Tensor], sign: float
) -> tuple[Tensor, Tensor]:
    """Return the discrete Fourier transform along the last axis, or the way back."""
    cosine, sine = turn[0], turn[1] * sign
    if imaginary is None:
        return real @ cosine, real @ sine
    return real @ cosine - imaginary @ sine, real @ sine + imaginary @ cosine
