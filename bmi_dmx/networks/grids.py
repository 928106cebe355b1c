"""What networks over grids are built of: edges, patches, halves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..conversion import MOST, refuse_outside
from ..errors import ConfigError
from .base import LayerOptions, Network

__all__ = [
    "GridConvolution",
    "GridNetwork",
    "GridOptions",
    "Patches",
    "doubled",
    "halved",
]


@dataclass(frozen=True)
class GridOptions(LayerOptions):
    """Channels, width of patches, kernel, and whether columns go around.

    Parameters
    ----------
    hidden : int
        Channels of the widest fields.
    patch : int
        Rows and columns that are folded into channels first, which divide those of the
        grid.
    kernel : int
        Width of the kernels, odd.
    circular : bool
        Whether the last column is beside the first, as on a globe; nothing lies beyond
        the first and last row. Where it is not, patches need not divide the grid.
    """

    hidden: int = 32
    patch: int = 2
    kernel: int = 3
    circular: bool = True
    activation: str = "silu"

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_outside("patch", self.patch, 1, MOST)
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ConfigError(f"kernel: found {self.kernel}, expected an odd number")

    def multiple(self, halvings: int = 0) -> int:
        """Return what rows and columns are filled up to a multiple of."""
        return 1 if self.circular else self.patch * 2**halvings


class GridConvolution(nn.Module):
    """A convolution over (batch, channel, row, column) that keeps the shape."""

    def __init__(self, inputs: int, outputs: int, options: Any, kernel: int = 0):
        super().__init__()
        width = kernel or options.kernel
        self.reach = width // 2 if options.circular else 0
        padding = (width // 2, 0 if options.circular else width // 2)
        self.convolution = nn.Conv2d(inputs, outputs, width, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        """Return the fields."""
        if self.reach:
            if x.shape[-1] < self.reach:
                raise ConfigError(
                    f"kernel: reaches {self.reach} columns to each side, found "
                    f"{x.shape[-1]} to go around"
                )
            x = torch.cat((x[..., -self.reach :], x, x[..., : self.reach]), -1)
        fields: Tensor = self.convolution(x)
        return fields


class Patches(nn.Module):
    """Patches of a grid folded into channels, and out of them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, channel * width², row / width, column / width)."""
        n, channels, rows, columns = x.shape
        w = self.width
        if rows % w or columns % w:
            raise ConfigError(
                f"patch: {w} does not divide the {rows} rows and {columns} columns"
            )
        x = x.reshape(n, channels, rows // w, w, columns // w, w)
        x = x.permute(0, 1, 3, 5, 2, 4)
        return x.reshape(n, channels * w * w, rows // w, columns // w)

    def back(self, x: Tensor) -> Tensor:
        """Return (batch, channel / width², row * width, column * width)."""
        n, channels, rows, columns = x.shape
        w = self.width
        x = x.reshape(n, channels // (w * w), w, w, rows, columns)
        x = x.permute(0, 1, 4, 2, 5, 3)
        return x.reshape(n, channels // (w * w), rows * w, columns * w)


def halved(x: Tensor) -> Tensor:
    """Return means of two by two cells; rows and columns are even."""
    n, channels, rows, columns = x.shape
    if rows % 2 or columns % 2:
        raise ConfigError(f"patch: {rows} rows and {columns} columns cannot be halved")
    return x.reshape(n, channels, rows // 2, 2, columns // 2, 2).mean((3, 5))


def doubled(x: Tensor) -> Tensor:
    """Return each cell as two by two."""
    n, channels, rows, columns = x.shape
    x = x[:, :, :, None, :, None].expand(-1, -1, -1, 2, -1, 2)
    return x.reshape(n, channels, 2 * rows, 2 * columns)


class GridNetwork(Network):
    """A network over (…, channel, row, column), without memory.

    Subclasses implement :meth:`forward` over (batch, channel, row, column), and set
    :attr:`multiple`.
    """

    multiple = 1
    """Fields are filled up with zeros to a multiple of so many rows and columns."""

    def step(self, x: Tensor, memory: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Return fields, (…, output, row, column)."""
        rows, columns = x.shape[-2:]
        fields = x.reshape(-1, *x.shape[-3:])
        for axis, size in ((-2, rows), (-1, columns)):
            if lacking := -size % self.multiple:
                # Zeros of fields: of a mere number a program could make no rows.
                some = fields.narrow(axis, 0, 1)
                fields = torch.cat((fields, *[some - some] * lacking), axis)
        y: Tensor = self(fields)[..., :rows, :columns]
        return y.reshape(*x.shape[:-3], *y.shape[1:]), {}
