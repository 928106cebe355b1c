"""From rows and columns of files to those of a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .....data.regrid import edges_between, regridded
from .....errors import DataError
from .....space import Grid

__all__ = ["GridSelection", "Means", "Onto", "onto"]

Array = NDArray[np.float64]
Steps = NDArray[np.intp]

Onto = Callable[[Array], Array]
"""From fields of a file, (..., row, column), to those on a grid."""


@dataclass(frozen=True)
class GridSelection:
    """Rows and columns of a file that are those of a grid.

    Parameters
    ----------
    rows, columns : array of int
        Their positions in the file.
    """

    rows: Steps
    columns: Steps

    def __call__(self, x: Array) -> Array:
        """Return fields on the grid."""
        fields: Array = x[..., self.rows[:, None], self.columns]
        return fields


@dataclass(frozen=True)
class Means:
    """Means over cells of a grid, by area, of what is known in them.

    Parameters
    ----------
    rows, columns : (array, array)
        Edges of the file and of the grid, degrees, as of
        :func:`~bmi_dmx.data.regrid.regridded`.
    falling : bool
        Whether rows of the file are given from north to south.
    """

    rows: tuple[Array, Array]
    columns: tuple[Array, Array]
    falling: bool

    def __call__(self, x: Array) -> Array:
        """Return fields on the grid, NaN where nothing is known."""
        rising = x[..., ::-1, :] if self.falling else x
        return regridded(rising, self.rows, self.columns)


def onto(source: str, y: Array, x: Array, grid: Grid, *, regrid: bool) -> Onto:
    """Return what brings fields of a file to a grid.

    Parameters
    ----------
    source : str
        The file, for messages.
    y, x : array
        Middles of its rows and columns, degrees.
    grid : Grid
        Of the model.
    regrid : bool
        Whether means over cells are taken; else all rows and columns must be there.

    Raises
    ------
    DataError
        Rows or columns of the grid are not in the file, or not in order.
    """
    if not regrid:
        return GridSelection(
            _matched(source, "y", y, grid.nodes("y")),
            _matched(source, "x", x, grid.nodes("x")),
        )
    falling = bool(y[0] > y[-1])
    rising = y[::-1] if falling else y
    return Means(
        (edges_between(rising, -90.0, 90.0), grid.y_edges),
        (edges_between(x, -np.inf, np.inf), grid.x_edges),
        falling,
    )


def _matched(source: str, axis: str, nodes: Array, targets: Array) -> Steps:
    """Return which rows or columns of a file are those of a grid."""
    apart = np.abs(nodes[None, :] - targets[:, None])
    if axis == "x":
        apart = np.minimum(apart % 360.0, 360.0 - apart % 360.0)
    at: Steps = apart.argmin(1)
    far = apart[np.arange(len(targets)), at] > 1e-3
    if far.any():
        raise DataError(
            f"{source}: {axis}: found {nodes.size} from {nodes[0]:g} to {nodes[-1]:g}, "
            f"none of them is {targets[far][0]:g}, which the model has; data.regrid: "
            "true takes means over its cells"
        )
    return at
