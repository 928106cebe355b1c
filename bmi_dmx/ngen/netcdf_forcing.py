"""Forcing of many catchments in one NetCDF file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from ..errors import ConfigError, DataError, suggestion
from .fields import canonical, usual_units
from .forcing import STEP, Array, ForcingProvider, epoch

__all__ = ["NetcdfForcing"]

_SECONDS = {
    "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9,
}  # fmt: skip
_LONG = {
    "hour": "h", "hours": "h", "minute": "m", "minutes": "m", "second": "s",
    "seconds": "s", "milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns",
}  # fmt: skip

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
        Refuse a layout that the framework cannot read. Otherwise a plain coordinate
        ``time`` will do, and days as units of time.
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
        super().__init__(path)
        if not path.is_file():
            raise ConfigError(f"{path}: no such file")
        try:
            self._file = netCDF4.Dataset(path)
        except OSError as error:
            raise DataError(f"{path}: not a NetCDF file: {error}") from None
        try:
            self._open(strict, names or {})
        except BaseException:
            self._file.close()
            raise

    def _open(self, strict: bool, names: Mapping[str, str]) -> None:
        file, path = self._file, self.path
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
        in_file = {str(x): k for k, x in enumerate(np.asarray(file["ids"][:]).tolist())}
        self._place = {c: in_file[n] for c, n in names.items() if n in in_file}
        if not names:
            self._place = in_file
        self.start, self.steps = _hours(path, _time(path, file, strict))
        shape = (CATCHMENT, "time")
        own = {
            name: variable
            for name, variable in file.variables.items()
            if variable.dimensions == shape and name != "Time"
        }
        if strict:
            _readable(path, own, self.steps)
        # Known by the framework's name, and by that in the file.
        self._variables = {canonical(n): v for n, v in own.items()} | own
        self._blocks: dict[tuple[str, str], tuple[int, Array]] = {}
        rows = max(1, _BLOCK // max(1, len(in_file)))
        self._rows = min(self.steps, rows)

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
        return str(getattr(variable, "units", "")) or usual_units(variable.name)

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
        return self._read(name, units, row, steps)[:, places]

    def _read(self, name: str, units: str, first: int, steps: int) -> Array:
        found = self.units("", name)
        raw = self._variables[name][:, first : first + steps]
        values = np.ma.filled(np.ma.asarray(raw, dtype=np.float64), np.nan)
        return self.convert(np.ascontiguousarray(values.T), name, found, units)


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


def _time(path: Path, file: Any, strict: bool) -> Any:
    if "Time" in file.variables:
        return file["Time"]
    if not strict and "time" in file.variables:
        return file["time"]
    raise DataError(f"{path}: variable 'Time' is missing")


def _hours(path: Path, variable: Any) -> tuple[int, int]:
    """Return the first time, seconds since 1970, and the number of hours."""
    row = variable[0] if variable.ndim == 2 else variable[:]
    raw = np.ma.filled(np.ma.asarray(row, dtype=np.float64), np.nan)
    unit, since = _units_of_time(path, variable)
    if raw.size == 0 or not np.isfinite(raw).all():
        raise DataError(f"{path}: {variable.name}: found times that are missing")
    seconds = raw * _SECONDS[unit] + since
    steps = np.diff(seconds)
    if (np.abs(steps - STEP) > 0.5).any():
        at = int(np.argmax(np.abs(steps - STEP) > 0.5))
        raise DataError(
            f"{path}: {variable.name}: {steps[at]:g} s between entries {at} and "
            f"{at + 1}, expected {STEP}"
        )
    return round(seconds[0]), raw.size


def _units_of_time(path: Path, variable: Any) -> tuple[str, float]:
    text = str(getattr(variable, "units", "")).strip()
    word, _, rest = text.partition(" since ")
    unit = _LONG.get(word.strip(), word.strip())
    where = f"{path}: {variable.name}: units"
    if unit not in _SECONDS:
        known = ", ".join((*_SECONDS, *_LONG))
        raise DataError(f"{where}: found {text!r}, expected one of {known}")
    if rest:
        return unit, _since(where, rest, datetime.fromisoformat)
    if hasattr(variable, "epoch_start"):
        given = str(variable.epoch_start)
        return unit, _since(where, given, _american)
    return unit, 0.0


def _american(text: str) -> datetime:
    return datetime.strptime(text, "%m/%d/%Y %H:%M:%S")


def _since(where: str, text: str, read: Callable[[str], datetime]) -> float:
    cut = text.strip().removesuffix("Z").removesuffix(" UTC").strip()
    try:
        found = read(cut)
    except ValueError:
        raise DataError(f"{where}: found {text!r}, expected a date and time") from None
    return epoch(found.replace(tzinfo=None))


def _unknown(path: Path, catchment: str, ids: Mapping[str, Any]) -> DataError:
    """Return the error for a catchment that has no forcing."""
    return DataError(
        f"{path}: no forcing of catchment {catchment!r}{suggestion(catchment, ids)}"
    )
