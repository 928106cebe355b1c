"""Tables of what is known of basins: one row each, attributes in columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .....data.fill_values import WORDS
from .....data.identity import match
from .....data.quantity import assumed
from .....data.table import Table, heading, read_table
from .....errors import DataError, suggestion
from .basins import Array64
from .remarks import remark
from .sheets import column_called
from .source import (
    add_common_names,
    numeric,
)

__all__ = ["PLACES", "attributes_in", "names_in", "read_places"]

FEW = 5
"""Of fewer places classes may all be different."""

PLACES = (
    "basin", "basin_id", "gauge_id", "gage_id", "gauge", "station", "station_id",
    "site", "site_no", "site_id", "id", "code", "catchment", "catchment_id", "name",
)  # fmt: skip
"""What a column of basins is called."""

UNITS = {
    "area_km2": "km2",
    "area": "km2",
    "latitude": "degrees_north",
    "lat": "degrees_north",
    "gauge_lat": "degrees_north",
    "longitude": "degrees_east",
    "lon": "degrees_east",
    "gauge_lon": "degrees_east",
    "elevation_mean": "m",
    "elev_mean": "m",
    "slope_mean": "m km-1",
}
"""Units of attributes whose heading gives none."""


def read_places(
    path: Path, ids: Sequence[str]
) -> tuple[dict[str, Array64], Mapping[str, str]]:
    """Return what a table says of basins, and the units of it.

    Parameters
    ----------
    path : Path
        A text table; the first column, or one called ``basin`` or so, names basins.
    ids : sequence of str
        The basins; those that the table lacks have NaN.

    Raises
    ------
    ConfigError, DataError, UnitsError
        There is no such table, it has none of the basins, or units that do not fit.
    """
    table = read_table(path, "one row for each basin")
    for text in table.remarks:
        remark(f"{path}: {text}")
    return attributes_in([table], ids, str(path))


def attributes_in(
    tables: Iterable[Table], ids: Sequence[str], where: str
) -> tuple[dict[str, Array64], Mapping[str, str]]:
    """Return what tables say of basins under our names, and the units of it.

    Parameters
    ----------
    tables : iterable of Table
    ids : sequence of str
    where : str
        File or folder, for messages.

    Raises
    ------
    DataError, UnitsError
        As :func:`read_places`; or two tables have an attribute.
    """
    attributes: dict[str, Array64] = {}
    units: dict[str, str] = {}
    for table in tables:
        at = column_called(table, PLACES) or 0
        places = table.places(at)
        matched = match(ids, list(places))
        if not matched.places:
            hint = suggestion(ids[0], places)
            raise DataError(
                f"{table.path}: column {table.titles[at]!r} names none of {len(ids)} "
                f"basins, such as {ids[0]!r}{hint}"
            )
        if matched.remark:
            remark(f"{table.path}: {matched.remark}")
        rows = np.array([matched.places.get(name, -1) for name in ids])
        for k, title in enumerate(table.titles):
            if k == at or not title:
                continue
            name, units[name] = heading(title)
            if _is_name(table.cells(k)):
                continue
            entries = numeric(name, _column(table, k, rows), str(table.path))
            again = next((key for key in entries if key in attributes), None)
            if again is not None:
                raise DataError(f"{table.path}: {again!r} is given a second time")
            attributes.update(entries)
    usual = {n: UNITS[n] for n in attributes if n in UNITS and not units.get(n)}
    if usual:
        remark(f"{where}: {assumed(usual)}")
    return attributes, add_common_names(attributes, {**units, **usual}, where)


def names_in(tables: Iterable[Table], ids: Sequence[str]) -> dict[str, str]:
    """Return what tables call places, by place, where they have a column of names."""
    names: dict[str, str] = {}
    for table in tables:
        at = column_called(table, PLACES) or 0
        rows = match(ids, list(table.places(at))).places
        for k, title in enumerate(table.titles):
            cells = table.cells(k)
            if k != at and title and _is_name(cells):
                names |= {name: cells[row] for name, row in rows.items()}
    return names


def _is_name(cells: Sequence[str]) -> bool:
    """Return whether a column names places: words that are all different."""
    words = [cell for cell in cells if cell[:1].isalpha()]
    return len(words) == len(cells) >= FEW and len(set(words)) == len(words)


def _column(
    table: Table, at: int, rows: NDArray[np.intp]
) -> NDArray[np.float64] | NDArray[np.str_]:
    """Return some rows of a column, as numbers where all its cells are."""
    cells = table.cells(at)
    present = [cell for cell in cells if cell.casefold() not in WORDS]
    if any(cell[0].isalpha() or cell[0] == "0" < cell[1:2] <= "9" for cell in present):
        return np.array([cells[row] if row >= 0 else "" for row in rows], dtype=np.str_)
    try:
        values = table.numbers(at)
    except DataError:
        return np.array([cells[row] if row >= 0 else "" for row in rows], dtype=np.str_)
    return np.where(rows >= 0, values[rows], np.nan)
