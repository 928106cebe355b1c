"""Temperature and salinity to begin with, from a file."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...data.netcdf import numbers, opened, units_of
from ...data.regrid import edges_between, filled, interpolated, regridded
from ...errors import DataError, UnitsError
from ...operate.runner import Runner
from ...space import Grid
from ...units import convert

__all__ = ["begin_with_file", "water_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_log = logging.getLogger(__name__)

_NAMES = {
    "temperature": ("temperature", "thetao", "potential_temperature", "temp"),
    "salinity": ("salinity", "so", "salt"),
}
"""What files call the water's properties."""

_PRACTICAL = ("", "1", "psu", "pss", "pss-78")
"""Units of practical salinity, which has none; one of it counts as 1e-3."""


def begin_with_file(runner: Runner, path: Path) -> None:
    """Bring a cold ocean to the temperature and salinity of a file.

    Fields on other rows, columns and levels, which the coordinates of the file tell,
    are brought to those of the ocean; where the file has land in a sea of the ocean,
    it is as the water beside it.

    Parameters
    ----------
    runner : Runner
        An ocean of levels.
    path : Path
        CF NetCDF file.

    Raises
    ------
    ConfigError
        When there is no such file.
    DataError
        When a variable is missing, of other units or shape, or no number in the sea.
    """
    grid = runner.space
    assert isinstance(grid, Grid)
    sea = grid.open_at("cell", ("level",))
    for name, where, values in water_of(path, sea.shape, grid):
        bad = sea & ~np.isfinite(values)
        if bad.any():
            level, row, column = np.argwhere(bad)[0].tolist()
            raise DataError(
                f"{where}: is no number at level {level}, row {row}, column "
                f"{column}, which is sea in the model"
            )
        water = np.where(sea, values, 0.0).reshape(-1)
        everywhere: Any = np.arange(water.size)
        runner.set_store(name, water, everywhere)


def water_of(
    path: Path, shape: tuple[int, ...], grid: Grid | None = None
) -> list[tuple[str, str, Array]]:
    """Return temperature and salinity of a file.

    Parameters
    ----------
    path : Path
        CF NetCDF file.
    shape : tuple of int
        Of the fields, levels first; profiles, (level,), are taken everywhere.
    grid : Grid, optional
        To which fields of other coordinates are brought.

    Returns
    -------
    list of (str, str, array)
        Name, where it was found, for messages, and values in units of the model.

    Raises
    ------
    ConfigError, DataError
        As of :func:`begin_with_file`.
    """
    found = []
    with opened(path) as file:
        for name, names in _NAMES.items():
            there = next((n for n in names if n in file.variables), None)
            if there is None:
                raise DataError(
                    f"{path}: has no {' or '.join(names)}, found "
                    f"{', '.join(file.variables)}"
                )
            variable = file.variables[there]
            where = f"{path}: {there}"
            values = numbers(path, variable)
            own = _Coordinates.of(path, file, variable)
            if own is not None and grid is not None and not own.are_of(grid):
                values = own.brought(where, values, grid)
            values = _field(where, values, shape)
            values = _converted(where, name, values, units_of(variable))
            found.append((name, where, values))
    return found


@dataclass(frozen=True)
class _Coordinates:
    """Depths, latitudes and longitudes of a field in a file."""

    z: Array
    y: Array
    x: Array

    @classmethod
    def of(cls, path: Path, file: Any, variable: Any) -> _Coordinates | None:
        """Return those of a variable; None where the file does not tell them."""
        names = variable.dimensions[-3:]
        if len(names) < 3 or any(name not in file.variables for name in names):
            return None
        return cls(*(numbers(path, file.variables[name]) for name in names))

    def are_of(self, grid: Grid) -> bool:
        """Return whether they are those of a grid, or it is none on the sphere."""
        if grid.radius is None:
            return True
        own = (np.abs(self.z), self.y, self.x)
        wanted = (-grid.nodes("z"), grid.nodes("y"), grid.nodes("x"))
        return all(
            a.shape == b.shape and np.allclose(a, b, atol=1e-3)
            for a, b in zip(own, wanted, strict=True)
        )

    def brought(self, where: str, values: Array, grid: Grid) -> Array:
        """Return a field on the cells and levels of a grid; land is as the sea beside.

        Raises
        ------
        DataError
            Coordinates of the file are none of cells, or nothing known lies in the sea.
        """
        field = values[0] if values.ndim == 4 else values
        down, north, east = (np.argsort(a) for a in (np.abs(self.z), self.y, self.x))
        field = field[down][:, north][:, :, east]
        try:
            y = edges_between(self.y[north], -90.0, 90.0)
            x = edges_between(self.x[east], -np.inf, np.inf)
        except DataError as error:
            raise DataError(f"{where}: {error}") from None
        found = regridded(field, (y, grid.y_edges), (x, grid.x_edges))
        found = interpolated(found, np.abs(self.z)[down], -grid.nodes("z"))
        sea = grid.open_at("cell", ("level",))
        lacking = int((sea & ~np.isfinite(found)).sum())
        _log.warning(
            "%s: brought to the grid of the model; %d of %d cells of its sea were land "
            "there, and are as the water beside them", where, lacking, int(sea.sum()),
        )  # fmt: skip
        return filled(found, sea, "x" in grid.periodic)


def _field(where: str, values: Any, shape: tuple[int, ...]) -> Array:
    """Return a field of the first time, or of a profile."""
    if values.ndim == len(shape) + 1:
        values = values[0]
    if values.shape == shape[:1]:
        everywhere = values.reshape(-1, *(1,) * (len(shape) - 1))
        values = np.broadcast_to(everywhere, shape)
    if values.shape != shape:
        raise DataError(
            f"{where}: found shape {values.shape}, expected {shape} or {shape[:1]}"
        )
    return np.asarray(values, np.float64)


def _converted(where: str, name: str, values: Array, units: str) -> Array:
    if name == "salinity" and units.casefold() in _PRACTICAL:
        return values
    try:
        wanted = "degC" if name == "temperature" else "1e-3"
        return np.asarray(convert(values, units, wanted), np.float64)
    except UnitsError as error:
        raise DataError(f"{where}: {error}") from None
