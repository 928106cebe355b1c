"""Temperature and salinity to begin with, from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...data.netcdf import numbers, opened, units_of
from ...errors import DataError, UnitsError
from ...operate.runner import Runner
from ...space import Grid
from ...units import convert

__all__ = ["begin_with_file", "water_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_NAMES = {
    "temperature": ("temperature", "thetao", "potential_temperature", "temp"),
    "salinity": ("salinity", "so", "salt"),
}
"""What files call the water's properties."""

_PRACTICAL = ("1", "")
"""Units of practical salinity, which has none; one of it counts as 1e-3."""


def begin_with_file(runner: Runner, path: Path) -> None:
    """Bring a cold ocean to the temperature and salinity of a file.

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
    for name, where, values in water_of(path, sea.shape):
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


def water_of(path: Path, shape: tuple[int, ...]) -> list[tuple[str, str, Array]]:
    """Return temperature and salinity of a file.

    Parameters
    ----------
    path : Path
        CF NetCDF file.
    shape : tuple of int
        Of the fields, levels first; profiles, (level,), are taken everywhere.

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
            values = _field(where, numbers(path, variable), shape)
            values = _converted(where, name, values, units_of(variable))
            found.append((name, where, values))
    return found


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
    if name == "salinity" and units in _PRACTICAL:
        return values
    try:
        wanted = "degC" if name == "temperature" else "1e-3"
        return np.asarray(convert(values, units, wanted), np.float64)
    except UnitsError as error:
        raise DataError(f"{where}: {error}") from None
