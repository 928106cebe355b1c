"""Neighbours, differences and means on fields whose faces lie after their cells.

Fields end in (row, column) or (level, row, column). The face in x of a cell is the one
east of it, that in y the one north of it, the corner the one north-east of it. All
fields have the shape of the cells; axes close upon themselves, and where there is a
wall, the face at the end is closed.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "above",
    "below",
    "between_columns",
    "between_rows",
    "divergence",
    "east",
    "north",
    "south",
    "west",
]


def east(x: Tensor) -> Tensor:
    """Return what stands one column further."""
    return torch.roll(x, -1, -1)


def west(x: Tensor) -> Tensor:
    """Return what stands one column before."""
    return torch.roll(x, 1, -1)


def north(x: Tensor) -> Tensor:
    """Return what stands one row further."""
    return torch.roll(x, -1, -2)


def south(x: Tensor) -> Tensor:
    """Return what stands one row before."""
    return torch.roll(x, 1, -2)


def between_columns(x: Tensor) -> Tensor:
    """Return the means of every column and the next."""
    return 0.5 * (x + east(x))


def between_rows(x: Tensor) -> Tensor:
    """Return the means of every row and the next."""
    return 0.5 * (x + north(x))


def divergence(x: Tensor, y: Tensor) -> Tensor:
    """Return what leaves every cell through its four sides."""
    return (x - west(x)) + (y - south(y))


def above(x: Tensor) -> Tensor:
    """Return what stands one level higher; at the top, what stands there."""
    return torch.cat((x[..., :1, :, :], x[..., :-1, :, :]), -3)


def below(x: Tensor) -> Tensor:
    """Return what stands one level lower; at the bottom, what stands there."""
    return torch.cat((x[..., 1:, :, :], x[..., -1:, :, :]), -3)
