"""A series of forcing in a CSV file, to run before the start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..csv_table import heading, numbers, read_csv_table
from ..errors import DataError, DmxError, UnitsError, suggestion
from ..units import convert
from ..variables import Forcing

__all__ = ["read_series"]

Array = np.ndarray[Any, np.dtype[np.float64]]


def read_series(
    path: Path, forcings: Sequence[Forcing], steps: int | None
) -> dict[str, Array]:
    """Return the columns of all forcings, one row for each step.

    Parameters
    ----------
    path : Path
        CSV. The first column is the time, which is not read: the last row is the step
        before the start. The others are named by standard or short name, with units in
        brackets unless they are those of the forcing.
    forcings : sequence of Forcing
        What is needed, in the units it is needed in.
    steps : int or None
        How many of the first rows to read; None: all.

    Returns
    -------
    dict of str to ndarray
        (step, 1) by short name.

    Raises
    ------
    DataError
        When the file cannot be read, a column is missing, there are too few rows, or a
        value is missing or absurd.
    UnitsError
        When units of a column cannot be converted.
    """
    try:
        titles, rows = read_csv_table(path, "rows of forcing")
    except DmxError as error:
        raise DataError(f"spin_up: file: {error}") from None
    found = steps if steps is not None else len(rows)
    if len(rows) < found:
        raise DataError(
            f"spin_up: file: {path}: found {len(rows)} rows, expected {found}"
        )
    columns = {}
    for k, title in enumerate(titles[1:], 1):
        name, units = heading(title)
        columns[name] = k, units
    series = {}
    for forcing in forcings:
        names = [n for n in (forcing.standard_name, forcing.name) if n in columns]
        if not names:
            hint = suggestion(forcing.name, columns)
            raise DataError(f"spin_up: file: {path}: no column {forcing.name!r}{hint}")
        at, units = columns[names[0]]
        cells = [row[at] for row in rows[:found]]
        series[forcing.name] = _column(path, forcing, titles[at], cells, units)[:, None]
    return series


def _column(
    path: Path, forcing: Forcing, title: str, cells: Sequence[str], units: str
) -> Array:
    where = f"spin_up: file: {path}: {forcing.name}"
    values = numbers(f"spin_up: file: {path}", title, cells)
    try:
        if units and units != forcing.units:
            values = np.asarray(convert(values, units, forcing.units), float)
    except UnitsError as error:
        raise UnitsError(f"{where}: {error}") from None
    at = forcing.first_outside(values)
    if at is not None:
        raise DataError(
            f"{where}: row {at + 2} is {values[at]:g} {forcing.units}; expected "
            f"{forcing.expected}"
        )
    return values
