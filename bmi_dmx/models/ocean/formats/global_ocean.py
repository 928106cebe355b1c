"""A global ocean of one file: bottom, months of water and weather, a state.

Such files have eastward currents and stresses on the west faces of cells, northward
ones on south faces, and heat and fresh water upwards; here they are on east and north
faces, and into the water.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from ....data.netcdf import numbers, opened, units_of
from ....errors import DataError, UnitsError, suggestion
from ....space import Grid
from ....units import convert

__all__ = ["SAMPLE", "GlobalOcean", "read_global_ocean"]

Array = np.ndarray[Any, np.dtype[np.float64]]

SAMPLE = Path(str(files("bmi_dmx") / "data" / "global_ocean_4deg.nc"))
"""A global ocean of 4 degrees that comes with the package."""

RADIUS = 6.371e6
"""Of the sphere, m."""

_MONTH = 30.0
"""Days of a month; twelve are a year."""

_UNITS = {
    "temperature": "degC", "salinity": "1e-3", "sst": "degC", "sss": "1e-3",
    "taux": "Pa", "tauy": "Pa", "qnet": "W m-2", "emp": "m s-1",
    "spinup_u": "m s-1", "spinup_v": "m s-1", "spinup_temperature": "degC",
    "spinup_salinity": "1e-3", "spinup_eta": "m",
}  # fmt: skip

_PRACTICAL = ("salinity", "spinup_salinity")
"""Practical salinity has no units; one of it counts as 1e-3."""


@dataclass(frozen=True)
class GlobalOcean:
    """What such a file holds.

    Parameters
    ----------
    grid : Grid
        Its cells on the sphere, south to north, periodic in x.
    cell_fraction : ndarray
        (level, row, column) share of cells above the bottom.
    months : dict of str to ndarray
        (12, …) means: temperature, salinity, and forcings by their names.
    state : dict of str to ndarray
        The state that the file was made with, by name.
    """

    grid: Grid
    cell_fraction: Array
    months: dict[str, Array]
    state: dict[str, Array]

    def on_day(self, day: float, names: tuple[str, ...]) -> dict[str, Array]:
        """Return fields on a day of the year of 360 days, between middles of months."""
        at = (day / _MONTH - 0.5) % 12.0
        before, share = int(at), at % 1.0
        after = (before + 1) % 12
        return {
            n: (1.0 - share) * self.months[n][before] + share * self.months[n][after]
            for n in names
        }


def read_global_ocean(path: Path = SAMPLE) -> GlobalOcean:
    """Read a global ocean, such as that which comes with the package.

    Land is 0 in all that is returned.

    Raises
    ------
    ConfigError
        When there is no such file.
    DataError
        When a variable is missing, of other units or shape, or not a number on cells of
        the sea.
    """
    with opened(path) as file:
        reader = _Reader(path, file)
        x, y, z = (
            _edges(path, n, reader.plain(f"{n}_bnds")) for n in ("lon", "lat", "z")
        )
        fraction = reader.plain("cell_fraction")
        mask = fraction > 0.0
        grid = Grid(
            x, y, -z, periodic=("x",), mask=mask, radius=RADIUS
        )  # fmt: skip
        surface = mask[0]
        months = {
            "temperature": reader.sea("temperature", mask),
            "salinity": reader.sea("salinity", mask),
            "target_temperature": reader.sea("sst", surface),
            "target_salinity": reader.sea("sss", surface),
            "stress_x": np.roll(reader.sea("taux"), -1, -1),
            "stress_y": _with_north_wall(reader.sea("tauy")),
            "heat": -reader.sea("qnet", surface),
            # A metre of fresh water has a mass of 1000 kg by area.
            "fresh_water": -1000.0 * reader.sea("emp", surface),
        }
        state = {
            "u": np.roll(reader.sea("spinup_u"), -1, -1),
            "v": _with_north_wall(reader.sea("spinup_v")),
            "temperature": reader.sea("spinup_temperature", mask),
            "salinity": reader.sea("spinup_salinity", mask),
            "elevation": reader.sea("spinup_eta", surface),
        }
    return GlobalOcean(grid, fraction, months, state)


def _with_north_wall(x: Array) -> Array:
    """Return values of south faces with those of the wall at the northern end."""
    return np.concatenate((x, np.zeros_like(x[..., :1, :])), -2)


def _edges(path: Path, name: str, bounds: Array) -> Array:
    if bounds.ndim != 2 or bounds.shape[1] != 2:
        raise DataError(
            f"{path}: {name}_bnds: found shape {bounds.shape}, expected (n, 2)"
        )
    if not np.allclose(bounds[1:, 0], bounds[:-1, 1]):
        raise DataError(f"{path}: {name}_bnds: cells do not follow each other")
    return np.append(bounds[:, 0], bounds[-1, 1])


class _Reader:
    """Variables of a file by name."""

    def __init__(self, path: Path, file: Any) -> None:
        self._path, self._file = path, file

    def plain(self, name: str) -> Array:
        """Return all numbers of a variable."""
        variables = self._file.variables
        if name not in variables:
            hint = suggestion(name, variables)
            raise DataError(f"{self._path}: has no variable {name!r}{hint}")
        return numbers(self._path, variables[name])

    def sea(self, name: str, mask: Any = None) -> Array:
        """Return numbers in units of the model; 0 on land, where there is a mask."""
        values = self.plain(name)
        where = f"{self._path}: {name}"
        if mask is not None:
            if values.shape[-mask.ndim :] != mask.shape:
                raise DataError(
                    f"{where}: found shape {values.shape}, expected it to end in "
                    f"{mask.shape}"
                )
            values = np.where(mask, values, 0.0)
        if not np.isfinite(values).all():
            at = tuple(int(k) for k in np.argwhere(~np.isfinite(values))[0])
            raise DataError(f"{where}: not a number on the sea, at {at}")
        units = units_of(self._file.variables[name])
        if name in _PRACTICAL and units == "1":
            return values
        try:
            return np.asarray(convert(values, units, _UNITS[name]))
        except UnitsError as error:
            raise DataError(f"{where}: {error}") from None
