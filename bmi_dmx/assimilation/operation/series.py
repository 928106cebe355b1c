"""Series of what was observed, as files hold them: one row for each value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...data.fill_values import without_markers
from ...data.table import heading, read_table
from ...data.times import times_of
from ...errors import DataError

__all__ = ["EPOCH", "ObservedSeries", "read_observations", "seconds_of"]

Array = np.ndarray[Any, np.dtype[Any]]

EPOCH = np.datetime64("1970-01-01", "us")


@dataclass(frozen=True, kw_only=True, eq=False)
class ObservedSeries:
    """Values of places at times.

    Parameters
    ----------
    path : Path
        Where they are from.
    places : tuple of str
        Names of the places in the file.
    units : str
        Of the values; empty where the file says none.
    time : ndarray
        (row,) at which values hold, seconds since 1970, UTC: the end of what they are
        means of.
    place : ndarray of int
        (row,) position among the places.
    value : ndarray
        (row,); NaN is missing.
    remarks : tuple of str
        What was assumed about the file.
    """

    path: Path
    places: tuple[str, ...]
    units: str
    time: Array
    place: Array
    value: Array
    remarks: tuple[str, ...] = ()


def seconds_of(times: Any) -> Array:
    """Return times, datetime64, as seconds since 1970."""
    seconds: Array = (np.asarray(times, "datetime64[us]") - EPOCH) / np.timedelta64(
        1, "s"
    )
    return seconds


def read_observations(path: Path) -> ObservedSeries:
    """Read a table with a row for each time and a column for each place.

    Parameters
    ----------
    path : Path
        CSV or so; the first column is the time, UTC, at which values hold, the others
        are titled by the names of places, with units in brackets.

    Raises
    ------
    ConfigError
        When there is no such file.
    DataError
        When it is no such table, or places have other units than each other.
    """
    table = read_table(path, "rows of observations")
    times, notes = times_of(table, 0)
    heads = [heading(title) for title in table.titles[1:]]
    names = tuple(name for name, _ in heads)
    units = {unit for _, unit in heads}
    if not names:
        raise DataError(f"{path}: found no column of a place beside the time")
    if len(units) > 1:
        raise DataError(
            f"{path}: columns have units {', '.join(map(repr, sorted(units)))}, "
            "expected the same in all"
        )
    columns = np.stack([table.numbers(at + 1) for at in range(len(names))], axis=1)
    marked = without_markers(columns)
    remarks = [*table.remarks, *notes]
    if marked.markers:
        remarks.append(marked.remark(str(path)))
    rows, width = columns.shape
    return ObservedSeries(
        path=path, places=names, units=units.pop(),
        time=np.repeat(seconds_of(times), width),
        place=np.tile(np.arange(width), rows),
        value=marked.values.reshape(-1), remarks=tuple(remarks),
    )  # fmt: skip
