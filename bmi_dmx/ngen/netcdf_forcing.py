"""Forcing of many catchments in one NetCDF file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..data.axis import TimeAxis, span_text
from ..data.identity import match
from ..data.netcdf import (
    Stamps,
    identifiers,
    numbers,
    opened,
    raw,
    stamps,
    time_variable,
    units_of,
)
from ..errors import DataError, suggestion
from .fields import canonical, usual_units
from .forcing import STEP, Array, ForcingProvider, epoch, moment

__all__ = ["NetcdfForcing"]

_READ_BY_THE_FRAMEWORK = (
    "h", "hour", "hours", "m", "minute", "minutes", "s", "second", "seconds",
    "ms", "milliseconds", "us", "microseconds", "ns", "nanoseconds",
)  # fmt: skip
"""Units of time."""

_BLOCK = 2**22
"""Numbers held in memory of one variable."""

CATCHMENT = "catchment-id"


class NetcdfForcing(ForcingProvider):
    """A file as the framework's NetCDF provider wants it.

    Parameters
    ----------
    path : Path
        NetCDF-4 file with dimensions ``catchment-id`` and ``time``, ``ids``, and
        ``Time``.
    strict : bool
        Refuse what the framework cannot read, or reads as something else. Otherwise a
        plain coordinate ``time`` will do, any units of time and offset from UTC, and
        identifiers of any kind.
    names : mapping of str to str, optional
        What a catchment is called in the file, where that differs.

    Raises
    ------
    ConfigError
        When there is no file.
    DataError
        When the layout is another; says which part.
    """

    def __init__(
        self, path: Path, *, strict: bool = True, names: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(path, strict=strict)
        self._made = (path.absolute(), strict, dict(names or {}))
        self._file = opened(path)
        try:
            self._open(names or {})
        except BaseException:
            self._file.close()
            raise

    def _open(self, names: Mapping[str, str]) -> None:
        file, path, strict = self._file, self.path, self.strict
        if strict and not file.data_model.startswith("NETCDF4"):
            raise DataError(f"{path}: found {file.data_model}, expected NETCDF4")
        for dimension in (CATCHMENT, "time"):
            if dimension not in file.dimensions:
                raise DataError(
                    f"{path}: dimension {dimension!r} is missing; found "
                    f"{', '.join(file.dimensions)}"
                )
        if "ids" not in file.variables:
            raise DataError(f"{path}: variable 'ids' is missing")
        if strict:
            _plain_names(path, file["ids"])
        in_file = {n: k for k, n in enumerate(identifiers(path, file["ids"]))}
        self._place = in_file
        if names:
            matched = match(list(names.values()), list(in_file))
            there = matched.places
            self._place = {c: there[n] for c, n in names.items() if n in there}
            if matched.remark:
                self.remarks.append(f"{path}: ids: {matched.remark}")
        axis = _hours(path, file, strict)
        self.start, self.steps = epoch(axis.start), axis.steps
        self.remarks += [f"{path}: {remark}" for remark in axis.remarks]
        shape = (CATCHMENT, "time")
        variables = {
            name: variable
            for name, variable in file.variables.items()
            if variable.dimensions == shape and name != "Time"
        }
        if strict:
            _readable(path, variables, self.steps)
        # Known by the framework's name, and by that in the file.
        self._variables = _by_alias(path, variables) | variables
        self._blocks: dict[tuple[str, str], tuple[int, Array]] = {}
        rows = max(1, _BLOCK // max(1, len(in_file)))
        self._rows = min(self.steps, rows)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (*self._made, self._place)

    @property
    def chunk(self) -> tuple[int, int]:
        """Hours and catchments that are compressed together; 1 where none are."""
        rows = wide = 1
        for variable in self._variables.values():
            chunks = variable.chunking()
            if chunks not in (None, "contiguous"):
                wide, rows = max(wide, chunks[0]), max(rows, chunks[1])
        return rows, wide

    def close(self) -> None:
        """Close the file."""
        if self._file.isopen():
            self._file.close()

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the catchments."""
        return tuple(self._place)

    def place(self, catchment: str) -> int:
        """Return the row of a catchment in the file."""
        if catchment not in self._place:
            raise _unknown(self.path, catchment, self._place)
        return self._place[catchment]

    def names(self, catchment: str) -> Sequence[str]:
        """Return the variables, the same at all catchments."""
        self.place(catchment)
        return tuple(self._variables)

    def units(self, catchment: str, name: str) -> str:
        """Return the attribute ``units`` of a variable, or what is usual without."""
        if name not in self._variables:
            raise self.no_variable(name, tuple(self._variables))
        variable = self._variables[name]
        return self._given(name) or usual_units(variable.name)

    def _given(self, name: str) -> str:
        return str(getattr(self._variables[name], "units", ""))

    def states_units(self, catchment: str, name: str) -> bool:
        """Return whether the file gives units of a variable."""
        return bool(self._given(name).strip())

    def adopt(self, catchments: Sequence[str]) -> None:
        """Know catchments that the file writes differently by what they are called."""
        matched = match(catchments, list(self._place))
        if matched.remark:
            rows = list(self._place.values())
            self._place = {name: rows[k] for name, k in matched.places.items()}
            self.remarks.append(f"{self.path}: ids: {matched.remark}")

    def span(self, catchment: str) -> tuple[int, int]:
        """Return begin and end of the file."""
        return self.start, self.start + self.steps * STEP

    def value(self, catchment: str, name: str, units: str, time: int) -> float:
        """Return the value of an hour."""
        row = self.row(self.start, time)
        if not 0 <= row < self.steps:
            raise self.outside(catchment, time)
        first, values = self._blocks.get((name, units), (-1, None))
        if values is None or not first <= row < first + len(values):
            first = row - row % self._rows
            values = self._read(name, units, first, min(self._rows, self.steps - first))
            self._blocks[name, units] = (first, values)
        return float(values[row - first, self.place(catchment)])

    def block(
        self, ids: Sequence[str], name: str, units: str, start: int, steps: int
    ) -> Array:
        """Return values of many catchments, (time, catchment)."""
        places = [self.place(catchment) for catchment in ids]
        row = self.row(self.start, start)
        if not 0 <= row <= self.steps - steps:
            raise self.outside(ids[0], start + (steps - 1) * STEP)
        # Some of many stand side by side, and are read without the others.
        low, high = min(places), max(places) + 1
        some = [place - low for place in places]
        return self._read(name, units, row, steps, slice(low, high))[:, some]

    def _read(
        self,
        name: str,
        units: str,
        first: int,
        steps: int,
        some: slice = slice(None),
    ) -> Array:
        file_units = self.units("", name)
        hours = (some, slice(first, first + steps))
        values = numbers(self.path, self._variables[name], hours)
        return self.convert(np.ascontiguousarray(values.T), name, file_units, units)


