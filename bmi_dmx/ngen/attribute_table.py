"""A table of attributes that people give: some catchments, some attributes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from ..csv_table import numbers, read_csv_table
from ..errors import DataError, suggestion
from .forcing import Array

__all__ = ["by_catchment", "read_attribute_table"]


def by_catchment(path: Path, rows: Sequence[Sequence[str]]) -> dict[str, int]:
    """Return the places of catchments, which stand in the first column of a table.

    Raises
    ------
    DataError
        When one is given twice: which row is meant cannot be known.
    """
    places: dict[str, int] = {}
    for k, row in enumerate(rows):
        name = row[0].strip()
        if name in places:
            raise DataError(
                f"{path}: row {k + 2}: catchment {name!r} is given twice, first in row "
                f"{places[name] + 2}"
            )
        places[name] = k
    return places


def read_attribute_table(
    path: Path, ids: Sequence[str], known: Collection[str]
) -> tuple[dict[str, Array], list[str]]:
    """Read a CSV file of attributes.

    Parameters
    ----------
    path : Path
        A first column of catchments, and others named as the attributes. Rows may be
        missing and cells empty.
    ids : sequence of str
        The catchments.
    known : collection of str
        Attributes that can be given; other columns are not read, and remarked on.

    Returns
    -------
    values : dict of str to ndarray
        (catchment,) by name; NaN where the table says nothing.
    remarks : list of str
        What was passed over.

    Raises
    ------
    ConfigError
        When there is no such file.
    DataError
        When it is of none of the catchments, has a row or column twice, or a cell that
        is no number.
    """
    header, rows = read_csv_table(path, "at least one catchment")
    places = by_catchment(path, rows)
    here = [(k, places[name]) for k, name in enumerate(ids) if name in places]
    if not here:
        hint = suggestion(ids[0], places)
        raise DataError(
            f"{path}: no row for catchment {ids[0]!r}, nor for any other{hint}"
        )
    to, row_of = (list(x) for x in zip(*here, strict=True))
    values: dict[str, Array] = {}
    remarks = []
    for column, title in enumerate(header[1:], 1):
        if title not in known:
            if title:
                hint = suggestion(title, known)
                remarks.append(
                    f"{path}: column {title!r} is no attribute and is passed over{hint}"
                )
            continue
        if title in values:
            raise DataError(f"{path}: column {title!r} is given twice")
        cells = numbers(path, title, [row[column].strip() or "nan" for row in rows])
        values[title] = np.full(len(ids), np.nan)
        values[title][to] = cells[row_of]
    return values, remarks
