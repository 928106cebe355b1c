"""Forcing in one CSV file per catchment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from ..data.table import Table, heading, read_table
from ..data.times import moment_of_text, regular
from ..errors import ConfigError, DataError
from .fields import column
from .forcing import STEP, Array, ForcingProvider, epoch

__all__ = ["CsvForcing", "matching", "read_csv"]

_FORMAT = "%Y-%m-%d %H:%M:%S"


class Hours:
    """Hourly columns that begin at one time: what one CSV file holds.

    Parameters
    ----------
    path : Path
        For messages.
    start : int
        Seconds since 1970.
    columns : mapping of str to ndarray
        (time,) by the framework's name.
    units : mapping of str to str
    assumed : frozenset of str
        Variables whose units the file does not give.
    remarks : tuple of str
        What was recognised in the file.
    """

    def __init__(
        self,
        path: Path,
        start: int,
        columns: Mapping[str, Array],
        units: Mapping[str, str],
        assumed: frozenset[str] = frozenset(),
        remarks: tuple[str, ...] = (),
    ) -> None:
        self.path, self.start = path, start
        self.columns, self.units = dict(columns), dict(units)
        self.assumed, self.remarks = assumed, remarks
        self.steps = len(next(iter(columns.values()))) if columns else 0


class CsvForcing(ForcingProvider):
    """One CSV file per catchment.

    Parameters
    ----------
    folder : Path
        Where the files are.
    file_of : callable
        Returns the file of a catchment.
    strict : bool
        Refuse a file that the framework cannot read.
    """

    def __init__(
        self, folder: Path, file_of: Callable[[str], Path], *, strict: bool = True
    ) -> None:
        super().__init__(folder, strict=strict)
        self._file_of = file_of
        self._tables: dict[str, Hours] = {}
        self._converted: dict[tuple[str, str, str], Array] = {}

    def __getstate__(self) -> dict[str, object]:
        # Files are read where they are needed.
        return {**self.__dict__, "_tables": {}, "_converted": {}}

    def _table(self, catchment: str) -> Hours:
        if catchment not in self._tables:
            path = self._file_of(catchment)
            table = read_csv(path, strict=self.strict)
            self._tables[catchment] = table
            self.remarks += [f"{path}: {remark}" for remark in table.remarks]
        return self._tables[catchment]

    def names(self, catchment: str) -> Sequence[str]:
        """Return the columns of the catchment's file."""
        return tuple(self._table(catchment).columns)

    def units(self, catchment: str, name: str) -> str:
        """Return the units of a column."""
        return self._table(catchment).units[name]

    def states_units(self, catchment: str, name: str) -> bool:
        """Return whether the heading of a column gives units."""
        return name not in self._table(catchment).assumed

    def span(self, catchment: str) -> tuple[int, int]:
        """Return begin and end of the catchment's file."""
        table = self._table(catchment)
        return table.start, table.start + table.steps * STEP

    def _column(self, catchment: str, name: str, units: str) -> Array:
        key = (catchment, name, units)
        if key not in self._converted:
            table = self._table(catchment)
            if name not in table.columns:
                raise self.no_variable(name, tuple(table.columns))
            values = table.columns[name]
            self._converted[key] = self.convert(values, name, table.units[name], units)
        return self._converted[key]

    def value(self, catchment: str, name: str, units: str, time: int) -> float:
        """Return the value of an hour."""
        row = self.row(self._table(catchment).start, time)
        column = self._column(catchment, name, units)
        if not 0 <= row < len(column):
            raise self.outside(catchment, time)
        return float(column[row])

    def close(self) -> None:
        """Let go of the values."""
        self._tables.clear()
        self._converted.clear()

    def block(
        self, ids: Sequence[str], name: str, units: str, start: int, steps: int
    ) -> Array:
        """Return values of many catchments, (time, catchment)."""
        values = np.empty((steps, len(ids)))
        for k, catchment in enumerate(ids):
            row = self.row(self._table(catchment).start, start)
            column = self._column(catchment, name, units)
            if not 0 <= row <= len(column) - steps:
                raise self.outside(catchment, start + (steps - 1) * STEP)
            values[:, k] = column[row : row + steps]
        return values


