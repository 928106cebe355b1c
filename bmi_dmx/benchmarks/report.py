"""Records as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..tables import Column, print_table
from .measure import Record, Value

__all__ = ["RecordColumn", "show"]


@dataclass(frozen=True)
class RecordColumn:
    """One column of a table of records.

    Parameters
    ----------
    header : str
        Head, with units.
    key : str
        What of the flat record is shown.
    scale : float or None
        What numbers are multiplied by; None shows the value as it is.
    format : str
        Format specification of the numbers.
    optional : bool
        Whether the column is left out where no record has a value.
    """

    header: str
    key: str
    scale: float | None = None
    format: str = ""
    optional: bool = False


def show(
    records: Sequence[Record], title: str, columns: Sequence[RecordColumn]
) -> None:
    """Print some columns of records as a table."""
    rows = [record.flat() for record in records]
    shown = []
    for column in columns:
        values = [_scaled(row.get(column.key), column.scale) for row in rows]
        if not column.optional or any(value is not None for value in values):
            shown.append(
                Column(header=column.header, values=values, format=column.format)
            )
    print_table(shown, title=title)
    print()


def _scaled(value: Value, scale: float | None) -> Value:
    return value if scale is None or value is None else scale * float(value)
