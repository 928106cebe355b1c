"""Text tables with times: one column, or year, month and day; rows in their order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....data.axis import span_text
from .....data.identity import listed
from .....data.table import ENDINGS as TABLES
from .....data.table import Table, heading, is_table
from .....data.times import times_of
from .....errors import DataError
from .basins import SECONDS_PER_DAY, Times, time_axis
from .remarks import remark

__all__ = [
    "ENDINGS",
    "TIMES",
    "Columns",
    "Sheet",
    "column_called",
    "common_times",
    "has_times",
    "is_sheet",
    "ordered",
    "rows_at",
    "tables_in",
    "times_in",
    "values_at",
]

ENDINGS = (*TABLES, ".dat")
"""Of names of text tables; ``.gz`` may follow."""

_NO_TEXT = (
    ".xlsx", ".xls", ".ods", ".zip", ".bz2", ".xz", ".parquet", ".feather",
    ".nc", ".rdata", ".rds", ".mat", ".pkl",
)  # fmt: skip
"""Endings of files that may hold series, but not as text."""

TIMES = ("date", "time", "datetime", "timestamp", "day", "datum", "fecha", "jour")
"""What a column of times is called."""

Columns = dict[str, tuple[str, NDArray[np.float64]]]
"""Units and numbers, by the name in the table."""


@dataclass(frozen=True)
class Sheet:
    """The series of one basin.

    Parameters
    ----------
    path : Path
        The table.
    time : (T,) array of datetime64
        Increasing.
    columns : dict of str to (str, (T,) ndarray)
    """

    path: Path
    time: Times
    columns: Columns

    def with_names(self, names: Iterable[str]) -> Sheet:
        """Return it with columns under these names, told without regard to capitals."""
        spellings = {
            name.casefold(): name for name in names if name not in self.columns
        }
        columns = {spellings.get(n.casefold(), n): x for n, x in self.columns.items()}
        return replace(self, columns=columns)


def tables_in(path: Path) -> list[Path]:
    """Return the tables of a folder, or the one that a path is.

    Raises
    ------
    DataError
        The folder has none.
    """
    if path.is_file():
        return [path]
    files = sorted(
        file
        for file in path.iterdir()
        if is_sheet(file) and not file.name.startswith((".", "~"))
    )
    others = sorted(f.name for f in path.iterdir() if f.suffix.lower() in _NO_TEXT)
    if not files:
        hint = f"; found {listed(others)}, which are no text" if others else ""
        raise DataError(f"{path}: no tables ({', '.join(ENDINGS)}){hint}")
    if others:
        remark(
            f"{path}: {len(others)} {'file is' if len(others) == 1 else 'files are'} "
            f"no text and passed over ({listed(others)})"
        )
    return files


def is_sheet(path: Path) -> bool:
    """Return whether a file is called as text tables are, compressed or not."""
    return is_table(path, ENDINGS)


def column_called(table: Table, names: Iterable[str]) -> int | None:
    """Return the first column that is called by one of some names."""
    titles = [heading(title)[0].casefold() for title in table.titles]
    return next((titles.index(name) for name in names if name in titles), None)


def _parts(table: Table) -> tuple[int, ...]:
    """Return the columns of year, month, day and perhaps hour."""
    titles = [title.casefold() for title in table.titles]
    words = (("year", "y", "yyyy", "yr"), ("month", "m", "mm", "mnth", "mo"),
             ("day", "d", "dd"), ("hour", "h", "hh", "hr"))  # fmt: skip
    places = [
        next((titles.index(w) for w in some if w in titles), None) for some in words
    ]
    if any(place is None for place in places[:3]):
        return ()
    return tuple(place for place in places if place is not None)


def has_times(table: Table) -> bool:
    """Return whether a table has columns of times."""
    return bool(_parts(table)) or column_called(table, TIMES) is not None


def times_in(table: Table) -> tuple[Times, tuple[str, ...], set[int]]:
    """Return times, what was recognised, and the columns that hold them."""
    parts = _parts(table)
    if not parts:
        at = column_called(table, TIMES)
        assert at is not None  # as _has_times found
        times, remarks = times_of(table, at)
        return times, remarks, {at}
    numbers = [table.numbers(k, missing=False) for k in parts]
    whole = [values.astype(np.int64) for values in numbers]
    for k, values, rounded in zip(parts, numbers, whole, strict=True):
        bad = values != rounded
        if bad.any():
            row = int(np.argmax(bad))
            raise DataError(
                f"{table.path}: row {table.lines[row]}, column {table.titles[k]!r}: "
                f"found {values[row]:g}, expected a whole number"
            )
    year, month, day = whole[:3]
    months = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]")
    days = (months + (month - 1)).astype("datetime64[D]") + (day - 1)
    wrong = (
        (month < 1)
        | (month > 12)
        | (days.astype("datetime64[M]") != months + month - 1)
    )
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{table.path}: row {table.lines[row]}: no such day: {year[row]}, "
            f"{month[row]}, {day[row]}"
        )
    hours = whole[3] if len(whole) > 3 else np.zeros_like(year)
    times = days.astype("datetime64[us]") + hours.astype("timedelta64[h]")
    return times, (), set(parts)


def ordered(path: Path, time: Times, columns: Columns, name: str) -> Sheet:
    """Return the series of a basin in the order of time."""
    order = np.argsort(time, kind="stable")
    time = time[order]
    again = np.flatnonzero(np.diff(time) == np.timedelta64(0, "us"))
    if again.size:
        when = str(time[again[0]].astype("datetime64[s]")).replace("T", " ")
        rest = f", the first of {again.size} such times" if again.size > 1 else ""
        raise DataError(f"{path}: basin {name!r}: {when} is given twice{rest}")
    return Sheet(path, time, {n: (u, x[order]) for n, (u, x) in columns.items()})


def common_times(sheets: list[Sheet], path: Path) -> Times:
    """Return the times between the first and last that all tables reach."""
    steps: dict[float, Path] = {}
    for sheet in sheets:
        if sheet.time.size < 2:
            raise DataError(
                f"{sheet.path}: found {sheet.time.size} times, expected at least 2"
            )
        lengths = np.diff(sheet.time).astype("timedelta64[s]").astype(np.int64)
        steps.setdefault(float(np.median(lengths)), sheet.path)
    if len(steps) > 1:
        (one, first), (other, second) = list(steps.items())[:2]
        raise DataError(
            f"{second}: steps of {span_text(other)}, {first} has {span_text(one)}"
        )
    (step,) = steps
    first_time = max(sheet.time[0] for sheet in sheets)
    last_time = min(sheet.time[-1] for sheet in sheets)
    if first_time > last_time:
        raise DataError(f"{path}: the chosen basins share no time")
    if step % SECONDS_PER_DAY == 0:
        first_time = first_time.astype("datetime64[D]")
        last_time = last_time.astype("datetime64[D]")
    length = np.timedelta64(int(step), "s")
    count = int((last_time - first_time) / length) + 1
    return time_axis(first_time.astype("datetime64[s]") + np.arange(count) * length)


def rows_at(sheet: Sheet, time: Times) -> NDArray[np.intp]:
    """Return where each time of an axis stands in a table; -1 where it does not."""
    times = sheet.time.astype(time.dtype)
    at = np.searchsorted(times, time)
    inside = np.minimum(at, times.size - 1)
    place: NDArray[np.intp] = np.where(times[inside] == time, inside, -1)
    overlap = (times >= time[0]) & (times <= time[-1])
    strays = np.setdiff1d(times[overlap], time)
    if strays.size:
        raise DataError(
            f"{sheet.path}: time {str(strays[0]).replace('T', ' ')} lies between the "
            "steps of the others"
        )
    return place


def values_at(sheet: Sheet, column: str, part: NDArray[np.intp]) -> Any:
    """Return a column at the rows of :func:`rows_at`; NaN where there is none."""
    values = sheet.columns[column][1]
    return np.where(part >= 0, values[part], np.nan)