def matching(folder: Path, pattern: str, catchment: str) -> Path:
    """Return the one file whose whole name a pattern matches.

    Raises
    ------
    ConfigError
        When the folder, or a file is not there, or there are several: the framework
        would take whichever comes first in the folder.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder")
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"file_pattern: {pattern!r}: {error}") from None
    files = sorted(f for f in folder.iterdir() if expression.fullmatch(f.name))
    if len(files) != 1:
        names = ", ".join(repr(f.name) for f in files[:3]) or "none"
        raise ConfigError(
            f"{folder}: forcing of {catchment!r}: expected one file that matches "
            f"{expression.pattern!r}, found {names}"
        )
    return files[0]


def read_csv(path: Path, *, strict: bool = True) -> Hours:
    """Read one file: a column ``Time`` or ``time``, and hourly values.

    Parameters
    ----------
    path : Path
    strict : bool
        Refuse a file that the framework cannot read. Otherwise times may be written in
        other ways, cells be parted by semicolons, and values be missing.

    Raises
    ------
    DataError
        Naming file, row and column: when a cell is no number, rows are not an hour
        apart, a variable is given twice, or there is nothing at all.
    """
    table = read_table(path, "at least one hour")
    if strict:
        _readable(path)
    at = [k for k, cell in enumerate(table.titles) if cell in ("Time", "time")]
    if len(at) != 1:
        raise DataError(
            f"{path}: expected one column 'Time', found {list(table.titles)}"
        )
    columns: dict[str, Array] = {}
    units: dict[str, str] = {}
    assumed = set()
    for k, title in enumerate(table.titles):
        if k in at:
            continue
        name, unit = column(title)
        plain, heading_unit = heading(title)
        if name in columns:
            raise DataError(f"{path}: column {title!r} gives {name!r} a second time")
        values = table.numbers(k, missing=not strict)
        # Known by the framework's name, and by that in the file.
        for key in (name, plain):
            columns[key], units[key] = values, unit
            if not heading_unit:
                assumed.add(key)
    begin, notes = _start(table, at[0], strict)
    remarks = () if strict else (*table.remarks, *notes)
    return Hours(path, begin, columns, units, frozenset(assumed), remarks)


def _readable(path: Path) -> None:
    """Refuse what tables may have, but the framework takes for a part of the text."""
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        lines = [file.readline().rstrip("\r\n") for _ in range(2)]
    if any('"' in line for line in lines):
        raise DataError(f"{path}: found quotation marks; the framework reads none")
    if re.search(r"[\[(]\s|\s[\])]", lines[0]):
        raise DataError(f"{path}: header: units have blanks around; remove them")
    if not {"Time", "time"} & set(lines[0].split(",")):
        raise DataError(
            f"{path}: header: found {lines[0].split(',')[0]!r}, expected exactly "
            "'Time' or 'time', without blanks or a byte order mark"
        )


def _start(table: Table, at: int, strict: bool) -> tuple[int, tuple[str, ...]]:
    """Return when the first hour begins, and what was assumed about times."""
    times = []
    for cell, line in zip(table.cells(at), table.lines, strict=True):
        time = _moment(cell, strict)
        if time is None:
            raise DataError(
                f"{table.path}: row {line}: time: found {cell!r}, expected such as "
                "'2015-12-01 00:00:00'"
            )
        times.append(time)
    start = times[0]
    for number, time in enumerate(times):
        if time != start + number * np.timedelta64(STEP, "s"):
            raise DataError(
                f"{table.path}: row {table.lines[number]}: time "
                f"{table.rows[number][at]!r} is not one hour after the row before; "
                "rows are counted, not matched by their time"
            )
    if strict or len(times) < 2:
        return int(start.astype("datetime64[s]").astype(np.int64)), ()
    axis = regular(times, f"{table.path}: {table.titles[at]}")
    return epoch(axis.start), axis.remarks


def _moment(cell: str, strict: bool) -> np.datetime64 | None:
    """Return the time of a row."""
    if not strict:
        return moment_of_text(cell)
    try:
        return np.datetime64(datetime.strptime(cell, _FORMAT), "us")
    except ValueError:
        return None
