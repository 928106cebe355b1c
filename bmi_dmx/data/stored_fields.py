"""Fields along time that stay in their files until some steps of them are asked for."""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, DataError, suggestion
from .fields import coordinate, rows_and_columns
from .netcdf import Stamps, numbers, opened, stamps, time_variable, units_of

__all__ = ["FieldFiles", "StoredFields", "YearFiles", "evenly"]

Array = NDArray[np.float64]
Times = NDArray[np.datetime64]
Steps = NDArray[np.intp]

_log = logging.getLogger(__name__)

_YEAR = re.compile(r"(?<!\d)(1[6-9]|2[01])\d\d(?!\d)")

_DAY = np.timedelta64(1, "D")


class StoredFields(ABC):
    """Fields of several files, one after the other along time.

    Attributes
    ----------
    begins : (T,) datetime64[us]
        When each step begins, rising.
    y, x : (row,), (column,) array
        Where rows and columns are, both rising.
    units : dict of str to str
        What the files say of fields, by name; empty where they say nothing.
    levels : dict of str to (level,) array
        Where the files say that levels are, in their order, of fields that have some.
    """

    begins: Times
    y: Array
    x: Array
    units: dict[str, str]
    levels: dict[str, Array]

    def read(self, steps: Steps, names: Sequence[str]) -> dict[str, Array]:
        """Return some steps.

        Parameters
        ----------
        steps : (n,) array of int
            Positions among all steps, in any order.
        names : sequence of str
            What is asked for.

        Returns
        -------
        dict of str to (n, level, row, column) array
            NaN is missing; one level where there are none.
        """
        fields = [self._step(int(step), names) for step in steps]
        return {name: np.stack([one[name] for one in fields]) for name in names}

    @abstractmethod
    def _step(self, step: int, names: Sequence[str]) -> dict[str, Array]:
        """Return the fields of one step, (level, row, column)."""


@dataclass(frozen=True)
class _Piece:
    """One file: where it is, and the position of its first step among all."""

    path: Path
    first: int


class _Chain(StoredFields):
    """Files whose steps follow each other; the last that was read stays open."""

    _last: tuple[Path, Any] | None = None

    def _kept(self, path: Path) -> Any:
        """Return an open file."""
        if self._last is None or self._last[0] != path:
            if self._last is not None:
                self._last[1].close()
            self._last = path, opened(path)
        return self._last[1]

    def _chained(self, files: Sequence[tuple[Path, Times]]) -> None:
        """Bring files into the order of their times.

        Raises
        ------
        DataError
            Times come twice.
        """
        ordered = sorted(files, key=lambda one: one[1][0])
        for (path, times), (other, later) in pairwise(ordered):
            if later[0] <= times[-1]:
                raise DataError(
                    f"{other}: begins at {later[0]!s:.10}, but {path} goes on to "
                    f"{times[-1]!s:.10}"
                )
        lengths = np.cumsum([0, *(len(times) for _, times in ordered)])
        self._pieces = [
            _Piece(path, int(first))
            for (path, _), first in zip(ordered, lengths, strict=False)
        ]
        self._firsts = lengths[:-1]
        self.begins = np.concatenate([times for _, times in ordered])

    def _piece(self, step: int) -> tuple[Path, int]:
        """Return the file of a step, and its position there."""
        piece = self._pieces[int(np.searchsorted(self._firsts, step, "right")) - 1]
        return piece.path, step - piece.first


