"""Forcing of one place in a CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..data.table import heading, read_table, stem_of
from ..data.times import regular, times_of
from ..errors import DataError
from ..operate.system import System
from ..variables import Attribute
from .series import Array, Series

__all__ = ["CsvSeries"]


class CsvSeries(Series):
    """One place, called as the file: the first column is when a step begins, UTC.

    Units stand in brackets behind the names of the others. Empty cells are missing. It
    is read at once.

    Parameters
    ----------
    path, names, system
        As of :class:`.Series`.
    lone_step : float, optional
        Seconds of the step of a file of one time, which does not say it.

    Raises
    ------
    DataError
        When it is no table of numbers, has a column twice, or times that do not follow
        each other evenly.
    """

    def __init__(
        self,
        path: Path,
        names: Mapping[str, str],
        system: System,
        lone_step: float | None = None,
    ) -> None:
        super().__init__(path, names, system)
        table = read_table(path, "rows of forcing")
        times, remarks = times_of(table, 0)
        for remark in (*table.remarks, *remarks):
            self.remark(f"{path}: {remark}")
        where = f"{path}: {table.titles[0]}"
        self._keep_time(regular(times, where, lone_step=lone_step), where)
        self._columns: dict[str, tuple[str, Array]] = {}
        for k, title in enumerate(table.titles[1:], 1):
            name, units = heading(title)
            if name in self._columns:
                raise DataError(f"{path}: column {name!r} is given twice")
            self._columns[name] = (units, table.numbers(k))

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
        return (stem_of(self.path),) if ids is None else tuple(ids)

    def _raw(self, name: str, first: int, count: int) -> Array:
        return self._columns[name][1][first : first + count, None]

    def attributes(self, declared: Mapping[str, Attribute]) -> dict[str, Array]:
        """Return nothing: such a file has no constants."""
        return {}
