"""A basin that is made, not measured: shelf, island and stratified water."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...space import Grid

if TYPE_CHECKING:
    from ...bundle import Bundle

__all__ = ["basin_grid", "basin_water", "made_basin"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_ROWS, _COLUMNS, _DEGREES = 12, 15, 4.0
_SOUTH, _WEST = 12.0, 300.0
_TOPS = (0.0, -50.0, -150.0, -400.0, -1000.0, -2500.0)
_RADIUS = 6.371e6


def _fractions() -> Array:
    """Return the shares of cells that are water, (level, row, column)."""
    fractions = np.ones((len(_TOPS) - 1, _ROWS, _COLUMNS))
    fractions[3:, :, :2] = 0.0  # a shelf in the west
    fractions[2, :, 1] = 0.4
    fractions[4, 2:5, 6:8] = 0.3  # a rise
    fractions[:, 7, 10:12] = 0.0  # an island
    return fractions


def basin_grid() -> Grid:
    """Return the grid of the basin, 12 to 60 degrees north, with walls around it."""
    plain = Grid.uniform(
        (_ROWS, _COLUMNS), (_DEGREES, _DEGREES), (_SOUTH, _WEST), radius=_RADIUS,
        z_edges=_TOPS,
    )  # fmt: skip
    return Grid(
        plain.x_edges, plain.y_edges, plain.z_edges, radius=_RADIUS,
        mask=_fractions() > 0.0,
    )  # fmt: skip


def basin_water() -> dict[str, Array]:
    """Return what the water of the basin is like before any wind, by state.

    (level, row, column): warm above and in the south, 0 on land.
    """
    grid = basin_grid()
    y = grid.nodes("y")[:, None]
    depth = -grid.nodes("z")[:, None, None]
    warm = 24.0 * np.cos(np.radians(y)) ** 2 * np.exp(-depth / 500.0) + 2.0
    salt = 34.7 + 1.2 * np.cos(np.radians(2.0 * (y - 30.0))) * np.exp(-depth / 500.0)
    sea = grid.open_at("cell", ("level",))
    return {
        "temperature": np.where(sea, warm + np.zeros(sea.shape), 0.0),
        "salinity": np.where(sea, salt + np.zeros(sea.shape), 0.0),
    }


def made_basin(path: Path, *, overwrite: bool = False) -> Bundle:
    """Write the basin as a bundle.

    Parameters
    ----------
    path : Path
        Folder of the bundle.
    overwrite : bool
        Whether an older bundle may be replaced.
    """
    # Its grid and its water are for those who have no PyTorch as well.
    from .ocean_bundle import ocean_bundle

    viscosity = np.full((_ROWS, _COLUMNS), 5e5)
    return ocean_bundle(
        path, basin_grid(), _fractions(),
        seconds=3600.0,
        options={"forced_by": ["wind", "heat", "light", "water"]},
        coefficients={"viscosity": viscosity, "diffusivity": viscosity / 500.0},
        source="made by bmi_dmx.models.ocean.made_basin; no measurement",
        licence="Apache-2.0", overwrite=overwrite,
    )  # fmt: skip
