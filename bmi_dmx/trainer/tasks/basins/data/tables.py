"""Series as people keep them: a table for each basin, or one long table of all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .....data.quantity import assumed
from .....data.table import Table, heading, read_table, stem_of
from .....errors import DataError, UnitsError, suggestion
from .....models.hydrology.names import FILES, USUAL, usual_names
from .basins import Array32, TargetObservations, positions, refuse_uneven
from .fluxes import flow_depth, series_of, unobserved
from .places import PLACES, attributes_in, names_in
from .problems import piece, settle
from .remarks import remark
from .sheets import (
    TIMES,
    Sheet,
    column_called,
    common_times,
    has_times,
    ordered,
    rows_at,
    tables_in,
    times_in,
    values_at,
)
from .source import (
    Period,
    Series,
    Source,
    of_product,
    others_in,
    within,
)
from .spec import FORCINGS, NO_TARGET, VARIABLES, DataSpec
from .stations import Station

__all__ = ["Tables"]

TARGETS = ("streamflow", "qobs", "q", "discharge", "flow", "runoff", "q_obs")
"""What a column of observed streamflow is called."""


class Tables(Source):
    """Text tables: a folder with one for each basin, or a long one with all basins.

    Each has a column of times (``date``, ``time`` …, or ``year``, ``month``, ``day``)
    and columns named as usual or by ``data.forcings`` and ``data.target``, with units
    in brackets. In a folder the name of a file is that of its basin; a table without
    times is one of attributes, its first column, or one called ``basin`` or so, names
    the basins. A long table has such a column beside the times, and may lie beside a
    table of attributes in a folder.

    The axis of time is that from the first to the last time of all chosen basins that
    is common to them; times that a table lacks are missing values.

    Parameters
    ----------
    spec : DataSpec
        Names of columns.
    path : Path
        The folder or the table.
    """

    own = True
    choices = ("product", "products", "forcings", "target", "targets", "units")

    def __init__(self, spec: DataSpec, path: Path) -> None:
        self.path, self.spec = path, spec
        self._sheets: dict[str, Sheet] = {}
        self._told: dict[str, str] = {}
        self._columns: dict[str, str] = {}
        attributes: list[Table] = []
        for file in tables_in(path):
            with piece():
                table = read_table(file, "one row for each time")
                for text in table.remarks:
                    self._say(f"{file}: {text}", text)
                if has_times(table):
                    self._take(table)
                else:
                    attributes.append(table)
        if not self._sheets:
            settle()
            raise DataError(
                f"{path}: no table with times: expected a column called one of "
                f"{', '.join(TIMES)}, or year, month and day"
            )
        self.ids = np.array(sorted(self._sheets), dtype=np.str_)
        self.attributes, self.units = attributes_in(
            attributes, self.ids.tolist(), str(path)
        )
        names = names_in(attributes, self.ids.tolist())
        self.stations = {one: Station(name) for one, name in names.items()}
        self._find()

    def _say(self, text: str, kind: str) -> None:
        """Say something of the first of many files that it is true of."""
        if kind not in self._told:
            self._told[kind] = text
            remark(text)

    # Tables

    def _take(self, table: Table) -> None:
        """Take the series of a table, which may be of one basin or of several."""
        at = column_called(table, PLACES)
        times, remarks, time_columns = times_in(table)
        for text in remarks:
            self._say(f"{table.path}: {text}", text)
        names = table.cells(at) if at is not None else []
        long = at is not None and len(set(names)) > 1
        numbers = {
            k: table.numbers(k)
            for k in range(len(table.titles))
            if k not in time_columns and k != at and table.titles[k]
        }
        groups: dict[str, list[int]] = {}
        if long:
            for row, name in enumerate(names):
                groups.setdefault(name, []).append(row)
        else:
            groups[stem_of(table.path)] = list(range(len(times)))
        for name, rows in groups.items():
            if name in self._sheets:
                raise DataError(
                    f"{table.path}: basin {name!r} is given twice, first in "
                    f"{self._sheets[name].path}"
                )
            columns = {}
            for k, values in numbers.items():
                title, units = heading(table.titles[k])
                if title in columns:
                    raise DataError(f"{table.path}: column {title!r} is given twice")
                columns[title] = (units, values[rows])
            self._sheets[name] = ordered(table.path, times[rows], columns, name)

    # Series

    def _find(self) -> None:
        """Find the column of every forcing, which must be the same in all tables."""
        one = self._sheets[str(self.ids[0])]
        titles = {name: usual_names(name) for name in FORCINGS}
        for name, usual in titles.items():
            choice = self.spec.forcings.get(name)
            aliases = (choice,) if choice else of_product(usual, self.spec.product)
            column = self._column(one, name, aliases)
            if column is None and choice:
                hint = suggestion(choice, one.columns)
                raise DataError(f"{one.path}: no column {choice!r}{hint}")
            if column is not None:
                self._columns[name] = column
        if "precipitation" not in self._columns:
            raise DataError(
                f"{one.path}: no precipitation under {titles['precipitation']}; found "
                f"{', '.join(one.columns)}; name its column in "
                "data.forcings.precipitation"
            )
        names = (self.spec.target,) if self.spec.target else TARGETS
        target = self._column(one, "streamflow", names)
        if target is None and self.spec.target != NO_TARGET:
            raise DataError(
                f"{one.path}: no observed streamflow under {', '.join(names)}; found "
                f"{', '.join(one.columns)}; name its column in data.target"
            )
        if target is not None:
            self._columns["streamflow"] = target
        forcings = {n: c for n, c in self._columns.items() if n != "streamflow"}
        self._others = others_in(
            one.columns, self.spec, forcings, target, str(one.path)
        )
        self._columns |= self._others
        for basin, sheet in self._sheets.items():
            self._sheets[basin] = sheet.with_names(self._columns.values())
        for sheet in self._sheets.values():
            for name, column in self._columns.items():
                with piece():
                    self._require(sheet, name, column, one.path)
        # Those that lack one have been told of, and are of no use.
        whole = [n for n in self.ids.tolist() if self._whole(self._sheets[n])]
        if len(whole) < self.ids.size:
            at = positions(whole, self.ids)
            self.ids = self.ids[at]
            self.attributes = {n: x[at] for n, x in self.attributes.items()}

    def _whole(self, sheet: Sheet) -> bool:
        return all(column in sheet.columns for column in self._columns.values())

    @staticmethod
    def _require(sheet: Sheet, name: str, column: str, other: Path) -> None:
        if column not in sheet.columns:
            hint = suggestion(column, sheet.columns)
            raise DataError(
                f"{sheet.path}: no column {column!r} of {name}, which {other} has{hint}"
            )

    def _column(self, sheet: Sheet, name: str, names: Iterable[str]) -> str | None:
        lowered: dict[str, str] = {}
        for title in sheet.columns:
            lowered.setdefault(title.casefold(), title)
        titles = [
            lowered[n.casefold()]
            for n in dict.fromkeys(names)
            if n.casefold() in lowered
        ]
        if len(titles) > 1:
            self._say(
                f"{sheet.path}: columns {' and '.join(map(repr, titles))} are both "
                f"{name}; {titles[0]!r} is used",
                name,
            )
        return titles[0] if titles else None

    def _units(self, sheet: Sheet, name: str) -> str:
        """Return the units of a series, those of the heading first."""
        column = self._columns[name]
        units = sheet.columns[column][0] or self.spec.units.get(name, "")
        if units:
            return units
        if name in self._others:
            raise UnitsError(
                f"{sheet.path}: column {column!r} has no units; title it "
                f"{column}[units], or set data.units.{name}"
            )
        if name == "streamflow":
            raise UnitsError(
                f"{sheet.path}: column {column!r} has no units: a depth or a volume? "
                f"Title it {column}[m3 s-1] or {column}[mm d-1], or set "
                "data.units.streamflow"
            )
        usual = next(
            (f.units for f in FILES if f.variable == name and column in f.names),
            FORCINGS[name],
        )
        self._say(f"{sheet.path}: {assumed({column: usual})}", f"units {column}")
        typical = USUAL.get(name)
        doubt = (
            "" if typical is None else typical.doubt(sheet.columns[column][1], usual)
        )
        if doubt:
            raise UnitsError(
                f"{sheet.path}: column {column!r}: {doubt}; title it {column}[units], "
                f"or set data.units.{name}"
            )
        return usual

    def series(self, ids: NDArray[np.str_], period: Period | None) -> Series:
        """Return the series of ``ids``; see :class:`Source`."""
        sheets = [self._sheets[str(name)] for name in ids]
        time = common_times(sheets, self.path)
        steps = within(time, period, str(self.path))
        time = time[steps]
        refuse_uneven(time, str(self.path))
        parts = [rows_at(sheet, time) for sheet in sheets]
        absent = {
            s.path.name: int((p < 0).sum()) for s, p in zip(sheets, parts, strict=True)
        }
        holes = {name: count for name, count in absent.items() if count}
        if holes:
            first, count = next(iter(holes.items()))
            self._say(
                f"{self.path}: {len(holes)} of {len(sheets)} tables lack times, which "
                f"count as missing values; {first} lacks {count} of {time.size}",
                "holes",
            )
        forcing: dict[str, Array32] = {}
        for name in self._columns:
            if name == "streamflow" or name in self._others:
                continue
            columns = []
            for basin, sheet, part in zip(ids, sheets, parts, strict=True):
                with piece():
                    one = series_of(
                        values_at(sheet, self._columns[name], part),
                        self._units(sheet, name),
                        VARIABLES[name],
                        self.where(name, str(basin)),
                    )
                    columns.append(one)
            if len(columns) == len(sheets):
                forcing[name] = np.column_stack(columns)
        others = {name: self._observed(name, sheets, parts) for name in self._others}
        return Series(time, forcing, self._flow(ids, sheets, parts), others)

    def _observed(
        self, name: str, sheets: list[Sheet], parts: list[NDArray[np.intp]]
    ) -> TargetObservations:
        """Return what was observed; its units must be those of all tables."""
        column, units = self._columns[name], self._units(sheets[0], name)
        for sheet in sheets:
            if self._units(sheet, name) != units:
                raise UnitsError(
                    f"{sheet.path}: column {column!r} is in"
                    f" {self._units(sheet, name)!r}, in {sheets[0].path} in {units!r};"
                    " expected one of them in all tables"
                )
        pairs = zip(sheets, parts, strict=True)
        series = [values_at(sheet, column, part) for sheet, part in pairs]
        values = np.column_stack(series).astype(np.float32)
        return TargetObservations(values, units, f"{self.path}: column {column!r}")

    def _flow(
        self,
        ids: NDArray[np.str_],
        sheets: list[Sheet],
        parts: list[NDArray[np.intp]],
    ) -> Array32:
        if "streamflow" not in self._columns:
            return unobserved(parts[0].size, len(sheets))
        area = self.attributes.get("area_km2")
        at = positions(ids.tolist(), self.ids)
        columns = []
        for k, basin, sheet, part in zip(at, ids, sheets, parts, strict=True):
            with piece():
                one = flow_depth(
                    values_at(sheet, self._columns["streamflow"], part)[:, None],
                    self._units(sheet, "streamflow"),
                    None if area is None else area[[k]],
                    self.where("streamflow", str(basin)),
                )
                columns.append(one)
        if len(columns) < len(sheets):
            return unobserved(parts[0].size, len(sheets))
        return np.column_stack(columns)

    def where(self, name: str, basin: str) -> str:
        """Return file and column; see :class:`Source`."""
        return f"{self._sheets[basin].path}: column {self._columns.get(name)!r}"
