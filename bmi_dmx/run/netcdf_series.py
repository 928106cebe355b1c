"""Forcing of many places, or of whole fields, in a NetCDF file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..bmi.locations import IDENTIFIERS, in_units
from ..errors import DataError, suggestion
from ..operate.system import System
from .series import Array, Series

__all__ = ["NetcdfSeries"]

_CALENDARS = ("standard", "gregorian", "proleptic_gregorian")

_CACHE = 2**28
"""Most bytes of decompressed pieces of one variable that are kept."""

_BLOCK = 2**20
"""Times read at once where every place has its own."""


class NetcdfSeries(Series):
    """Places along one dimension, whole fields, or one place, and a CF time.

    A time is when a step begins, unless it has bounds that say so. Places are named by
    the variable with the attribute ``cf_role = timeseries_id``, by the one that is
    called as their dimension, with or without ``_id``, or by one of the usual names;
    by their numbers where there is none.

    Raises
    ------
    DataError
        When it is no NetCDF file, or its times are missing, of no usual calendar, or do
        not follow each other evenly.
    """

    def __init__(self, path: Path, names: Mapping[str, str], system: System) -> None:
        import netCDF4

        super().__init__(path, names, system)
        self._dims: tuple[str, ...] = ()
        self._rows: list[int] | None = None
        try:
            self._file = netCDF4.Dataset(path)
        except OSError as error:
            raise DataError(f"{path}: not a CSV or NetCDF file: {error}") from None
        try:
            time = self._time()
            self._axis = _axis(time)
            self._keep_time(f"{path}: {time.name}", *self._moments(time))
        except BaseException:
            self._file.close()
            raise
        self._own = {
            name: variable
            for name, variable in self._file.variables.items()
            if self._axis in variable.dimensions
            and name not in (time.name, getattr(time, "bounds", ""))
            and getattr(variable.dtype, "kind", "") in "fiu"
        }

    def close(self) -> None:
        """Close the file."""
        if self._file.isopen():
            self._file.close()

    # Time

    def _time(self) -> Any:
        found = [
            variable
            for variable in self._file.variables.values()
            if " since " in str(getattr(variable, "units", ""))
            and variable.ndim in (1, 2)
        ]
        if not found:
            names = ", ".join(self._file.variables) or "none"
            raise DataError(
                f"{self.path}: no coordinate of time, whose units would be such as "
                f"'days since 1980-01-01'; found {names}"
            )
        # A coordinate goes before what is merely a time of something.
        return min(found, key=lambda variable: variable.dimensions != (variable.name,))

    def _moments(self, time: Any) -> tuple[datetime, Array]:
        """Return the beginning of the first step, and seconds since then of all."""
        import netCDF4

        where = f"{self.path}: {time.name}"
        calendar = str(getattr(time, "calendar", "standard")).lower()
        if calendar not in _CALENDARS:
            raise DataError(
                f"{where}: calendar {calendar!r}, expected one of "
                f"{', '.join(_CALENDARS)}"
            )
        values = self._numbers(time)
        if not np.isfinite(values).all():
            raise DataError(f"{where}: found times that are missing")
        first = float(values[0]) if values.size else 0.0
        try:
            moments: Any = netCDF4.num2date(
                [first, 0.0, 1.0], time.units, calendar, only_use_cftime_datetimes=True
            )
            start, zero, one = moments
            unit = (one - zero).total_seconds()
        except (ValueError, OverflowError) as error:
            raise DataError(f"{where}: units: {error}") from None
        begin = datetime(
            start.year, start.month, start.day,
            start.hour, start.minute, start.second, start.microsecond,
        )  # fmt: skip
        return begin, (values - first) * unit

    def _numbers(self, time: Any) -> Array:
        """Return the times as they are in the file, the beginnings where it has both.

        Raises
        ------
        DataError
            When places differ in them.
        """
        bounds = self._file.variables.get(getattr(time, "bounds", ""))
        if bounds is not None and bounds.dimensions[:-1] == time.dimensions:
            return _filled(bounds[..., 0])
        if time.ndim == 1:
            return _filled(time[:])
        # Files of some hosts repeat the time for every place.
        along = time.dimensions.index(self._axis)
        first = _filled(time[0, :] if along else time[:, 0])
        count, few = time.shape[1 - along], max(1, _BLOCK // max(1, len(first)))
        for k in range(0, count, few):
            some = slice(k, k + few)
            block = _filled(time[some, :] if along else time[:, some].T)
            if not np.array_equal(block, np.broadcast_to(first, block.shape)):
                raise DataError(
                    f"{self.path}: {time.name}: places differ in their times"
                )
        return first

    # Places

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables along the time."""
        return tuple(self._own)

    def _units(self, name: str) -> str:
        return str(getattr(self._own[name], "units", "")).strip()

    def _others(self, name: str) -> tuple[str, ...]:
        return tuple(d for d in self._own[name].dimensions if d != self._axis)

    def _places(
        self,
        names: Sequence[str],
        ids: Sequence[str] | None,
        fields: Sequence[tuple[int, ...]] | None,
    ) -> tuple[str, ...]:
        for name in names:
            self._cache(self._own[name])
        if fields is not None and ids is not None:
            for name, shape in zip(names, fields, strict=True):
                self._refuse_shape(name, shape)
            self._dims = self._others(names[0]) if names else ()
            return tuple(ids)
        if not names:
            return tuple(ids or ())
        self._dims = self._others(names[0])
        for name in names:
            if self._others(name) != self._dims:
                raise DataError(
                    f"{self.path}: {name} has dimensions {self._text(name)} besides "
                    f"{self._axis}, {names[0]} has {self._text(names[0])}"
                )
        found = self._identifiers()
        return found if ids is None else self._ordered(found, ids)

    def _text(self, name: str) -> str:
        return ", ".join(self._others(name)) or "none"

    def _refuse_shape(self, name: str, shape: tuple[int, ...]) -> None:
        sizes = tuple(len(self._file.dimensions[d]) for d in self._others(name))
        if sizes != shape:
            raise DataError(
                f"{self.path}: {name}: found a field of {sizes} along "
                f"{self._text(name)}, the model has one of {shape}"
            )
        for dimension in self._others(name)[-2:]:
            coordinate = self._file.variables.get(dimension)
            if coordinate is not None and len(coordinate) > 1:
                low, high = coordinate[0], coordinate[-1]
                if low > high:
                    raise DataError(
                        f"{self.path}: {name}: {dimension} falls from {low:g} to "
                        f"{high:g}, rows and columns of the model are in rising order"
                    )

    def _identifiers(self) -> tuple[str, ...]:
        """Return the names of the places; their numbers where the file has none."""
        import netCDF4

        shape = [len(self._file.dimensions[d]) for d in self._dims]
        if not self._dims:
            return (self.path.stem,)
        marked = self._file.get_variables_by_attributes(cf_role="timeseries_id")
        last = self._dims[-1]
        usual = (f"{last}_id", last, *IDENTIFIERS)
        named = [self._file[n] for n in usual if n in self._file.variables]
        for variable in (*marked, *named):
            if variable.dimensions[: len(self._dims)] != self._dims:
                continue
            values = np.ma.getdata(variable[:])
            if values.dtype == "S1":
                values = netCDF4.chartostring(values)
            ids = tuple(str(name).strip() for name in np.ravel(values).tolist())
            if len(ids) == math.prod(shape):
                self._refuse_repeated(variable.name, ids)
                return ids
        return tuple(str(k) for k in range(math.prod(shape)))

    def _refuse_repeated(self, name: str, ids: Sequence[str]) -> None:
        seen: set[str] = set()
        for place in ids:
            if place in seen:
                raise DataError(f"{self.path}: {name}: place {place!r} is given twice")
            seen.add(place)

    def _ordered(self, found: Sequence[str], ids: Sequence[str]) -> tuple[str, ...]:
        """Find the places of the model among those of the file."""
        rows = {name: row for row, name in enumerate(found)}
        unnamed = tuple(found) == tuple(map(str, range(len(found))))
        if unnamed and len(found) == len(ids):
            return tuple(ids)
        for name in ids:
            if name not in rows:
                hint = suggestion(name, rows)
                raise DataError(
                    f"{self.path}: place {name!r} of the model is not in it{hint}"
                )
        self._rows = [rows[name] for name in ids]
        return tuple(ids)

    # Numbers

    def _cache(self, variable: Any) -> None:
        """Keep what one piece of time needs, lest it be decompressed many times."""
        chunks = variable.chunking()
        if chunks in (None, "contiguous"):
            return
        number = 1
        for dimension, size, chunk in zip(
            variable.dimensions, variable.shape, chunks, strict=True
        ):
            number *= 1 if dimension == self._axis else -(-size // chunk)
        wanted = number * math.prod(chunks) * variable.dtype.itemsize
        size, count, preemption = variable.get_var_chunk_cache()
        if size < wanted:
            variable.set_var_chunk_cache(
                min(wanted, _CACHE), max(count, number), preemption
            )

    def _raw(self, name: str, first: int, count: int) -> Array:
        variable = self._own[name]
        at = variable.dimensions.index(self._axis)
        index = [slice(None)] * variable.ndim
        index[at] = slice(first, first + count)
        moved = np.moveaxis(_filled(variable[tuple(index)]), at, 0)
        values = moved.reshape(moved.shape[0], -1)
        return np.ascontiguousarray(values if self._rows is None else
                                    values[:, self._rows])  # fmt: skip

    def attributes(self, wanted: Mapping[str, str]) -> dict[str, Array]:
        """Return the variables along the places that are called as attributes."""
        found = {}
        for name, units in wanted.items():
            for called in self.called(name):
                variable = self._file.variables.get(called)
                if variable is not None and variable.dimensions == self._dims:
                    values = in_units(self.path, variable, units).reshape(-1)
                    found[name] = values if self._rows is None else values[self._rows]
                    break
        return found


def _axis(time: Any) -> str:
    """Return the dimension of time; of two, the one that is called like it."""
    named = [d for d in time.dimensions if "time" in d.lower()]
    return str((named or time.dimensions)[-1])


def _filled(values: Any) -> Array:
    read: Array = np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)
    return read
