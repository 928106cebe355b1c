"""Columns of times in tables, as people, loggers and spreadsheets write them."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .axis import moment_of_text
from .table import Table

__all__ = ["times_of"]

_DAY_OR_MONTH = re.compile(r"\s*(\d{1,2})[-/](\d{1,2})[-/]\d{4}")


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
    order, told = _order(table, at, cells)
    found = np.empty(len(cells), dtype="datetime64[us]")
    for k, cell in enumerate(cells):
        moment = moment_of_text(cell, order)
        if moment is None:
            raise DataError(
                f"{table.path}: row {table.lines[k]}: found {cell!r}, expected a time "
                "such as 1980-10-01 00:00"
            )
        found[k] = moment
    return found, told


def _order(
    table: Table, at: int, cells: list[str]
) -> tuple[bool | None, tuple[str, ...]]:
    """Return whether the day stands before the month; None where the year is first."""
    pairs = [
        (int(read[1]), int(read[2])) for read in map(_DAY_OR_MONTH.match, cells) if read
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
