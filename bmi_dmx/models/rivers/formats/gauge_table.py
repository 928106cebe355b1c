"""Tables of gauges: at which reach each is, and how much drains to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ....data.identity import listed, refuse_repeated
from ....data.table import Table, heading, read_table
from ....data.zarr_store import is_zarr
from ....errors import DataError
from .adjacency import read_gauge_groups
from .reach_table import title_of, whole
from .river import River

__all__ = ["GaugeTable", "partial_area", "read_gauges", "with_gauges"]

GAUGE = ("staid", "gage_id", "gauge_id", "site_no", "gauge", "gage")
REACH = ("comid", "reach_id", "link", "segment_id")
AREA = ("drain_sqkm", "area_km2", "gauge_area")
REACH_AREA = ("comid_drain_sqkm",)
UNIT_AREA = ("comid_unitarea_sqkm",)
VALID = ("da_valid",)
"""What tables call their columns, in small letters."""

DIGITS = 8
"""Least number of digits of a station of the USGS; spreadsheets remove zeros before."""

TRUE = frozenset({"true", "1", "yes", "t"})


@dataclass(frozen=True, kw_only=True)
class GaugeTable:
    """Gauges, by name.

    Parameters
    ----------
    reaches : dict of str to str
        The reach of every gauge, where it is said.
    areas : dict of str to float
        Drainage area at the gauge, km2, where it is said.
    reach_areas, unit_areas : dict of str to float
        Drainage area at the lower end of the reach, and of what drains into it from
        its sides, km2.
    doubtful : tuple of str
        Gauges whose reach the table itself holds for wrong, by their areas.
    remarks : tuple of str
        What was recognised.
    """

    reaches: dict[str, str]
    areas: dict[str, float] = field(default_factory=dict)
    reach_areas: dict[str, float] = field(default_factory=dict)
    unit_areas: dict[str, float] = field(default_factory=dict)
    doubtful: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def read_gauges(path: Path) -> GaugeTable:
    """Read a table of gauges.

    Parameters
    ----------
    path : Path
        Text with ``STAID`` and, where they are known, ``COMID``, ``DRAIN_SQKM``,
        ``COMID_DRAIN_SQKM``, ``COMID_UNITAREA_SQKM`` and ``DA_VALID``; or a Zarr store
        with a group for every gauge. Numbers of stations with fewer than 8 digits get
        the zeros that a spreadsheet took from them.

    Raises
    ------
    ConfigError, DataError
        When it is not there, or has no column of gauges, or one is given twice.
    """
    if is_zarr(path):
        return GaugeTable(reaches=read_gauge_groups(path))
    table = read_table(path, "a row for every gauge")
    titles = [heading(title)[0] for title in table.titles]
    gauge, reach = title_of(titles, GAUGE), title_of(titles, REACH)
    if not gauge:
        raise DataError(
            f"{path}: no column names gauges: found {', '.join(titles)}, expected one "
            f"of {', '.join(GAUGE)}"
        )
    remarks = [f"{path}: {text}" for text in table.remarks]
    table.places(titles.index(gauge))
    cells = table.cells(titles.index(gauge))
    names = [name.zfill(DIGITS) if name.isdigit() else name for name in cells]
    refuse_repeated(names, f"{path}: {gauge}", first=1, entry="gauge")
    filled = [new for new, old in zip(names, cells, strict=True) if new != old]
    if filled:
        remarks.append(
            f"{path}: numbers of stations given zeros in front, to have {DIGITS} "
            f"digits: {len(filled)} ({listed(filled)})"
        )

    def numbers(aliases: tuple[str, ...]) -> dict[str, float]:
        title = title_of(titles, aliases)
        if not title:
            return {}
        values = table.numbers(titles.index(title)).tolist()
        pairs = zip(names, values, strict=True)
        return {name: value for name, value in pairs if value > 0.0}

    reaches = whole(table.cells(titles.index(reach))) if reach else [""] * len(names)
    return GaugeTable(
        reaches={n: r for n, r in zip(names, reaches, strict=True) if r},
        areas=numbers(AREA),
        reach_areas=numbers(REACH_AREA),
        unit_areas=numbers(UNIT_AREA),
        doubtful=_doubtful(table, titles, names),
        remarks=tuple(remarks),
    )


def _doubtful(table: Table, titles: list[str], names: list[str]) -> tuple[str, ...]:
    title = title_of(titles, VALID)
    if not title:
        return ()
    cells = table.cells(titles.index(title))
    return tuple(
        name
        for name, cell in zip(names, cells, strict=True)
        if cell and cell.casefold() not in TRUE
    )


def with_gauges(river: River, table: GaugeTable) -> River:
    """Return the river with the gauges of a table, which go before its own.

    Gauges that the table holds for wrong, and those at reaches that are not of the
    river, are left out with a remark; of gauges without a reach only the area is kept.
    """
    reaches = set(river.tree.ids)
    good = {g: r for g, r in table.reaches.items() if g not in table.doubtful}
    there = {gauge: reach for gauge, reach in good.items() if reach in reaches}
    remarks = [*table.remarks]
    away = [gauge for gauge in good if gauge not in there]
    for names, why in (
        (list(table.doubtful), "at a reach of another drainage area (DA_VALID)"),
        (away, "at no reach of the river"),
    ):
        if names:
            remarks.append(f"gauges {why}, left out: {len(names)} ({listed(names)})")
    gauges = {g: r for g, r in river.gauges.items() if g not in table.doubtful}
    gauges.update(there)
    areas = {**river.gauge_areas, **table.areas}
    return replace(
        river,
        gauges=gauges,
        gauge_areas={name: area for name, area in areas.items() if name in gauges},
        remarks=(*river.remarks, *remarks),
    )


def partial_area(river: River, table: GaugeTable | None = None) -> dict[str, float]:
    """Return the share of what enters a gauge's reach that passes the gauge.

    A gauge inside its reach does not see what enters below it. Where its drainage area
    is smaller than that of the reach, the share is what is left of the area that drains
    into the reach from its sides, less the difference of the two. It is 1 where an area
    is not known, and where they differ by more than what drains into the reach: then
    they were measured differently, and say nothing of the place of the gauge.

    Parameters
    ----------
    river : River
        With its gauges, and areas where they are known.
    table : GaugeTable, optional
        Areas that go before those of the river.

    Returns
    -------
    dict of str to float
        By gauge, 0 to 1.
    """
    at = river.tree.positions(river.gauges.values()).tolist()

    def areas(name: str, table_areas: Mapping[str, float]) -> dict[str, float]:
        values = river.attributes.get(name)
        river_areas = (
            {}
            if values is None
            else {g: float(values[k]) for g, k in zip(river.gauges, at, strict=True)}
        )
        return {**river_areas, **table_areas}

    passing = {**river.gauge_areas, **(table.areas if table else {})}
    drained = areas("drainage_area_km2", table.reach_areas if table else {})
    local = areas("area_km2", table.unit_areas if table else {})
    shares: dict[str, float] = {}
    for gauge in river.gauges:
        unit = local.get(gauge, math.nan)
        below = drained.get(gauge, math.nan) - passing.get(gauge, math.nan)
        shares[gauge] = 1.0
        if 0.0 < below < unit:
            shares[gauge] = (unit - below) / unit
    return shares
