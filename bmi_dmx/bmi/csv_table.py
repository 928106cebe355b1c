"""Tables in CSV files: a header, and rows that are as long."""

from __future__ import annotations

import csv
from pathlib import Path

from ..errors import ConfigError, DataError

__all__ = ["read_csv_table"]


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