def _again(
    path: Path, strict: bool, names: Mapping[str, str], place: dict[str, int]
) -> NetcdfForcing:
    """Open a file once more, in another process."""
    provider = NetcdfForcing(path, strict=strict, names=names)
    provider._place = place
    return provider


def _readable(path: Path, variables: Mapping[str, Any], steps: int) -> None:
    """Refuse what the framework would read, but as something else."""
    if steps < 2:
        raise DataError(
            f"{path}: Time: found {steps} hour, expected 2 at least: the framework "
            "takes the length of a step from the first two"
        )
    for name, variable in variables.items():
        units = str(getattr(variable, "units", ""))
        if units != units.strip():
            raise DataError(
                f"{path}: {name}: units: found {units!r}, expected no blanks around it"
            )
        for attribute in ("scale_factor", "add_offset"):
            if attribute in variable.ncattrs():
                raise DataError(
                    f"{path}: {name}: {attribute}: the framework does not know it and "
                    "would take the packed numbers; write the values as they are"
                )


def _plain_names(path: Path, variable: Any) -> None:
    """Refuse identifiers that the framework would not find."""
    if variable.dtype is not str:
        raise DataError(
            f"{path}: ids: found {variable.dtype}, expected text (NC_STRING): the "
            "framework reads nothing else"
        )
    for name in np.asarray(raw(path, variable)).reshape(-1).tolist():
        if name != name.strip():
            raise DataError(f"{path}: ids: found {name!r}, expected no blanks around")


