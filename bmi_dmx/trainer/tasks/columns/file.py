"""The file of a column: its variables by name, as what they are wanted for."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....data.fields import month_numbers
from ....data.netcdf import Stamps, numbers, stamps, time_variable, units_of
from ....data.quantity import quantity, refuse_impossible
from ....errors import DataError, suggestion
from ....variables import Forcing, Variable

__all__ = ["ColumnFile"]

_log = logging.getLogger(__name__)

Array = NDArray[np.float64]
Times = NDArray[np.datetime64]

_GAP = 8
"""Longest gap of a series, in steps, that a straight line bridges."""

_APART = 2.0
"""By how much an observed depth and the middle of a level may differ, m."""

_MONTHS = 12

_PROFILES = ("months", "depths")

_WATER = {
    "temperature": Variable(name="temperature", units="degC", bounds=(-10.0, 45.0)),
    "salinity": Variable(name="salinity", units="1e-3", bounds=(0.0, 50.0)),
}

_DEPTH = Variable(name="depth", units="m")
_LATITUDE = Variable(name="latitude", units="degree", bounds=(-90.0, 90.0))


class ColumnFile:
    """Variables of a file, by their names there.

    Dimensions of length one that are not asked for, such as those of the place, count
    for nothing.

    Parameters
    ----------
    path : Path
        For messages.
    file : netCDF4.Dataset
        The open file.
    """

    def __init__(self, path: Path, file: Any) -> None:
        self.path, self.file = path, file
        self._depths: dict[str, tuple[Array, NDArray[np.intp]]] = {}

    def _variable(self, name: str) -> Any:
        if name not in self.file.variables:
            hint = suggestion(name, self.file.variables)
            raise DataError(f"{self.path}: no variable {name!r}{hint}")
        return self.file.variables[name]

    def _along(self, name: str, axes: Sequence[str]) -> tuple[str, ...]:
        """Return the dimensions of a variable, as many as axes are expected.

        Raises
        ------
        DataError
            It has more of more than one entry, or fewer.
        """
        variable = self._variable(name)
        dimensions = [str(d) for d in variable.dimensions]
        for dimension in reversed(dimensions.copy()):
            if (
                len(dimensions) > len(axes)
                and len(self.file.dimensions[dimension]) == 1
            ):
                dimensions.remove(dimension)
        if len(dimensions) != len(axes):
            there = ", ".join(map(str, variable.dimensions)) or "none"
            expected = " and ".join(axes) or "a single number"
            raise DataError(
                f"{self.path}: {name}: found dimensions {there}, expected {expected}"
            )
        return tuple(dimensions)

    def _quantity(self, name: str, target: Variable, axes: Sequence[str]) -> Array:
        """Return numbers in units of what is wanted, which must be possible.

        Raises
        ------
        DataError, UnitsError
            Naming file, variable, what was found and what was expected.
        """
        dimensions = self._along(name, axes)
        variable = self._variable(name)
        values = numbers(self.path, variable)
        values = values.reshape([len(self.file.dimensions[d]) for d in dimensions])
        where = f"{self.path}: {name}"
        converted = quantity(
            values, units_of(variable), target, where,
            lambda text: _log.warning("%s", text),
        )  # fmt: skip
        refuse_impossible(converted, target, where)
        return converted

    def water(self, kind: str, name: str, axes: Sequence[str]) -> Array:
        """Return temperature in degC or salinity in 1e-3."""
        return self._quantity(name, _WATER[kind], axes)

    def latitude(self, name: str) -> float:
        """Return where the column is, degrees north.

        Raises
        ------
        DataError
            It is no number, or the file has several.
        """
        degrees = float(self._quantity(name, _LATITUDE, ()))
        if not np.isfinite(degrees):
            raise DataError(f"{self.path}: {name}: is no number")
        return degrees

    def times(self, name: str, seconds: float) -> Times:
        """Return when the steps of a series begin, which its times say."""
        (dimension,) = self._along(name, ("time",))
        axis = self._stamps(dimension).axis(centred=False)
        if axis.seconds != seconds:
            raise DataError(
                f"{self.path}: {dimension}: found steps of {axis.seconds:g} s, the "
                f"model has {seconds:g} s"
            )
        for remark in axis.remarks:
            _log.warning("%s: %s", self.path, remark)
        return axis.times

    def _stamps(self, dimension: str) -> Stamps:
        time = time_variable(self.path, self.file, (dimension,))
        return stamps(self.path, self.file, time)

    def months(self, name: str) -> Times:
        """Return when the profiles of successive months were.

        Raises
        ------
        DataError
            A month is missing or comes twice, or they do not rise.
        """
        dimension, _ = self._along(name, _PROFILES)
        times = self._stamps(dimension).moments.times
        month_numbers(times, f"{self.path}: {dimension}")
        return times.astype("datetime64[s]")

    def forcing(self, target: Forcing, names: Sequence[str], steps: int) -> Array:
        """Return one forcing, the sum of some variables, short gaps bridged."""
        total = np.zeros(steps)
        for name in names:
            values = self._quantity(name, target, ("time",))
            self._refuse_other_steps(name, values, steps)
            total += _bridged(f"{self.path}: {name}", values)
        return total

    def surface(self, name: str, steps: int) -> Array:
        """Return the temperature of the surface along the time of the forcing, degC."""
        values = self.water("temperature", name, ("time",))
        self._refuse_other_steps(name, values, steps)
        if not np.isfinite(values).any():
            raise DataError(f"{self.path}: {name}: found no number")
        return values

    def _refuse_other_steps(self, name: str, values: Array, steps: int) -> None:
        if values.shape != (steps,):
            raise DataError(
                f"{self.path}: {name}: found {values.size} steps, expected {steps} as "
                "of the first forcing"
            )

    def depths(self, name: str) -> tuple[Array, NDArray[np.intp]]:
        """Return the depths of a profile, m, from the surface down, and their order.

        Raises
        ------
        DataError
            They are no numbers, or one comes twice.
        """
        _, dimension = self._along(name, _PROFILES)
        if dimension not in self._depths:
            self._depths[dimension] = self._ordered(dimension)
        return self._depths[dimension]

    def _ordered(self, dimension: str) -> tuple[Array, NDArray[np.intp]]:
        where = f"{self.path}: {dimension}"
        z = self._quantity(dimension, _DEPTH, ("depth",))
        if not np.isfinite(z).all():
            raise DataError(f"{where}: values are missing")
        if (z <= 0.0).all() and (z < 0.0).any():
            _log.warning("%s: heights of %g to %g m are depths", where, z[0], z[-1])
            z = -z
        order = np.argsort(z)
        if (np.diff(order) < 0).any():
            _log.warning("%s: depths do not rise; they are put into order", where)
        z = z[order]
        if (z < 0.0).any() or (np.diff(z) == 0.0).any():
            there = np.round(z, 2).tolist()
            raise DataError(f"{where}: found {there} m, expected depths, each once")
        return z, order

    def profiles(self, kind: str, name: str, depths: Array) -> Array:
        """Return profiles on levels, (M, level)."""
        at, order = self.depths(name)
        values = self.water(kind, name, _PROFILES)[:, order]
        if not np.isfinite(values).all():
            raise DataError(f"{self.path}: {name}: values are missing")
        return np.stack([np.interp(depths, at, row) for row in values])

    def usual(self, kind: str, name: str, depths: Array) -> Array:
        """Return profiles of the twelve months of a year on levels, (12, level).

        Raises
        ------
        DataError
            The file has other months.
        """
        dimension, _ = self._along(name, _PROFILES)
        count = len(self.file.dimensions[dimension])
        if count != _MONTHS:
            raise DataError(
                f"{self.path}: {name}: found {count} months, expected twelve, January "
                "first"
            )
        profiles = self.profiles(kind, name, depths)
        if dimension not in self.file.variables:
            return profiles
        number = numbers(self.path, self.file.variables[dimension])
        if " since " in units_of(self.file.variables[dimension]):
            times = self._stamps(dimension).moments.times
            number = times.astype("datetime64[M]").astype(np.float64) % _MONTHS
        order = np.argsort(number)
        if (np.diff(number[order]) == 0.0).any() or not np.isfinite(number).all():
            raise DataError(
                f"{self.path}: {dimension}: found {number.tolist()}, expected each "
                "month once"
            )
        return profiles[order]

    def refuse_other_levels(self, name: str, middles: Array) -> None:
        """Refuse observations that are not at the levels of a model.

        Raises
        ------
        DataError
            Naming the depths of both.
        """
        at, _ = self.depths(name)
        at = at[: middles.size]
        if at.shape != middles.shape or np.abs(at - middles).max() > _APART:
            _, dimension = self._along(name, _PROFILES)
            raise DataError(
                f"{self.path}: {dimension}: found {np.round(at, 1).tolist()} m, the "
                f"levels of the model are at {np.round(middles, 1).tolist()} m"
            )

    def observed(self, name: str, levels: int) -> Array:
        """Return temperatures of months at the uppermost levels, (M, level), degC."""
        _, order = self.depths(name)
        return self.water("temperature", name, _PROFILES)[:, order[:levels]]


def _bridged(where: str, values: Array) -> Array:
    """Return a series whose short gaps a straight line bridges, which is said."""
    missing = ~np.isfinite(values)
    if not missing.any():
        return values
    edges = np.flatnonzero(np.diff(np.concatenate(([False], missing, [False]))))
    longest = int((edges[1::2] - edges[::2]).max())
    if longest > _GAP or missing[0] or missing[-1]:
        raise DataError(
            f"{where}: {longest} steps in a row are missing, expected at most {_GAP}, "
            "and none at the ends"
        )
    _log.warning("%s: %d missing steps are bridged", where, int(missing.sum()))
    at = np.arange(len(values))
    return np.interp(at, at[~missing], values[~missing])