class YearFiles(_Chain):
    """HDF5 files of a year each with all fields in one dataset, a step for every day.

    The dataset is ``[day, channel, row, column]``, of 365 or 366 days as the year has;
    the year stands in the name of the file. Such files say nothing of their rows and
    columns.

    Parameters
    ----------
    folder : path
        Where they are.
    dataset : str
        Name of the dataset.
    channels : mapping of str to (int, int)
        First channel and the one after the last, by name.
    rows, columns : (float, float)
        Where the first is, and how far it is to the next.

    Raises
    ------
    ConfigError
        There is no such folder, or no file of a year in it.
    DataError
        A file has other shapes or another number of days.
    """

    def __init__(
        self,
        folder: Path,
        dataset: str,
        channels: Mapping[str, tuple[int, int]],
        rows: tuple[float, float],
        columns: tuple[float, float],
    ) -> None:
        if not folder.is_dir():
            raise ConfigError(f"{folder}: no such folder")
        self._dataset, self._channels = dataset, dict(channels)
        files = [(path, year) for path in sorted(folder.iterdir())
                 if (year := _year(path)) is not None]  # fmt: skip
        if not files:
            raise ConfigError(f"{folder}: no file with a year in its name")
        shapes = {path: self._shape(path) for path, _ in files}
        shape = shapes[files[0][0]]
        for path, other in shapes.items():
            if other[1:] != shape[1:]:
                raise DataError(
                    f"{path}: {dataset}: found {other[1:]} channels, rows and columns, "
                    f"expected {shape[1:]} as of {files[0][0].name}"
                )
        self._chained([(p, _days(p, year, shapes[p][0])) for p, year in files])
        y = rows[0] + rows[1] * np.arange(shape[2], dtype=np.float64)
        x = columns[0] + columns[1] * np.arange(shape[3], dtype=np.float64)
        self._falling = rows[1] < 0.0
        self.x, self.y = x, y[::-1].copy() if self._falling else y
        self.units, self.levels = dict.fromkeys(channels, ""), {}

    def _shape(self, path: Path) -> tuple[int, ...]:
        file = opened(path)
        try:
            if self._dataset not in file.variables:
                hint = suggestion(self._dataset, file.variables)
                raise DataError(f"{path}: no dataset {self._dataset!r}{hint}")
            shape = tuple(int(n) for n in file.variables[self._dataset].shape)
        finally:
            file.close()
        if len(shape) != 4:
            raise DataError(
                f"{path}: {self._dataset}: found shape {shape}, expected days, "
                "channels, rows and columns"
            )
        for name, (_, end) in self._channels.items():
            if end > shape[1]:
                raise DataError(
                    f"{path}: {self._dataset}: found {shape[1]} channels, expected at "
                    f"least {end} for {name}"
                )
        return shape

    def _step(self, step: int, names: Sequence[str]) -> dict[str, Array]:
        path, day = self._piece(step)
        # Pieces of a compressed file hold all channels of a day.
        whole = numbers(path, self._kept(path).variables[self._dataset], day)
        if self._falling:
            whole = whole[:, ::-1]
        return {name: whole[slice(*self._channels[name])] for name in names}


@dataclass(frozen=True)
class _FileDescription:
    """What a CF file says of its fields, before any is read."""

    path: Path
    begins: Times
    y: Array
    x: Array
    shapes: dict[str, tuple[int, ...]]
    units: dict[str, str]
    levels: dict[str, Array]

    @classmethod
    def of(cls, path: Path, names: Mapping[str, str]) -> _FileDescription:
        """Return that of a file, whose times must rise.

        Raises
        ------
        ConfigError, DataError
            As of :class:`FieldFiles`.
        """
        file = opened(path)
        try:
            times = stamps(path, file, time_variable(path, file))
            begins = _rising(times)
            shapes, units, levels = {}, {}, {}
            axes: tuple[str, ...] = ()
            for name, title in names.items():
                dimensions = _dimensions(path, file, title, times.dimension)
                if axes and dimensions[-2:] != axes:
                    raise DataError(
                        f"{path}: {title}: found fields along "
                        f"{', '.join(dimensions[-2:])}, expected {', '.join(axes)} as "
                        f"of {next(iter(names.values()))}"
                    )
                axes = dimensions[-2:]
                variable = file.variables[title]
                shapes[name] = tuple(map(int, variable.shape[1:]))
                units[name] = units_of(variable)
                if len(dimensions) == 4 and dimensions[1] in file.variables:
                    levels[name] = numbers(path, file.variables[dimensions[1]])
            y, x = (coordinate(path, file, axis) for axis in axes)
        finally:
            file.close()
        return cls(path, begins, y, x, shapes, units, levels)

    def refuse_unlike(self, first: _FileDescription) -> None:
        """Refuse what does not go on with the fields of another file.

        Raises
        ------
        DataError
            Rows, columns, levels or units differ.
        """
        if not (np.array_equal(self.y, first.y) and np.array_equal(self.x, first.x)):
            raise DataError(f"{self.path}: has other rows or columns than {first.path}")
        for name, shape in first.shapes.items():
            none = np.empty(0)
            there, expected = (x.levels.get(name, none) for x in (self, first))
            same = np.array_equal(there, expected)
            if self.shapes[name] != shape or not same:
                raise DataError(
                    f"{self.path}: {name}: has other levels than {first.path}"
                )
            if self.units[name] != first.units[name]:
                raise DataError(
                    f"{self.path}: {name}: found units {self.units[name]!r}, expected "
                    f"{first.units[name]!r} as of {first.path}"
                )


