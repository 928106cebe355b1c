"""Times as people, loggers and spreadsheets write them, alone and in columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .axis import Moments, TimeAxis
from .one_time import one_step
from .table import Table
from .time_units import time_of_day

__all__ = ["moment_of_text", "regular", "times_of"]

_DAY_OR_MONTH = re.compile(r"\s*(\d{1,2})[-/](\d{1,2})[-/]\d{4}")

_MOMENT = re.compile(
    r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"
    r"(?:[T _]+(?P<rest>.*))?"
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_DAY_FIRST = re.compile(
    r"(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4})"
    r"(?:[T ]+(?P<rest>.*))?"
)
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?P<fraction>\.\d+)?)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{1,2}(?::?\d{2})?)?",
    re.IGNORECASE,
)


def moment_of_text(text: str, day_first: bool | None = None) -> np.datetime64 | None:
    """Return a time that stands in a table as people and programs write it, UTC.

    Parameters
    ----------
    text : str
        ``1980-10-01``, ``1980/10/01 00:00``, ``19801001``, ``1980-10-01T00:00:00Z``, an
        offset from UTC, or ``1.10.1980`` and ``10/01/1980``.
    day_first : bool, optional
        Which of the two is the day where the year stands last; None: such text is no
        time, but for dots, which stand between a day and a month.

    Returns
    -------
    datetime64[us] or None
        None where it is no time.
    """
    cut = text.strip()
    compact = _COMPACT.fullmatch(cut)
    match = _MOMENT.fullmatch(cut)
    if compact:
        parts, rest = [int(part) for part in compact.groups()], ""
    elif match:
        parts = [int(match[name]) for name in ("year", "month", "day")]
        rest = match["rest"] or ""
    else:
        match = _DAY_FIRST.fullmatch(cut)
        if match is None:
            return None
        order = True if match["mark"] == "." else day_first
        if order is None:
            return None
        one, two = int(match["one"]), int(match["two"])
        parts = [int(match["year"]), two if order else one, one if order else two]
        rest = match["rest"] or ""
    clock = _CLOCK.fullmatch(rest.strip()) if rest.strip() else None
    if rest.strip() and clock is None:
        return None
    try:
        moment = datetime(*parts)  # type: ignore[arg-type]
        moment += time_of_day(clock) if clock else timedelta()
    except (ValueError, OverflowError):
        return None
    return np.datetime64(moment, "us")


def times_of(table: Table, at: int) -> tuple[NDArray[np.datetime64], tuple[str, ...]]:
    """Return a column as times, (row,), UTC, and what was recognised.

    Parameters
    ----------
    table : Table
    at : int
        The column. Days and months that stand before a year and are parted by strokes
        are told apart by the first that is above 12.

    Raises
    ------
    DataError
        Naming the first row that is no time, or where nothing tells day from month.
    """
    cells = table.cells(at)
    order, remarks = _order(table, at, cells)
    times = np.empty(len(cells), dtype="datetime64[us]")
    for k, cell in enumerate(cells):
        moment = moment_of_text(cell, order)
        if moment is None:
            raise DataError(
                f"{table.path}: row {table.lines[k]}: found {cell!r}, expected a time "
                "such as 1980-10-01 00:00"
            )
        times[k] = moment
    return times, remarks


def _order(
    table: Table, at: int, cells: list[str]
) -> tuple[bool | None, tuple[str, ...]]:
    """Return whether the day stands before the month; None where the year is first."""
    pairs = [
        (int(match[1]), int(match[2]))
        for match in map(_DAY_OR_MONTH.match, cells)
        if match
    ]
    if not pairs:
        return None, ()
    first, second = max(one for one, _ in pairs), max(two for _, two in pairs)
    if first > 12 >= second:
        return True, ("dates are day, month, year",)
    if second > 12 >= first:
        return False, ("dates are month, day, year",)
    raise DataError(
        f"{table.path}: column {table.titles[at]!r}: {cells[0]!r} may be a day and a "
        "month or a month and a day; write dates such as 1980-10-01"
    )


def regular(
    times: Sequence[np.datetime64] | NDArray[np.datetime64],
    where: str,
    *,
    lone_step: float | None = None,
) -> TimeAxis:
    """Return the axis of times that were written out, such as those of a table.

    Parameters
    ----------
    times : sequence of datetime64
        UTC.
    where : str
        File and column, for messages.
    lone_step : float, optional
        Seconds of the step that one time stands for; refused where absent.
    """
    micro = np.asarray(times, dtype="datetime64[us]")
    if micro.size == 0:
        raise DataError(f"{where}: found 0 times, expected at least 2")
    offsets = (micro - micro[0]).astype(np.float64) * 1e-6
    stamps = Moments(micro[0], offsets)
    if lone_step is not None and micro.size == 1:
        return one_step(stamps, lone_step, where)
    return TimeAxis.of(stamps, where)
