"""Lateral inflow from what NextGen writes: flow at nexuses, or of catchments."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..data.lines import Lines
from ..data.table import heading
from ..data.times import moment_of_text, regular
from ..errors import ConfigError, DataError, UnitsError
from ..units import convert
from .inflow import DEPTH, UNITS, Array, Inflow, is_depth, lateral_names

__all__ = ["RunFolder"]

_NEXUS, _CATCHMENT = "nex-*_output.csv", "cat-*.csv"
_STEP, _TIME = 0, 1
"""Columns: number of a step, when it begins."""

DAY = 86400.0

_FEW = 1 << 14
"""Times of a file in memory as text."""


class RunFolder(Inflow):
    """Files of a run folder: ``nex-N_output.csv``, or ``cat-N.csv`` where none is.

    Parameters
    ----------
    path : Path
        The folder.
    name : str, optional
        Column of the files of catchments, where it is none of the usual ones.
    units : str
        Of it, where its heading has none.
    by_catchment : bool
        Whether files of catchments go before those of nexuses.

    Raises
    ------
    ConfigError, DataError
        When there are no such files, or one is damaged.
    """

    def __init__(
        self, path: Path, name: str | None, units: str, *, by_catchment: bool
    ) -> None:
        self.path, self.remarks = path, {}
        nexuses, catchments = sorted(path.glob(_NEXUS)), sorted(path.glob(_CATCHMENT))
        self._titled = bool(catchments) and (by_catchment or not nexuses)
        files = catchments if self._titled else nexuses
        if not files:
            raise ConfigError(
                f"{path}: found neither {_NEXUS} nor {_CATCHMENT}, expected a run "
                "folder of NextGen"
            )
        self.ids = tuple(f.stem.removesuffix("_output") for f in files)
        self._files = [Lines(file, titled=self._titled) for file in files]
        self._factor = 1.0
        self.axis = regular(self._times(self._files[0]), str(files[0]))
        self._column = self._find(name, units) if self._titled else 2

    def _find(self, name: str | None, units: str) -> int:
        """Return the column of lateral inflow, the same in all files."""
        first = self._files[0]
        titles = [heading(title) for title in first.titles]
        names = (name,) if name else lateral_names()
        columns = [k for k, (title, _) in enumerate(titles) if title in names]
        if len(columns) != 1:
            there = ", ".join(title for title, _ in titles[2:])
            raise DataError(
                f"{first.path}: found {len(columns)} columns of {' or '.join(names)}; "
                f"--variable NAME says which of {there}"
            )
        for file in self._files:
            if file.titles != first.titles:
                raise DataError(
                    f"{file.path}: its columns are not those of {first.path.name}"
                )
        (at,) = columns
        stated = titles[at][1] or units
        if not stated:
            raise DataError(
                f"{first.path}: {titles[at][0]!r} has no units; --units UNITS says them"
            )
        self._deep, self._factor = self._scaled(
            stated, f"{first.path}: {titles[at][0]}"
        )
        return at

    def _scaled(self, units: str, where: str) -> tuple[bool, float]:
        """Return whether numbers are depths, and how many m3 s-1 or mm d-1 one is."""
        try:
            # What a model gives of a step, and not of a time.
            return True, float(convert(1.0, units, "mm")) * DAY / self.axis.seconds
        except UnitsError:
            deep = is_depth(units, where)
            return deep, float(convert(1.0, units, DEPTH if deep else UNITS))

    def _times(self, file: Lines) -> list[np.datetime64]:
        times: list[np.datetime64] = []
        while rows := file.read(len(times), _FEW):
            times += [self._time(file, row) for row in rows]
        return times

    def _time(self, file: Lines, row: list[str]) -> np.datetime64:
        moment = moment_of_text(row[_TIME]) if len(row) > _TIME else None
        if moment is None:
            raise DataError(
                f"{file.path}: found {row[_TIME:][:1]} in the second column, expected "
                "a date and time"
            )
        return moment

    def _read(self, first: int, count: int) -> Array:
        values = np.empty((count, len(self._files)))
        previous: list[str] = []
        for k, file in enumerate(self._files):
            rows = file.read(first, count)
            if len(rows) < count:
                other = self._files[0].path.name
                raise DataError(
                    f"{file.path}: has {first + len(rows)} rows, {other} has "
                    f"{self.axis.steps}"
                )
            texts = [row[_TIME] for row in rows]
            if texts != previous:
                self._refuse_other_times(file, rows, first)
                previous = texts
            try:
                values[:, k] = [float(row[self._column]) for row in rows]
            except (ValueError, IndexError):
                bad = next(r for r in rows if not _is_number(r, self._column))
                raise DataError(
                    f"{file.path}: step {bad[_STEP]}: found {','.join(bad)!r}, "
                    "expected a number for the flow"
                ) from None
        return values * self._factor

    def _refuse_other_times(
        self, file: Lines, rows: list[list[str]], first: int
    ) -> None:
        """Refuse rows of other times than those of the first file."""
        times = self.axis.times[first : first + len(rows)]
        for k, (row, expected) in enumerate(zip(rows, times, strict=True), first + 1):
            if self._time(file, row).astype("datetime64[s]") != expected:
                raise DataError(
                    f"{file.path}: row {k} is of {row[_TIME]}, expected {expected}"
                )


def _is_number(row: list[str], at: int) -> bool:
    try:
        float(row[at])
    except (ValueError, IndexError):
        return False
    return True
