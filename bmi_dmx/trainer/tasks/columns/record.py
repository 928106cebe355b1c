"""What a file says of a column: weather, what was observed, and how runs begin."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....config import expanded
from ....data.netcdf import opened
from ....errors import DataError, suggestion
from ....variables import Forcing
from .experiment import DataSpec, Years
from .file import ColumnFile

__all__ = ["ModelColumn", "ObservedMeans", "Record", "read", "years_inside"]

Array = NDArray[np.float64]
Times = NDArray[np.datetime64]

_DAY = np.timedelta64(1, "D")

_COOLER = 0.5
"""By which water below what moves with the surface is colder than it, K."""

_CLOCK, _TARGET = "day_of_year", "target_temperature"


@dataclass(frozen=True)
class ModelColumn:
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
        middles: Array = self.thickness.cumsum() - 0.5 * self.thickness
        return middles


@dataclass(frozen=True)
class ObservedMeans:
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
        season: Array = (middle - year.astype("datetime64[s]")) / length
        return season


@dataclass(frozen=True)
class Record:
    """Series of one column.

    Parameters
    ----------
    begins : (T,) datetime64[s]
        When steps begin.
    forcing : dict of str to (T,) array
        By name of the model.
    observed : ObservedMeans
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
    observed: ObservedMeans
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
    inside = np.zeros(year.shape, bool)
    for first, last in stretches:
        inside |= (year >= first) & (year <= last)
    return inside


def _of_months(x: Array, moment: Any) -> Array:
    """Return values between those of the middles of months, at one or more moments."""
    year = moment.astype("datetime64[Y]")
    part = (moment - year.astype(moment.dtype)) / np.timedelta64(31557600, "s")
    at = part * 12.0 - 0.5
    before, share = np.floor(at).astype(int) % 12, at % 1.0
    values: Array = (1.0 - share) * x[before] + share * x[(before + 1) % 12]
    return values


def read(spec: DataSpec, column: ModelColumn) -> Record:
    """Return the series of a file, on the step and the levels of a model.

    Raises
    ------
    ConfigError, DataError, UnitsError
        The file is not there or does not suit the model.
    """
    path = expanded(spec.source, "data.source")
    settings = spec.forcing
    with opened(path) as opened_file:
        file = ColumnFile(path, opened_file)
        begins = file.times(next(iter(settings.values()))[0], column.seconds)
        series = {_CLOCK: _day_of_year(begins)}
        if spec.surface is not None:
            observed = _of_days(begins, file.surface(spec.surface, len(begins)))
            profiles = {
                name: file.usual(name, variable, column.depths)
                for name, variable in spec.usual.items()
            }
            dated = None
            series[_TARGET] = _of_months(profiles["temperature"][:, 0], begins)
        else:
            observed, profiles, dated = _monthly(file, spec, column)
        forcing = {}
        for target in column.forcings:
            if target.name in settings:
                names = settings[target.name]
                forcing[target.name] = file.forcing(target, names, len(begins))
            elif target.name in series:
                forcing[target.name] = series[target.name]
            else:
                hint = suggestion(target.name, settings)
                raise DataError(f"data.forcing: the model needs {target.name!r}{hint}")
        latitude = file.latitude(spec.latitude)
    return Record(begins, forcing, observed, profiles, dated, latitude, column.depths)


def _monthly(
    file: ColumnFile, spec: DataSpec, column: ModelColumn
) -> tuple[ObservedMeans, dict[str, Array], Times]:
    """Return means of months, profiles on levels, and when these were."""
    name = spec.profiles["temperature"]
    file.refuse_other_levels(name, column.depths[: spec.levels])
    dated = file.months(name)
    months = dated.astype("datetime64[M]")
    begins = np.append(months, months[-1] + 1).astype("datetime64[s]")
    profiles = {
        kind: file.profiles(kind, variable, column.depths)
        for kind, variable in spec.profiles.items()
    }
    return ObservedMeans(begins, file.observed(name, spec.levels)), profiles, dated


def _day_of_year(begins: Times) -> Array:
    days = begins.astype("datetime64[D]")
    day: Array = (days - days.astype("datetime64[Y]")).astype(float) + 1.0
    return day


def _of_days(begins: Times, values: Array) -> ObservedMeans:
    """Return means of whole days; NaN where less than half of a day was observed."""
    days = begins.astype("datetime64[D]")
    which = (days - days[0]).astype(int)
    finite = np.isfinite(values)
    count = np.bincount(which, finite)
    total = np.bincount(which, np.where(finite, values, 0.0))
    usual = np.bincount(which).max()
    with np.errstate(invalid="ignore"):
        means = np.where(count >= 0.5 * usual, total / count, np.nan)
    edges = (days[0] + np.arange(len(means) + 1)).astype("datetime64[s]")
    return ObservedMeans(edges, means[:, None])
