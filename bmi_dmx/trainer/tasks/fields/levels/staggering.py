"""Fields of cells where states of a model stand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....space import Grid
from .....variables import At

__all__ = ["open_faces", "placed"]

Array = NDArray[Any]


def placed(x: Array, at: At, grid: Grid, sea: Array) -> Array:
    """Return a field of cells at cells, or on the faces between two of the system.

    Parameters
    ----------
    x : (..., level, row, column) array
        At cells, 0 outside the system.
    at : {"cell", "x_face", "y_face"}
        Where it is wanted; the mean of both sides.
    grid : Grid
        Along axes with walls there is a face more than cells.
    sea : (level, row, column) array
        1 inside the system.
    """
    if at == "cell":
        return x
    axis, wall = (-1, "x") if at == "x_face" else (-2, "y")
    between = 0.5 * (x + np.roll(x, -1, axis))
    is_open = sea * np.roll(sea, -1, axis)
    values: Array = between * is_open
    if wall in grid.periodic:
        return values
    inner = np.delete(values, -1, axis)
    walls = [(0, 0)] * values.ndim
    walls[axis] = (1, 1)
    return np.pad(inner, walls)


def open_faces(at: At, grid: Grid, sea: Array) -> Array:
    """Return 1 where a field stands inside the system, else 0."""
    return placed(sea, at, grid, sea)
