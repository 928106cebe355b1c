"""Forcing of one place in a CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from ..csv_table import heading, numbers, read_csv_table
from ..errors import DataError
from ..operate.system import System
from .series import Array, Series

__all__ = ["CsvSeries"]


class CsvSeries(Series):
    """One place, called as the file: the first column is when a step begins, UTC.

    Units stand in brackets behind the names of the others. Empty cells are missing. It
    is read at once.

    Raises
    ------
    DataError
        When it is no table of numbers, has a column twice, or times that do not follow
        each other evenly.
    """

    def __init__(self, path: Path, names: Mapping[str, str], system: System) -> None:
        super().__init__(path, names, system)
        titles, rows = read_csv_table(path, "rows of forcing")
        moments = [self._moment(number, row[0]) for number, row in enumerate(rows, 2)]
        passed = np.array([(m - moments[0]).total_seconds() for m in moments])
        self._keep_time(f"{path}: {titles[0]}", moments[0], passed)
        self._columns: dict[str, tuple[str, Array]] = {}
        for k, title in enumerate(titles[1:], 1):
            name, units = heading(title)
            if name in self._columns:
                raise DataError(f"{path}: column {name!r} is given twice")
            cells = [row[k].strip() or "nan" for row in rows]
            self._columns[name] = (units, numbers(path, title, cells))

    def _moment(self, row: int, text: str) -> datetime:
        where = f"{self.path}: row {row}"
        try:
            # Which some versions of Python do not read with a Z for UTC.
            found = datetime.fromisoformat(text.strip().removesuffix("Z"))
        except ValueError:
            raise DataError(
                f"{where}: found {text!r}, expected a time such as 1980-10-01 00:00"
            ) from None
        if found.tzinfo is not None:
            raise DataError(f"{where}: found {text!r}, expected UTC with no offset")
        return found

    @property
    def variables(self) -> tuple[str, ...]:
        """Titles of the columns, without units."""
        return tuple(self._columns)

    def _units(self, name: str) -> str:
        return self._columns[name][0]

    def _places(
        self,
        names: Sequence[str],
        ids: Sequence[str] | None,
        fields: Sequence[tuple[int, ...]] | None,
    ) -> tuple[str, ...]:
        if ids is not None and len(ids) != 1:
            raise DataError(
                f"{self.path}: a CSV file is of one place, the model lives at "
                f"{len(ids)}; expected a NetCDF file"
            )
        return (self.path.stem,) if ids is None else tuple(ids)

    def _raw(self, name: str, first: int, count: int) -> Array:
        return self._columns[name][1][first : first + count, None]

    def attributes(self, wanted: Mapping[str, str]) -> dict[str, Array]:
        """Return nothing: such a file has no constants."""
        return {}
