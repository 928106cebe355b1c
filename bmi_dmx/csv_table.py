"""Tables in CSV files: a header, and rows that are as long."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ConfigError, DataError

__all__ = ["heading", "numbers", "read_csv_table"]

_HEADING = re.compile(r"\s*(.*?)\s*(?:\[(.*)\]|\((.*)\))?\s*")


def read_csv_table(path: Path, rows: str) -> tuple[list[str], list[list[str]]]:
    """Return the titles of the columns and the cells of the rows.

    Parameters
    ----------
    path : Path
        UTF-8 text, with or without a byte order mark. Empty lines are passed over.
    rows : str
        What there must be below the header, for the message.

    Raises
    ------
    ConfigError
        When there is no such file.
    DataError
        When it cannot be read, has no row, or one that is longer or shorter than its
        header.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            header, *found = [row for row in csv.reader(file) if row] or [[]]
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text: {error}") from None
    except (OSError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    if not found:
        raise DataError(f"{path}: expected a header and {rows}")
    for number, row in enumerate(found, 2):
        if len(row) != len(header):
            raise DataError(
                f"{path}: row {number} has {len(row)} cells, the header {len(header)}"
            )
    return [title.strip() for title in header], found


def heading(title: str) -> tuple[str, str]:
    """Return name and units of a column titled ``name``, ``name[units]`` or so.

    Parameters
    ----------
    title : str
        Units may stand in square brackets or in parentheses.

    Returns
    -------
    name, units : str
        Units are empty where none are given.
    """
    found = _HEADING.fullmatch(title)
    assert found is not None  # every text matches
    return found[1], (found[2] or found[3] or "").strip()


def numbers(
    where: Path | str, title: str, cells: Sequence[str]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the cells of a column, from the first row on, as numbers.

    Raises
    ------
    DataError
        Naming file, row and column of the first cell that is no number.
    """
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError:
        row, cell = next((n, c) for n, c in enumerate(cells, 2) if not _is_number(c))
        raise DataError(
            f"{where}: row {row}, column {title!r}: found {cell!r}, expected a number"
        ) from None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
