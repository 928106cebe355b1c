"""NetCDF files as programs write them, and the ways in which they differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

Change = Callable[["NetcdfFile"], object]

SECONDS = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}


@dataclass
class Values:
    """Numbers of one variable."""

    units: str
    values: Any
    kind: str = "f4"
    fill: float | None = None


@dataclass
class Times:
    """A coordinate of time: moments, and how they are written."""

    moments: Any
    name: str = "time"
    dims: tuple[str, ...] = ("time",)
    unit: str = "hours"
    since: str = "1970-01-01 00:00:00"
    zero: str = "1970-01-01T00:00:00"
    calendar: str = ""
    kind: str = "f8"
    bounds: tuple[float, float] | None = None
    differ: bool = False

    @property
    def numbers(self) -> Any:
        """What stands in the file."""
        return self.number(self.moments)

    def number(self, moments: Any) -> Any:
        """Return moments as numbers."""
        seconds = (moments - np.datetime64(self.zero)) / np.timedelta64(1, "s")
        return seconds / SECONDS[self.unit]

    @property
    def step(self) -> Any:
        """How long steps are."""
        return self.moments[1] - self.moments[0]


@dataclass
class NetcdfFile:
    """Series and constants of places."""

    ids: list[str]
    id_name: str
    place: str
    times: Times | None = None
    series: dict[str, Values] = field(default_factory=dict)
    constants: dict[str, Values] = field(default_factory=dict)
    by_time: bool = True
    form: str = "text"
    role: bool = False

    def write(self, path: Path) -> None:
        """Write the file."""
        with netCDF4.Dataset(path, "w") as file:
            if self.place:
                file.createDimension(self.place, len(self.ids))
                self._write_ids(file)
            if self.times is not None:
                self._write_times(file, self.times)
            dims = ("time", self.place) if self.by_time else (self.place, "time")
            for name, one in self.series.items():
                values = one.values.T if self.by_time else one.values
                shape = dims if self.place else (self.times.dims[0],)
                _put(file, name, one, shape, values if self.place else one.values[0])
            for name, one in self.constants.items():
                _put(file, name, one, (self.place,), one.values)

    def _write_ids(self, file: Any) -> None:
        dims: tuple[str, ...] = (self.place,)
        values: Any = np.array(self.ids, dtype=object)
        kind: Any = str
        if self.form == "characters":
            file.createDimension("length", 12)
            dims, kind = (self.place, "length"), "S1"
            values = netCDF4.stringtochar(np.array(self.ids, dtype="S12"))
        elif self.form == "integers":
            kind = "i8"
            values = [int("".join(c for c in n if c.isdigit())) for n in self.ids]
        variable = file.createVariable(self.id_name, kind, dims)
        if self.role:
            variable.cf_role = "timeseries_id"
        variable[:] = values

    def _write_times(self, file: Any, times: Times) -> None:
        for name in times.dims:
            if name not in file.dimensions:
                file.createDimension(name, len(times.moments))
        variable = file.createVariable(times.name, times.kind, times.dims)
        variable.units = f"{times.unit} since {times.since}"
        if times.calendar:
            variable.calendar = times.calendar
        shape = [len(file.dimensions[d]) for d in times.dims]
        numbers = np.broadcast_to(times.numbers, shape).copy()
        if times.differ:
            numbers[-1, -1] += 0.25
        variable[:] = numbers
        if times.bounds is not None:
            variable.bounds = "time_bnds"
            file.createDimension("nv", 2)
            ends = file.createVariable("time_bnds", "f8", (times.dims[-1], "nv"))
            for k, share in enumerate(times.bounds):
                moved = times.moments + (share * times.step).astype(times.step.dtype)
                ends[:, k] = times.number(moved)


def _put(file: Any, name: str, one: Values, dims: tuple[str, ...], values: Any) -> None:
    variable = file.createVariable(
        name, one.kind, dims, zlib=True, shuffle=False, fill_value=one.fill
    )
    if one.units:
        variable.units = one.units
    variable[:] = values


# Changes of time


def offset(file: NetcdfFile) -> None:
    """Write the same moments with an offset from UTC."""
    file.times.since = "1970-01-01 00:00:00 -05:00"
    file.times.zero = "1970-01-01T05:00:00"


def unit(word: str) -> Change:
    """Write the same moments in other units."""
    return lambda file: setattr(file.times, "unit", word)


def calendar(name: str) -> Change:
    """Declare another calendar."""
    return lambda file: setattr(file.times, "calendar", name)


def stamped(share: float, *, bounds: bool) -> Change:
    """Put stamps elsewhere in their steps."""

    def change(file: NetcdfFile) -> None:
        times = file.times
        times.moments = times.moments + (share * times.step).astype(times.step.dtype)
        times.bounds = (-share, 1.0 - share) if bounds else None

    return change


def gap(file: NetcdfFile) -> None:
    """Leave out a time."""
    moments = file.times.moments.copy()
    moments[3:] += file.times.step
    file.times.moments = moments


def twice(file: NetcdfFile) -> None:
    """Give a time twice."""
    moments = file.times.moments.copy()
    moments[3] = moments[2]
    file.times.moments = moments


def falling(file: NetcdfFile) -> None:
    """Turn the times round."""
    file.times.moments = file.times.moments[::-1].copy()


def differing(file: NetcdfFile) -> None:
    """Give a place times of its own."""
    file.times.dims, file.times.differ = (file.place, "time"), True


def single(file: NetcdfFile) -> None:
    """Write times in single precision."""
    file.times.kind = "f4"


# Changes of names


def characters(file: NetcdfFile) -> None:
    """Write identifiers as arrays of characters."""
    file.form = "characters"


def integers(file: NetcdfFile) -> None:
    """Write identifiers as numbers."""
    file.form = "integers"


def named(form: str) -> Change:
    """Write identifiers otherwise; ``form`` has their number."""

    def change(file: NetcdfFile) -> None:
        digits = ["".join(c for c in n if c.isdigit()) for n in file.ids]
        file.ids = [
            form.format(name=n, number=int(d))
            for n, d in zip(file.ids, digits, strict=True)
        ]

    return change


def repeated(file: NetcdfFile) -> None:
    """Give an identifier twice."""
    file.ids = [*file.ids[:-1], file.ids[0]]


def copied(name: str, other: str) -> Change:
    """Give a series under a second name, with other numbers."""

    def change(file: NetcdfFile) -> None:
        one = file.series[name]
        file.series[other] = Values(one.units, one.values * 2.0)

    return change


# Changes of numbers


def units(name: str, text: str) -> Change:
    """State other units of a variable, or none."""

    def change(file: NetcdfFile) -> None:
        (file.series if name in file.series else file.constants)[name].units = text

    return change


def number(name: str, value: float, fill: float | None = None) -> Change:
    """Put a number at the second place, of series at the third time."""

    def change(file: NetcdfFile) -> None:
        one = (file.series if name in file.series else file.constants)[name]
        one.values = np.array(one.values, dtype=float)
        one.values[(-1, 2) if name in file.series else (1,)] = value
        one.fill = fill

    return change
