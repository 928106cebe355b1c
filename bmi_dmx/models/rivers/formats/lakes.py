"""Lakes of the National Water Model: their tables, and the reaches that lie in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....data import netcdf
from ....data.identity import listed
from ....errors import DataError
from .place_variables import columns_along
from .river import Array, Lakes
from .rows import Column, Rows, named

__all__ = ["LakeTable", "lakes_of", "lakes_within", "read_lakes"]

NAMES = {
    "lkarea": ("area_km2", "km2"),
    "lkmxe": ("maximum_elevation", "m"),
    "weire": ("weir_elevation", "m"),
    "weirc": ("weir_coefficient", "1"),
    "weirl": ("weir_length", "m"),
    "orificee": ("orifice_elevation", "m"),
    "orificec": ("orifice_coefficient", "1"),
    "orificea": ("orifice_area", "m2"),
    "ifd": ("initial_fraction", "1"),
    "initial_elevation": ("initial_elevation", "m"),
    "initial_outflow": ("initial_outflow", "m3 s-1"),
}
"""Names of columns in files, in small letters, and ours with their units."""


@dataclass(frozen=True)
class LakeTable:
    """Numbers of lakes, (lake,), as a file has them."""

    where: str
    ids: tuple[str, ...]
    columns: Mapping[str, Column]


def read_lakes(path: Path) -> LakeTable:
    """Read a file of lakes, such as ``LAKEPARM.nc``.

    Raises
    ------
    ConfigError, DataError
        When it is not there, or does not name lakes.
    """
    with netcdf.opened(path) as file:
        table = lakes_within(path, file)
        if table is None:
            raise DataError(
                f"{path}: no lakes: found {', '.join(file.variables) or 'nothing'}, "
                "expected a variable 'lake_id'"
            )
        return table


def lakes_within(path: Path, file: Any) -> LakeTable | None:
    """Return the lakes that an open file has; None if it has none."""
    if "lake_id" not in file.variables:
        return None
    names = file.variables["lake_id"]
    ids = netcdf.identifiers(path, names)
    columns = {
        name.removeprefix("lake_"): column
        for name, column in columns_along(
            path, file.variables, names.dimensions
        ).items()
        if name not in ("lake_id", "lake_outlet_index")
    }
    return LakeTable(str(path), ids, columns)


def lakes_of(
    rows: Rows, lake_table: LakeTable | None, path: Path | None, remarks: list[str]
) -> Lakes | None:
    """Return the lakes that reaches lie in.

    A lake is left by the one reach in it whose water goes to a reach that is not. One
    that is left by several, or that no reach lies in, is left out with a remark.

    Parameters
    ----------
    rows : Rows
        Of reaches, with the text ``lake``.
    lake_table : LakeTable or None
        Lakes of the same file.
    path : Path or None
        A file of lakes, which goes before.
    remarks : list of str
        More is added.
    """
    table = lake_table if path is None else read_lakes(path)
    inside = defaultdict(list)
    lake_of: dict[str, str] = {}
    for lake, reach in named(rows.texts.get("lake"), rows.ids):
        inside[lake].append(reach)
        lake_of[reach] = lake
    if table is None:
        if inside:
            remarks.append(
                f"{rows.where}: lakes of which nothing is known but the reaches in "
                f"them, which are as others: {len(inside)} ({listed(list(inside))})"
            )
        return None
    below = dict(zip(rows.ids, rows.below, strict=True))
    ends = {
        lake: [r for r in reaches if lake_of.get(below[r]) != lake]
        for lake, reaches in inside.items()
    }
    unknown = [lake for lake in inside if lake not in set(table.ids)]
    away = [lake for lake in table.ids if lake not in inside]
    several = [lake for lake in table.ids if len(ends.get(lake, ())) > 1]
    for names, why in (
        (unknown, "named by reaches and not in the table"),
        (away, "without a reach in the river"),
        (several, "with several reaches that leave them"),
    ):
        if names:
            remarks.append(
                f"{table.where}: lakes {why}, left out: {len(names)} ({listed(names)})"
            )
    at = [k for k, lake in enumerate(table.ids) if len(ends.get(lake, ())) == 1]
    if not at:
        return None
    attributes, units = _attributes(table, at)
    ids = tuple(table.ids[k] for k in at)
    return Lakes(
        ids=ids,
        outlets=tuple(ends[lake][0] for lake in ids),
        reaches=tuple(tuple(inside[lake]) for lake in ids),
        attributes=attributes,
        units=units,
    )


def _attributes(
    table: LakeTable, at: list[int]
) -> tuple[dict[str, Array], dict[str, str]]:
    attributes, units = {}, {}
    for title, column in table.columns.items():
        name, usual = NAMES.get(title.casefold(), (title, ""))
        attributes[name] = column.values[at]
        units[name] = column.units or usual
    return attributes, units
