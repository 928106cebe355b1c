"""A series of forcing in a CSV file, to run before the start."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, DmxError, UnitsError, suggestion
from ..units import convert
from ..variables import Forcing
from .csv_table import read_csv_table

__all__ = ["read_series"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_HEADING = re.compile(r"\s*([^\[(]+?)\s*(?:[\[(]\s*(.*?)\s*[\])])?\s*")


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
    header = [_HEADING.fullmatch(title) for title in titles]
    columns = {m[1]: (k, m[2]) for k, m in enumerate(header) if k and m}
    series = {}
    for forcing in forcings:
        names = [n for n in (forcing.standard_name, forcing.name) if n in columns]
        if not names:
            hint = suggestion(forcing.name, columns)
            raise DataError(f"spin_up: file: {path}: no column {forcing.name!r}{hint}")
        at, units = columns[names[0]]
        cells = [row[at] for row in rows[:found]]
        series[forcing.name] = _column(path, forcing, cells, units)[:, None]
    return series


def _column(
    path: Path, forcing: Forcing, cells: Sequence[str], units: str | None
) -> Array:
    where = f"spin_up: file: {path}: {forcing.name}"
    try:
        values = np.array(cells, float)
        if units and units != forcing.units:
            values = np.asarray(convert(values, units, forcing.units), float)
    except UnitsError as error:
        raise UnitsError(f"{where}: {error}") from None
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    low, high = forcing.bounds or (-np.inf, np.inf)
    bad = ~((values >= low) & (values <= high))
    if bad.any():
        at = int(np.argmax(bad))
        raise DataError(
            f"{where}: row {at + 2} is {values[at]:g} {forcing.units}; expected "
            f"{low:g} to {high:g}"
        )
    return values