def _by_alias(path: Path, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return variables by the framework's names, refusing two under one."""
    table: dict[str, Any] = {}
    for name, variable in variables.items():
        alias = canonical(name)
        if alias in table:
            raise DataError(
                f"{path}: {table[alias].name!r} and {name!r} are both {alias!r}; which "
                "is meant cannot be known, remove one"
            )
        table[alias] = variable
    return table


def _hours(path: Path, file: Any, strict: bool) -> TimeAxis:
    """Return the axis of time, which must be one of hours."""
    variable = time_variable(path, file, ("Time",) if strict else ("Time", "time"))
    if strict:
        _plain_time(path, variable)
    time = stamps(path, file, variable, origin=_origin(path, variable))
    axis = time.axis(centred=not strict)
    if strict:
        _taken_alike(time, axis)
    if axis.seconds != STEP:
        raise DataError(
            f"{path}: {variable.name}: found steps of {span_text(axis.seconds)}, "
            f"expected {span_text(STEP)}: hours are what the framework exchanges; "
            "dmx run steps a model with what a file has"
        )
    return axis


def _taken_alike(time: Stamps, axis: TimeAxis) -> None:
    """Refuse times that the framework takes for others than are meant."""
    plain = replace(time, bounds=None).axis(centred=False)
    for remark in plain.remarks:
        raise DataError(f"{time.where}: {remark}; the framework takes them as they are")
    if plain.first != axis.first:
        raise DataError(
            f"{time.where}: by its bounds the first hour begins at "
            f"{moment(epoch(axis.start))}, but the framework reads no bounds and "
            f"begins at {moment(epoch(plain.start))}"
        )


def _plain_time(path: Path, variable: Any) -> None:
    """Refuse units of time that the framework does not read, or not as they mean."""
    text = units_of(variable)
    word, _, since = text.partition(" since ")
    where = f"{path}: {variable.name}: units: found {text!r}, expected"
    if word.strip() not in _READ_BY_THE_FRAMEWORK:
        raise DataError(f"{where} one of {', '.join(_READ_BY_THE_FRAMEWORK)}")
    cut = since.strip().removesuffix("Z").removesuffix("UTC").strip()
    day, _, clock = cut.replace("T", " ").partition(" ")
    if since and not (len(day) == 10 and (not clock or clock[:8].count(":") == 2)):
        raise DataError(f"{where} a date and time such as '1970-01-01 00:00:00'")
    if any(sign in clock for sign in "+-"):
        raise DataError(f"{where} UTC: the framework passes over an offset")


def _origin(path: Path, variable: Any) -> datetime:
    """Return what the times of a file without ``since`` count from."""
    text = str(getattr(variable, "epoch_start", ""))
    if not text:
        return datetime(1970, 1, 1)
    try:
        return datetime.strptime(text, "%m/%d/%Y %H:%M:%S")
    except ValueError:
        raise DataError(
            f"{path}: {variable.name}: epoch_start: found {text!r}, expected such as "
            "'01/31/1970 00:00:00'"
        ) from None


def _unknown(path: Path, catchment: str, ids: Mapping[str, Any]) -> DataError:
    """Return the error for a catchment that has no forcing."""
    return DataError(
        f"{path}: no forcing of catchment {catchment!r}{suggestion(catchment, ids)}"
    )
