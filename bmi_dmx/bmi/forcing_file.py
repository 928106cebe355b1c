"""A series of forcing in a CSV file, to run before the start."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.quantity import in_mass, quantity
from ..data.table import Table, heading, read_table
from ..errors import DataError, DmxError, suggestion
from ..operate.repeated_warnings import warn_once
from ..variables import Forcing

__all__ = ["read_series"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_log = logging.getLogger(__name__)


def read_series(
    path: Path, forcings: Sequence[Forcing], steps: int | None, density: str = ""
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
    density : str
        By which masses stand for volumes; see :class:`~bmi_dmx.operate.system.System`.

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
        table = read_table(path, "rows of forcing")
    except DmxError as error:
        raise DataError(f"spin_up: file: {error}") from None
    for text in table.remarks:
        _say(f"spin_up: file: {path}: {text}")
    count = steps if steps is not None else len(table.rows)
    if len(table.rows) < count:
        raise DataError(
            f"spin_up: file: {path}: found {len(table.rows)} rows, expected {count}"
        )
    columns = {}
    for k, title in enumerate(table.titles[1:], 1):
        name, units = heading(title)
        if name in columns:
            raise DataError(f"spin_up: file: {path}: column {name!r} is given twice")
        columns[name] = k, units
    series = {}
    for forcing in forcings:
        names = [n for n in (forcing.standard_name, forcing.name) if n in columns]
        if not names:
            hint = suggestion(forcing.name, columns)
            raise DataError(f"spin_up: file: {path}: no column {forcing.name!r}{hint}")
        if len(names) > 1:
            raise DataError(
                f"spin_up: file: {path}: {names[0]!r} and {names[1]!r} are both "
                f"{forcing.name!r}, expected one column"
            )
        at, units = columns[names[0]]
        target = in_mass(forcing, units, density)
        series[forcing.name] = _column(table, target, at, units, count)[:, None]
    return series


def _say(text: str) -> None:
    """Say once what was assumed about a file."""
    warn_once(_log, text, "%s", text)


def _column(table: Table, forcing: Forcing, at: int, units: str, count: int) -> Array:
    where = f"spin_up: file: {table.path}: {forcing.name}"
    try:
        numbers = table.numbers(at)[:count]
    except DataError as error:
        raise DataError(f"spin_up: file: {error}") from None
    values = quantity(numbers, units, forcing, where, _say)
    first = forcing.first_outside(values)
    if first is not None:
        raise DataError(
            f"{where}: row {table.lines[first]} is {values[first]:g} {forcing.units}; "
            f"expected {forcing.expected}"
        )
    return values
