"""Forcing in one CSV file per catchment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from ..csv_table import heading, numbers, read_csv_table
from ..errors import ConfigError, DataError
from .fields import column
from .forcing import STEP, Array, ForcingProvider, epoch

__all__ = ["CsvForcing", "matching", "read_csv"]

_FORMAT = "%Y-%m-%d %H:%M:%S"


class Table:
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
    """

    def __init__(
        self,
        path: Path,
        start: int,
        columns: Mapping[str, Array],
        units: Mapping[str, str],
    ) -> None:
        self.path, self.start = path, start
        self.columns, self.units = dict(columns), dict(units)
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
        super().__init__(folder)
        self._file_of, self._strict = file_of, strict
        self._tables: dict[str, Table] = {}
        self._converted: dict[tuple[str, str, str], Array] = {}

    def _table(self, catchment: str) -> Table:
        if catchment not in self._tables:
            path = self._file_of(catchment)
            self._tables[catchment] = read_csv(path)
            if self._strict:
                _readable(path)
        return self._tables[catchment]

    def names(self, catchment: str) -> Sequence[str]:
        """Return the columns of the catchment's file."""
        return tuple(self._table(catchment).columns)

    def units(self, catchment: str, name: str) -> str:
        """Return the units of a column."""
        return self._table(catchment).units[name]

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
        found = np.empty((steps, len(ids)))
        for k, catchment in enumerate(ids):
            row = self.row(self._table(catchment).start, start)
            column = self._column(catchment, name, units)
            if not 0 <= row <= len(column) - steps:
                raise self.outside(catchment, start + (steps - 1) * STEP)
            found[:, k] = column[row : row + steps]
        return found


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
        wanted = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"file_pattern: {pattern!r}: {error}") from None
    found = sorted(f for f in folder.iterdir() if wanted.fullmatch(f.name))
    if len(found) != 1:
        names = ", ".join(repr(f.name) for f in found[:3]) or "none"
        raise ConfigError(
            f"{folder}: forcing of {catchment!r}: expected one file that matches "
            f"{wanted.pattern!r}, found {names}"
        )
    return found[0]


def read_csv(path: Path) -> Table:
    """Read one file: a column ``Time`` or ``time``, and hourly values.

    Raises
    ------
    DataError
        Naming file, row and column: when a cell is no number, rows are not an hour
        apart, a variable is given twice, or there is nothing at all.
    """
    header, rows = read_csv_table(path, "at least one hour")
    at = [k for k, cell in enumerate(header) if cell in ("Time", "time")]
    if len(at) != 1:
        raise DataError(f"{path}: expected one column 'Time', found {header}")
    columns, units = {}, {}
    for k, cell in enumerate(header):
        if k in at:
            continue
        name, unit = column(cell)
        if name in columns:
            raise DataError(f"{path}: column {cell!r} gives {name!r} a second time")
        values = numbers(path, cell, [row[k] for row in rows])
        # Known by the framework's name, and by that in the file.
        for known in (name, heading(cell)[0]):
            columns[known], units[known] = values, unit
    return Table(path, _start(path, [row[at[0]] for row in rows]), columns, units)


def _readable(path: Path) -> None:
    """Refuse what tables may have, but the framework takes for a part of the text."""
    with open(path, encoding="utf-8", newline="") as file:
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


def _start(path: Path, cells: Sequence[str]) -> int:
    start = 0
    for number, cell in enumerate(cells):
        try:
            time = datetime.strptime(cell.strip(), _FORMAT)
        except ValueError:
            raise DataError(
                f"{path}: row {number + 2}: time: found {cell!r}, expected such as "
                "'2015-12-01 00:00:00'"
            ) from None
        seconds = epoch(time)
        if number == 0:
            start = seconds
        elif seconds != start + number * STEP:
            raise DataError(
                f"{path}: row {number + 2}: time {cell!r} is not one hour after the "
                "row before; rows are counted, not matched by their time"
            )
    return start
