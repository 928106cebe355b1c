"""Temperature and salinity to begin with, from a file."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...data.netcdf import numbers, opened, units_of
from ...data.quantity import quantity
from ...data.regrid import edges_between, filled, interpolated, regridded
from ...errors import DataError, UnitsError
from ...operate.runner import Runner
from ...space import Grid
from ...units import convert
from ...variables import Variable

__all__ = ["begin_with_file", "water_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_log = logging.getLogger(__name__)

_NAMES = {
    "temperature": ("temperature", "thetao", "potential_temperature", "temp"),
    "salinity": ("salinity", "so", "salt"),
}
"""What files call the water's properties."""

_UNITS = {"temperature": "degC", "salinity": "1e-3"}


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
    depths = -np.asarray(grid.nodes("z"))
    for name, where, values in water_of(path, sea.shape, grid, depths):
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
    path: Path,
    shape: tuple[int, ...],
    grid: Grid | None = None,
    depths: Array | None = None,
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
    depths : (level,) array, optional
        Middles of the levels, m, to which profiles are brought whose depths the file
        tells.

    Returns
    -------
    list of (str, str, array)
        Name, where it was found, for messages, and values in units of the model.

    Raises
    ------
    ConfigError, DataError
        As of :func:`begin_with_file`.
    """
    fields = []
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
            axes = _Coordinates.of(path, file, variable)
            if axes is not None and grid is not None and not axes.are_of(grid):
                values = axes.brought(where, values, grid)
            elif axes is not None:
                values = axes.downwards(values)
            elif depths is not None and values.ndim < 3:
                values = _at_depths(path, file, variable, values, depths)
            values = _field(where, values, shape)
            values = _converted(where, name, values, units_of(variable))
            fields.append((name, where, values))
    return fields


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
        axes = (np.abs(self.z), self.y, self.x)
        nodes = (-grid.nodes("z"), grid.nodes("y"), grid.nodes("x"))
        return all(
            a.shape == b.shape and np.allclose(a, b, atol=1e-3)
            for a, b in zip(axes, nodes, strict=True)
        )

    def downwards(self, values: Array) -> Array:
        """Return a field with its levels from the surface down."""
        down = np.argsort(np.abs(self.z), kind="stable")
        field: Array = values[..., down, :, :]
        return field

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
        cells = regridded(field, (y, grid.y_edges), (x, grid.x_edges))
        cells = interpolated(cells, np.abs(self.z)[down], -grid.nodes("z"))
        sea = grid.open_at("cell", ("level",))
        lacking = int((sea & ~np.isfinite(cells)).sum())
        _log.warning(
            "%s: brought to the grid of the model; %d of %d cells of its sea were land "
            "there, and are as the water beside them", where, lacking, int(sea.sum()),
        )  # fmt: skip
        return filled(cells, sea, "x" in grid.periodic)


def _at_depths(
    path: Path, file: Any, variable: Any, values: Array, depths: Array
) -> Array:
    """Return profiles, levels first, at depths of a model if the file tells its own.

    Raises
    ------
    DataError
        Depths of the file are no numbers, or one comes twice.
    """
    dimension = variable.dimensions[0]
    if dimension not in file.variables:
        return values
    coordinate = file.variables[dimension]
    units = units_of(coordinate) or "m"
    try:
        z = np.abs(convert(numbers(path, coordinate), units, "m"))
    except UnitsError as error:
        raise DataError(f"{path}: {dimension}: {error}") from None
    order = np.argsort(z)
    if not np.isfinite(z).all() or (np.diff(z[order]) == 0.0).any():
        raise DataError(
            f"{path}: {dimension}: found {np.round(z, 2).tolist()} m, expected depths, "
            "each once"
        )
    z, values = z[order], values[order]
    if z.shape == depths.shape and np.allclose(z, depths, atol=0.01):
        return values
    _log.warning(
        "%s: %s: profiles at %g to %g m are brought to levels of %g to %g m",
        path, variable.name, z[0], z[-1], depths[0], depths[-1],
    )  # fmt: skip
    return interpolated(values, z, depths)


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
    target = Variable(name=name, units=_UNITS[name])
    if not units:
        _log.warning("%s: %s is assumed, no units are given", where, target.units)
    try:
        return quantity(values, units, target, where, lambda x: _log.warning("%s", x))
    except UnitsError as error:
        raise DataError(str(error)) from None
