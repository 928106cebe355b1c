"""What a file says of a column: weather, what was observed, and how runs begin."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....config import expanded
from ....data.netcdf import numbers, opened, stamps, time_variable, units_of
from ....data.quantity import quantity
from ....errors import DataError, suggestion
from ....variables import Forcing, Variable
from .experiment import DataSpec, Years

__all__ = ["Modelled", "Observed", "Record", "read", "years_inside"]

_log = logging.getLogger(__name__)

Array = NDArray[np.float64]
Times = NDArray[np.datetime64]

_DAY = np.timedelta64(1, "D")

_GAP = 8
"""Longest gap of forcing, in steps, that a straight line bridges."""

_APART = 2.0
"""By how much an observed depth and the middle of a level may differ, m."""

_COOLER = 0.5
"""By which water below what moves with the surface is colder than it, K."""

_CLOCK, _TARGET = "day_of_year", "target_temperature"

_WATER = {
    "temperature": Variable(name="temperature", units="degC", bounds=(-10.0, 45.0)),
    "salinity": Variable(name="salinity", units="1e-3", bounds=(0.0, 50.0)),
}

_PRACTICAL = ("", "1", "psu", "pss", "pss-78")
"""Units of practical salinity, which is a number; one of it counts as 1e-3."""

_ROUNDED = 0.01
"""Share of the range of a quantity by which packing or a sensor may pass its ends."""


@dataclass(frozen=True)
class Modelled:
    """What the model of a column says of itself.

    Parameters
    ----------
    part : str
        Its part in the model.
    thickness : (level,) array
        Of its levels, m.
    temperatures : tuple of str
        Names of the temperatures of its levels.
    forcings : tuple of Forcing
        What works on it.
    seconds : float
        Length of a step.
    """

    part: str
    thickness: Array
    temperatures: tuple[str, ...]
    forcings: tuple[Forcing, ...]
    seconds: float

    @property
    def depths(self) -> Array:
        """Middles of the levels, m."""
        found: Array = self.thickness.cumsum() - 0.5 * self.thickness
        return found


@dataclass(frozen=True)
class Observed:
    """Means over days or months that follow each other.

    Parameters
    ----------
    begins : (N + 1,) datetime64[s]
        When each begins, and when the last ends.
    values : (N, level) array
        Temperatures, degC; NaN where nothing was observed.
    """

    begins: Times
    values: Array

    def season(self) -> Array:
        """Return in which part of a year the middle of each lies, 0 to 1."""
        middle = self.begins[:-1] + (self.begins[1:] - self.begins[:-1]) / 2
        year = middle.astype("datetime64[Y]")
        length = (year + 1).astype("datetime64[s]") - year.astype("datetime64[s]")
        found: Array = (middle - year.astype("datetime64[s]")) / length
        return found


@dataclass(frozen=True)
class Record:
    """Series of one column.

    Parameters
    ----------
    begins : (T,) datetime64[s]
        When steps begin.
    forcing : dict of str to (T,) array
        By name of the model.
    observed : Observed
        What is learned.
    profiles : dict of str to (M, level) array
        Temperature and salinity on the levels of the model in which runs begin.
    dated : (M,) datetime64[s] or None
        When the profiles were; None where they are those of usual months.
    latitude : float
        Degrees.
    """

    begins: Times
    forcing: dict[str, Array]
    observed: Observed
    profiles: dict[str, Array]
    dated: Times | None
    latitude: float
    depths: Array

    def start(self, moment: np.datetime64) -> dict[str, Array]:
        """Return temperature and salinity at a moment, by name, (level,).

        Raises
        ------
        DataError
            No profile was observed within two days, or no surface on that day.
        """
        if self.dated is not None:
            away = np.abs(self.dated - moment)
            nearest = int(away.argmin())
            if away[nearest] > 2 * _DAY:
                raise DataError(
                    f"runs: no profile within two days of {moment!s:.10}, the nearest "
                    f"is of {self.dated[nearest]!s:.10}"
                )
            return {name: x[nearest] for name, x in self.profiles.items()}
        usual = {n: _of_months(x, moment) for n, x in self.profiles.items()}
        day = int(np.searchsorted(self.observed.begins, moment, side="right")) - 1
        warmer = self.observed.values[day, 0] - usual["temperature"][0]
        if not np.isfinite(warmer):
            raise DataError(f"runs: no surface was observed on {moment!s:.10}")
        temperature = usual["temperature"]
        mixed = (temperature[0] - temperature < _COOLER).cumprod()
        return {**usual, "temperature": temperature + warmer * mixed}

    def fingerprint(self, stretches: Sequence[Years]) -> str:
        """Return a hash of the numbers of some stretches of years."""
        digest = hashlib.sha256()
        inside = years_inside(self.begins, stretches)
        for name, x in self.forcing.items():
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(x[inside]).data)
        inside = years_inside(self.observed.begins[:-1], stretches)
        digest.update(np.ascontiguousarray(self.observed.values[inside]).data)
        return digest.hexdigest()


def years_inside(
    moments: NDArray[np.datetime64], stretches: Sequence[Years]
) -> NDArray[np.bool_]:
    """Return which moments lie in one of some stretches of years."""
    year = moments.astype("datetime64[Y]").astype(int) + 1970
    found = np.zeros(year.shape, bool)
    for first, last in stretches:
        found |= (year >= first) & (year <= last)
    return found


def _of_months(x: Array, moment: Any) -> Array:
    """Return values between those of the middles of months, at one or more moments."""
    year = moment.astype("datetime64[Y]")
    part = (moment - year.astype(moment.dtype)) / np.timedelta64(31557600, "s")
    at = part * 12.0 - 0.5
    before, share = np.floor(at).astype(int) % 12, at % 1.0
    found: Array = (1.0 - share) * x[before] + share * x[(before + 1) % 12]
    return found


def read(spec: DataSpec, column: Modelled) -> Record:
    """Return the series of a file, on the step and the levels of a model.

    Raises
    ------
    ConfigError, DataError, UnitsError
        The file is not there or does not suit the model.
    """
    path = expanded(spec.source, "data.source")
    with opened(path) as file:
        source = _File(path, file)
        begins = source.times(next(iter(spec.forcing.values()))[0], column.seconds)
        made = {_CLOCK: _day_of_year(begins)}
        latitude = float(source.numbers(spec.latitude).reshape(-1)[0])
        if spec.surface is not None:
            observed = _of_days(begins, source.water("temperature", spec.surface))
            profiles = {
                name: source.profiles(name, variable, column.depths)
                for name, variable in spec.usual.items()
            }
            dated = None
            surface = profiles["temperature"][:, 0]
            made[_TARGET] = _of_months(surface, begins)
        else:
            observed, profiles, dated = source.monthly(spec, column)
        forcing = {
            f.name: made[f.name]
            if f.name in made and f.name not in spec.forcing
            else source.forcing(spec, f, len(begins))
            for f in column.forcings
        }
    return Record(begins, forcing, observed, profiles, dated, latitude, column.depths)


class _File:
    """Variables of a file, by their names there."""

    def __init__(self, path: Path, file: Any) -> None:
        self.path, self.file = path, file

    def variable(self, name: str) -> Any:
        if name not in self.file.variables:
            hint = suggestion(name, self.file.variables)
            raise DataError(f"{self.path}: no variable {name!r}{hint}")
        return self.file.variables[name]

    def numbers(self, name: str) -> Array:
        return numbers(self.path, self.variable(name))

    def quantity(self, name: str, wanted: Variable, units: str | None = None) -> Array:
        variable = self.variable(name)
        return quantity(
            numbers(self.path, variable),
            units_of(variable) if units is None else units,
            wanted,
            f"{self.path}: {name}",
            lambda text: _log.warning("%s", text),
        )

    def water(self, kind: str, name: str) -> Array:
        units = units_of(self.variable(name))
        practical = kind == "salinity" and units.casefold() in _PRACTICAL
        values = self.quantity(name, _WATER[kind], "1e-3" if practical else units)
        return _possible(f"{self.path}: {name}", values, _WATER[kind])

    def times(self, name: str, seconds: float) -> Times:
        """Return when the steps of a series begin, which its times say."""
        dimension = self.variable(name).dimensions[0]
        axis = stamps(
            self.path, self.file, time_variable(self.path, self.file, (dimension,))
        ).axis(centred=False)
        if axis.seconds != seconds:
            raise DataError(
                f"{self.path}: {dimension}: found steps of {axis.seconds:g} s, the "
                f"model has {seconds:g} s"
            )
        for remark in axis.remarks:
            _log.warning("%s: %s", self.path, remark)
        return axis.times

    def forcing(self, spec: DataSpec, wanted: Forcing, steps: int) -> Array:
        """Return one forcing, short gaps bridged."""
        if wanted.name not in spec.forcing:
            hint = suggestion(wanted.name, spec.forcing)
            raise DataError(f"data.forcing: the model needs {wanted.name!r}{hint}")
        total = np.zeros(steps)
        for name in spec.forcing[wanted.name]:
            values = self.quantity(name, wanted)
            if values.shape != (steps,):
                raise DataError(
                    f"{self.path}: {name}: found {values.shape}, expected {(steps,)}"
                )
            total += _bridged(f"{self.path}: {name}", values)
        listed = ", ".join(spec.forcing[wanted.name])
        return _possible(f"{self.path}: {listed}", total, wanted)

    def profiles(self, kind: str, name: str, depths: Array) -> Array:
        """Return profiles on levels, (M, level)."""
        variable = self.variable(name)
        at = self.numbers(variable.dimensions[1])
        values = self.water(kind, name)
        if not np.isfinite(values).all():
            raise DataError(f"{self.path}: {name}: values are missing")
        return np.stack([np.interp(depths, at, row) for row in values])

    def monthly(
        self, spec: DataSpec, column: Modelled
    ) -> tuple[Observed, dict[str, Array], Times]:
        """Return means of months, profiles on levels, and when these were."""
        name = spec.profiles["temperature"]
        dimension, depth = self.variable(name).dimensions
        at = self.numbers(depth)[: spec.levels]
        middles = column.depths[: spec.levels]
        if at.shape != middles.shape or np.abs(at - middles).max() > _APART:
            raise DataError(
                f"{self.path}: {depth}: found {np.round(at, 1).tolist()} m, the levels "
                f"of the model are at {np.round(middles, 1).tolist()} m"
            )
        dated = stamps(
            self.path, self.file, time_variable(self.path, self.file, (dimension,))
        ).moments.times.astype("datetime64[s]")
        months = dated.astype("datetime64[M]")
        if (np.diff(months.astype(int)) != 1).any():
            raise DataError(f"{self.path}: {dimension}: months are missing")
        begins = np.append(months, months[-1] + 1).astype("datetime64[s]")
        values = self.water("temperature", name)[:, : spec.levels]
        profiles = {
            kind: self.profiles(kind, variable, column.depths)
            for kind, variable in spec.profiles.items()
        }
        return Observed(begins, values), profiles, dated


def _possible(what: str, values: Array, wanted: Variable) -> Array:
    """Return values that a quantity can have; refuse others, as of wrong units."""
    if wanted.bounds is None:
        return values
    low, high = wanted.bounds
    slack = _ROUNDED * (high - low)
    bad = np.argwhere((values < low - slack) | (values > high + slack))
    if bad.size:
        at = tuple(bad[0].tolist())
        raise DataError(
            f"{what}: is {values[at]:g} {wanted.units} at entry {at[0]}, the first of "
            f"{len(bad)} such numbers, expected {low:g} to {high:g}: are the units "
            "right?"
        )
    return values


def _bridged(what: str, values: Array) -> Array:
    """Return a series whose short gaps a straight line bridges, which is said."""
    missing = ~np.isfinite(values)
    if not missing.any():
        return values
    edges = np.flatnonzero(np.diff(np.concatenate(([False], missing, [False]))))
    longest = int((edges[1::2] - edges[::2]).max())
    if longest > _GAP or missing[0] or missing[-1]:
        raise DataError(
            f"{what}: {longest} steps in a row are missing, expected at most {_GAP}, "
            "and none at the ends"
        )
    _log.warning("%s: %d missing steps are bridged", what, int(missing.sum()))
    at = np.arange(len(values))
    return np.interp(at, at[~missing], values[~missing])


def _day_of_year(begins: Times) -> Array:
    days = begins.astype("datetime64[D]")
    found: Array = (days - days.astype("datetime64[Y]")).astype(float) + 1.0
    return found


def _of_days(begins: Times, values: Array) -> Observed:
    """Return means of whole days; NaN where less than half of a day was observed."""
    days = begins.astype("datetime64[D]")
    which = (days - days[0]).astype(int)
    known = np.isfinite(values)
    count = np.bincount(which, known)
    total = np.bincount(which, np.where(known, values, 0.0))
    usual = np.bincount(which).max()
    with np.errstate(invalid="ignore"):
        means = np.where(count >= 0.5 * usual, total / count, np.nan)
    edges = (days[0] + np.arange(len(means) + 1)).astype("datetime64[s]")
    return Observed(edges, means[:, None])