def _dimensions(path: Path, file: Any, name: str, time: str) -> tuple[str, ...]:
    """Return the dimensions of a field along time: perhaps levels, rows, columns."""
    if name not in file.variables:
        hint = suggestion(name, file.variables)
        raise DataError(f"{path}: no variable {name!r}{hint}")
    dimensions = tuple(map(str, file.variables[name].dimensions))
    usual = len(dimensions) in (3, 4) and dimensions[0] == time
    if not usual or dimensions[-2:] != rows_and_columns(dimensions[-2:]):
        raise DataError(
            f"{path}: {name}: found dimensions {', '.join(dimensions)}, expected "
            f"{time}, perhaps levels, rows and columns"
        )
    return dimensions


def _rising(times: Stamps) -> Times:
    """Return when steps begin, each after the one before."""
    moments = times.bounds[0] if times.bounds is not None else times.moments
    if not moments.offsets.size:
        raise DataError(f"{times.where}: found no times")
    offsets = np.round(moments.offsets * 1e6).astype("timedelta64[us]")
    back = np.flatnonzero(np.diff(offsets) <= np.timedelta64(0))
    if back.size:
        at = int(back[0])
        one, other = moments.text(at), moments.text(at + 1)
        raise DataError(
            f"{times.where}: the times do not increase: {one} is followed by {other}"
        )
    begins: Times = moments.first + offsets
    return begins


class FieldFiles(_Chain):
    """CF NetCDF files or Zarr stores, fields by the names of their variables.

    Parameters
    ----------
    paths : sequence of path
        Files of one grid.
    names : mapping of str to str
        What the variables are called, by what they are asked for as.

    Raises
    ------
    ConfigError
        A file is not there.
    DataError
        A variable is missing or no series of fields, or files have other grids.
    """

    def __init__(self, paths: Sequence[Path], names: Mapping[str, str]) -> None:
        self._names = dict(names)
        described = [_FileDescription.of(path, self._names) for path in paths]
        if not described:
            raise ConfigError("source: found no files")
        first = described[0]
        for other in described[1:]:
            other.refuse_unlike(first)
        self._chained([(one.path, one.begins) for one in described])
        self.units, self.levels = first.units, first.levels
        y, self.x = first.y, first.x
        self._falling = bool(y.size > 1 and y[0] > y[-1])
        self.y = y[::-1].copy() if self._falling else y

    def _step(self, step: int, names: Sequence[str]) -> dict[str, Array]:
        path, at = self._piece(step)
        fields = {}
        for name in names:
            variable = self._kept(path).variables[self._names[name]]
            values = numbers(path, variable, at)
            values = values[None] if values.ndim == 2 else values
            fields[name] = values[:, ::-1] if self._falling else values
        return fields


def evenly(begins: Times, starts: Steps, steps: int, length: np.timedelta64) -> Steps:
    """Return those positions after which so many steps of a length are there."""
    inside = starts[starts + steps < len(begins)]
    whole: Steps = inside[begins[inside + steps] - begins[inside] == steps * length]
    return whole


def _year(path: Path) -> int | None:
    years = [match.group() for match in _YEAR.finditer(path.stem)]
    return int(years[0]) if path.is_file() and len(years) == 1 else None


def _days(path: Path, year: int, count: int) -> Times:
    """Return the days of a year, whose number must be right."""
    first = np.datetime64(f"{year}-01-01", "D")
    expected = int((np.datetime64(f"{year + 1}-01-01", "D") - first) / _DAY)
    if count > expected:
        raise DataError(f"{path}: found {count} days, expected {expected} of {year}")
    if count < expected:
        _log.info("%s: has %d days, taken for the first of %d", path, count, year)
    days: Times = (first + np.arange(count)).astype("datetime64[us]")
    return days
