"""The hydrofabric of NextGen: flowpaths, and the nexuses in which they meet.

A flowpath drains into a nexus, and that into at most one flowpath; up to nine flowpaths
drain into one nexus. What NextGen delivers at a nexus is divided among all of them.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....data.geopackage import identifier, opened, rows_of, tables_of
from ....data.identity import listed
from ....errors import DataError
from .assemble import assembled
from .channel import units_by_name
from .gauges_at_nexuses import NexusGauge, placed
from .lakes import LakeTable, lakes_of
from .places import middles
from .reach_table import GAUGE, LAKE, title_of
from .river import Array, River
from .rows import Column, Rows

__all__ = ["read_hydrofabric_river"]

Row = dict[str, Any]

ATTRIBUTES = ("flowpath-attributes", "flowpath_attributes", "flowpath-attributes-ml")
"""Layers with the channels of flowpaths; the first that is there is read.

Roughness and widths of the last are estimates of a statistical model.
"""

NOT_NUMBERS = frozenset({
    "fid", "hydroseq", "mainstem", "poi_id", "has_divide", "vpuid", "time", "gage",
    "gages", "ds_id",
})  # fmt: skip
"""Columns of names and of bookkeeping, in small letters."""


def read_hydrofabric_river(
    path: Path, lakes: Path | None = None, areas: Mapping[str, float] | None = None
) -> River:
    """Read a GeoPackage of the hydrofabric, version 2.1 or 2.2.

    Parameters
    ----------
    path : Path
        Layers ``flowpaths`` and ``nexus``; what ``divides``, attributes of flowpaths,
        ``lakes`` and ``hydrolocations`` say as well, where they are there.
    lakes : Path, optional
        A file of lakes, which goes before the layer.
    areas : mapping of str to float, optional
        Drainage areas at gauges, km2, by which flowpaths that meet are told apart.

    Raises
    ------
    ConfigError, DataError
        When a layer or column is missing, or a nexus drains into two flowpaths.
    """
    remarks: list[str] = []
    with opened(path) as connection:
        tables = tables_of(connection)
        for layer in ("flowpaths", "nexus"):
            if layer not in tables:
                raise DataError(f"{path}: layer {layer!r} is missing")
        nexuses = _nexuses(connection, path, remarks)
        flowpaths = list(rows_of(connection, path, "flowpaths"))
        divides = _divides(connection, path, tables)
        channels = _channels(connection, path, tables, remarks)
        where = middles(connection, path, "flowpaths")
        table = _lakes(connection, path, tables)
        located = _located(connection, path, tables)
    if not flowpaths:
        raise DataError(f"{path}: flowpaths: found no rows")
    all_rows = _rows(path, flowpaths, nexuses)
    rows = all_rows.once(remarks.append)
    above = {name: identifier(r.get("toid"))
             for name, r in zip(all_rows.ids, flowpaths, strict=True)}  # fmt: skip
    rows = _joined(rows, channels, remarks)
    x, y = (
        np.array([where.get(name, (np.nan, np.nan))[k] for name in rows.ids])
        for k in (0, 1)
    )
    entering = {
        **_shares(rows, above, divides, remarks),
        **{divide: {reach: 1.0} for divide, (reach, _) in divides.items()
           if reach in above},
    }  # fmt: skip
    drained = rows.columns.get("tot_drainage_areasqkm")
    size = dict(zip(rows.ids, drained.values, strict=True)) if drained else {}
    gauges = placed(
        [*_gauges(channels, above), *located], above, size, areas or {}, str(path),
        remarks,
    )  # fmt: skip
    return assembled(
        rows,
        remarks=remarks,
        longitude=x,
        latitude=y,
        gauges=gauges,
        gauge_areas=areas,
        entering=entering,
        lakes=lakes_of(rows, table, lakes, remarks),
    )


def _name(value: Any) -> str:
    """Return an identifier; ``wb-0`` and the like are nowhere."""
    name = identifier(value)
    return "" if name.rpartition("-")[2] in ("", "0") else name


def _nexuses(
    connection: sqlite3.Connection, path: Path, remarks: list[str]
) -> dict[str, str]:
    """Return the flowpath below every nexus."""
    nexuses: dict[str, str] = {}
    again: list[str] = []
    for row in rows_of(connection, path, "nexus"):
        name, below = identifier(row.get("id")), _name(row.get("toid"))
        if name not in nexuses:
            nexuses[name] = below
        elif nexuses[name] == below:
            again.append(name)
        else:
            raise DataError(
                f"{path}: nexus: {name!r} drains into two flowpaths, {nexuses[name]!r} "
                f"and {below!r}"
            )
    if again:
        remarks.append(
            f"{path}: nexus: rows that are repeated and left out: {len(again)} "
            f"({listed(again)})"
        )
    return nexuses


def _rows(path: Path, flowpaths: Sequence[Row], nexuses: Mapping[str, str]) -> Rows:
    ids = [identifier(row.get("id")) for row in flowpaths]
    names = set(ids)

    def below(row: Row) -> str:
        to = identifier(row.get("toid"))
        if to in nexuses:
            return nexuses[to]
        return _name(to) if to in names or to.startswith("wb-") else ""

    return Rows(
        where=f"{path}: flowpaths",
        ids=ids,
        below=[below(row) for row in flowpaths],
        columns=_numbers(flowpaths),
    )


def _numbers(rows: Sequence[Row]) -> dict[str, Column]:
    """Return the columns that hold numbers."""
    columns: dict[str, Column] = {}
    for title in rows[0] if rows else ():
        values = [row[title] for row in rows]
        numbers = [v for v in values if isinstance(v, int | float)]
        words = any(isinstance(v, str | bytes) for v in values)
        if numbers and not words and title.casefold() not in NOT_NUMBERS:
            column = np.array([np.nan if v is None else float(v) for v in values])
            name = title.removeprefix("rl_")
            columns[name] = Column(column, units_by_name(name))
    return columns


def _divides(
    connection: sqlite3.Connection, path: Path, tables: Iterable[str]
) -> dict[str, tuple[str, float]]:
    """Return flowpath and area, km2, of every divide; an empty name where none."""
    if "divides" not in tables:
        return {}
    divides: dict[str, tuple[str, float]] = {}
    for row in rows_of(connection, path, "divides"):
        area = row.get("areasqkm")
        number = float(area) if isinstance(area, int | float) else 0.0
        name = identifier(row.get("divide_id"))
        reach = _name(row.get("id")) or name.replace("cat-", "wb-")
        if divides.setdefault(name, (reach, number)) != (reach, number):
            raise DataError(f"{path}: divides: {name!r} is given twice")
    return divides


def _channels(
    connection: sqlite3.Connection, path: Path, tables: Iterable[str],
    remarks: list[str],
) -> Rows | None:  # fmt: skip
    """Return what the first layer of attributes says of flowpaths."""
    there = [name for name in ATTRIBUTES if name in tables]
    if not there:
        remarks.append(
            f"{path}: nothing is said of channels: found none of the layers "
            f"{', '.join(ATTRIBUTES)}"
        )
        return None
    if len(there) > 1:
        remarks.append(f"{path}: channels are those of {there[0]}, not of {there[1]}")
    rows = list(rows_of(connection, path, there[0]))
    titles = list(rows[0]) if rows else []
    key = title_of(titles, ("link", "id"))
    if not key:
        raise DataError(
            f"{path}: {there[0]}: no column names flowpaths: found "
            f"{', '.join(titles) or 'none'}, expected 'link' or 'id'"
        )
    texts: dict[str, Sequence[str]] = {}
    for what, names in (
        ("gauge", (*GAUGE, "rl_gages")), ("lake", LAKE), ("nexus", ("gage_nex_id",))
    ):  # fmt: skip
        if title := title_of(titles, names):
            texts[what] = [identifier(row[title]) for row in rows]
    lake = title_of(titles, LAKE)
    columns = _numbers([{k: v for k, v in row.items() if k != lake} for row in rows])
    return Rows(
        where=f"{path}: {there[0]}",
        ids=[identifier(row[key]) for row in rows],
        below=[""] * len(rows),
        columns=columns,
        texts=texts,
    )


def _joined(rows: Rows, channels: Rows | None, remarks: list[str]) -> Rows:
    """Return flowpaths with what is said of their channels, by name."""
    if channels is None:
        return rows
    channels = channels.once(remarks.append)
    row = {name: k for k, name in enumerate(channels.ids)}
    at = np.array([row.get(name, -1) for name in rows.ids])
    columns = dict(rows.columns)
    for title, column in channels.columns.items():
        values = np.append(column.values, np.nan)[at]
        same = columns.get(title)
        if same is not None:
            values = np.where(np.isnan(same.values), values, same.values)
        columns[title] = Column(values, column.units)
    title, long = title_of(columns, ("length_m",)), columns.get("lengthkm")
    if title and long is not None:
        lengths = columns[title].values
        values = np.where(np.isnan(lengths), 1e3 * long.values, lengths)
        columns[title] = Column(values, "m")
        del columns["lengthkm"]
    lakes = channels.texts.get("lake")
    texts: dict[str, Sequence[str]] = {}
    if lakes:
        texts["lake"] = [lakes[k] if k >= 0 else "" for k in at.tolist()]
    return Rows(
        where=rows.where, ids=rows.ids, below=rows.below, columns=columns, texts=texts
    )


def _shares(
    rows: Rows, above: Mapping[str, str], divides: Mapping[str, tuple[str, float]],
    remarks: list[str],
) -> dict[str, dict[str, float]]:  # fmt: skip
    """Return the shares of the flowpaths that drain into each nexus, by their area."""
    area = {reach: size for reach, size in divides.values()}
    if not area and "areasqkm" in rows.columns:
        values: Array = np.nan_to_num(rows.columns["areasqkm"].values)
        area = dict(zip(rows.ids, values.tolist(), strict=True))
    meeting = defaultdict(list)
    for name in rows.ids:
        meeting[above[name]].append(name)
    by_nexus: dict[str, dict[str, float]] = {}
    equal: list[str] = []
    for nexus, names in meeting.items():
        sizes = np.array([max(area.get(name, 0.0), 0.0) for name in names])
        if not sizes.sum() > 0.0:
            sizes[:] = 1.0
            equal += [nexus] if len(names) > 1 else []
        shares = sizes / sizes.sum()
        if nexus:
            by_nexus[nexus] = {
                name: float(x) for name, x in zip(names, shares, strict=True) if x > 0.0
            }
    if equal:
        remarks.append(
            f"{rows.where}: nexuses without known areas, whose water is divided "
            f"evenly: {len(equal)} ({listed(equal)})"
        )
    return by_nexus


def _gauges(channels: Rows | None, above: Mapping[str, str]) -> list[NexusGauge]:
    """Return gauges as the attributes of flowpaths have them."""
    if channels is None or "gauge" not in channels.texts:
        return []
    nexuses = channels.texts.get("nexus", [""] * len(channels.ids))
    return [
        NexusGauge(gauge=gauge, reach=reach, nexus=nexus or above.get(reach, ""))
        for gauge, reach, nexus in zip(
            channels.texts["gauge"], channels.ids, nexuses, strict=True
        )
        if gauge
    ]


def _located(
    connection: sqlite3.Connection, path: Path, tables: Iterable[str]
) -> list[NexusGauge]:
    """Return gauges among the places that the hydrofabric was cut at."""
    if "hydrolocations" not in tables:
        return []
    return [
        NexusGauge(
            gauge=identifier(row.get("hl_link")),
            reach=_name(row.get("id")),
            nexus=_name(row.get("nex_id")),
        )
        for row in rows_of(connection, path, "hydrolocations")
        if row.get("hl_reference") == "gages" and identifier(row.get("hl_link"))
    ]


def _lakes(
    connection: sqlite3.Connection, path: Path, tables: Iterable[str]
) -> LakeTable | None:
    if "lakes" not in tables:
        return None
    rows = list(rows_of(connection, path, "lakes"))
    if not rows:
        return None
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(identifier(row.get("lake_id")), row)
    columns = _numbers([
        {k: v for k, v in row.items() if k not in ("lake_id", "hf_id", "poi_id")}
        for row in first.values()
    ])  # fmt: skip
    return LakeTable(f"{path}: lakes", tuple(first), columns)
