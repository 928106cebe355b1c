"""Gauges on a river: where they are, how much land they see, when their days begin."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....data.table import Table, heading, read_table
from ....errors import ConfigError, DataError, suggestion
from ....models.rivers.formats import River
from .experiment import DataSpec

__all__ = ["Gauges", "expanded", "gauges_of"]

Array = NDArray[np.float64]

GAUGE = ("gauge", "gauge_id", "staid", "site_no")
REACH = ("reach", "reach_id", "comid")
AREA = ("area_km2", "drain_sqkm")
"""What tables call these columns, in small letters."""

MM_PER_DAY = 86.4
"""mm per day over 1 km2 in 1 m3 s-1."""


@dataclass(frozen=True)
class Gauges:
    """Gauges of a river.

    Parameters
    ----------
    ids : tuple of str
        Their names.
    reaches : tuple of str
        The reach of each, whose flow it measures.
    area_km2 : (gauge,) float64
        Drainage area.
    seen : (gauge,) float64
        Share of the lateral inflow of its own reach that a gauge sees.
    utc_offset : (gauge,) float64
        Hours of local standard time east of Greenwich.
    """

    ids: tuple[str, ...]
    reaches: tuple[str, ...]
    area_km2: Array
    seen: Array
    utc_offset: Array

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def depth(self) -> Array:
        """Mm per day over the area above, of 1 m3 s-1."""
        return MM_PER_DAY / self.area_km2

    def part(self, positions: Sequence[int] | NDArray[np.intp]) -> Gauges:
        """Return some of them."""
        at = np.asarray(positions, dtype=np.intp)
        return Gauges(
            tuple(self.ids[i] for i in at.tolist()),
            tuple(self.reaches[i] for i in at.tolist()),
            self.area_km2[at],
            self.seen[at],
            self.utc_offset[at],
        )


def expanded(path: str) -> Path:
    """Return a path with variables of the environment, and home, put in."""
    return Path(os.path.expandvars(path)).expanduser()


def gauges_of(spec: DataSpec, river: River) -> tuple[Gauges, tuple[str, ...]]:
    """Return the gauges of an experiment, and what was assumed about them.

    Parameters
    ----------
    spec : DataSpec
        Which, or the table that says so.
    river : River
        The reaches.

    Raises
    ------
    ConfigError, DataError
        When there is no such gauge, reach or column, or no area is known.
    """
    table: Table | None = None
    places = dict(river.gauges)
    columns: dict[str, dict[str, float]] = {}
    if isinstance(spec.gauges, str) and spec.gauges != "all":
        table = read_table(expanded(spec.gauges), "a row for every gauge")
        places, columns = _listed(table, spec)
        chosen = list(places)
    elif spec.gauges == "all":
        chosen = list(places)
    else:
        chosen = list(spec.gauges)
    if not chosen:
        raise DataError(
            f"{spec.river}: there is no gauge in it; data.gauges: a table says on which"
            " reach each is"
        )
    for name in chosen:
        if name not in places:
            hint = suggestion(name, places)
            raise ConfigError(f"data.gauges: {spec.river} has no gauge {name!r}{hint}")
        if places[name] not in river.tree.ids:
            hint = suggestion(places[name], river.tree.ids)
            raise DataError(
                f"data.gauges: gauge {name!r} is on reach {places[name]!r}, which is"
                f" not in {spec.river}{hint}"
            )
    reaches = tuple(places[name] for name in chosen)
    remarks: list[str] = []
    area = _areas(chosen, reaches, river, columns, remarks)
    return Gauges(
        tuple(chosen),
        reaches,
        area,
        _seen(reaches, area, river) if spec.partial_area else np.ones(len(chosen)),
        _offsets(spec, chosen, columns),
    ), tuple(remarks)


def _listed(
    table: Table, spec: DataSpec
) -> tuple[dict[str, str], dict[str, dict[str, float]]]:
    """Return reaches by gauge, and numbers by column and gauge, of a table."""
    at = {heading(title)[0].casefold(): k for k, title in enumerate(table.titles)}

    def column(names: Sequence[str]) -> int | None:
        return next((at[name] for name in names if name in at), None)

    gauge, reach = column(GAUGE), column(REACH)
    if gauge is None or reach is None:
        lacking = GAUGE if gauge is None else REACH
        raise DataError(
            f"{table.path}: no column {' or '.join(lacking)}: found"
            f" {', '.join(table.titles)}"
        )
    ids, reaches = table.cells(gauge), table.cells(reach)
    for name in ids:
        if ids.count(name) > 1:
            raise DataError(f"{table.path}: gauge {name!r} stands in two rows")
    wanted = {"area_km2": column(AREA)}
    if isinstance(spec.days.utc_offset, str):
        own = spec.days.utc_offset.casefold()
        if own not in at:
            raise DataError(
                f"{table.path}: no column {spec.days.utc_offset!r}, which"
                f" data.days.utc_offset names{suggestion(own, at)}"
            )
        wanted["utc_offset"] = at[own]
    columns = {
        name: dict(zip(ids, table.numbers(k).tolist(), strict=True))
        for name, k in wanted.items()
        if k is not None
    }
    return dict(zip(ids, reaches, strict=True)), columns


def _areas(
    ids: Sequence[str],
    reaches: Sequence[str],
    river: River,
    columns: Mapping[str, Mapping[str, float]],
    remarks: list[str],
) -> Array:
    """Return drainage areas: of the gauge, else of its reach."""
    given = {**river.gauge_areas, **columns.get("area_km2", {})}
    of_reach = river.attributes.get("drainage_area_km2")
    at = river.tree.positions(reaches)
    found = np.full(len(ids), np.nan)
    assumed = []
    for k, name in enumerate(ids):
        known = given.get(name, np.nan)
        if not known > 0.0 and of_reach is not None:
            known = float(of_reach[at[k]])
            assumed.append(name)
        if not known > 0.0:
            raise DataError(
                f"data.gauges: the drainage area of gauge {name!r} is not known; a"
                " table of gauges with a column area_km2 says it"
            )
        found[k] = known
    if assumed:
        remarks.append(
            f"the area above {len(assumed)} of {len(ids)} gauges is taken to be that of"
            " their reaches"
        )
    return found


def _seen(reaches: Sequence[str], area: Array, river: River) -> Array:
    """Return which share of the inflow of its reach is above a gauge, by the areas."""
    total = river.attributes.get("drainage_area_km2")
    local = river.attributes.get("area_km2")
    if total is None or local is None:
        return np.ones(len(reaches))
    at = river.tree.positions(reaches)
    below = np.maximum(total[at] - area, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip(1.0 - below / local[at], 0.0, 1.0)
    found: Array = np.where(np.isfinite(share), share, 1.0)
    return found


def _offsets(
    spec: DataSpec, ids: Sequence[str], columns: Mapping[str, Mapping[str, float]]
) -> Array:
    given = spec.days.utc_offset
    if not isinstance(given, str):
        return np.full(len(ids), float(given))
    if "utc_offset" not in columns:
        raise ConfigError(
            f"data.days.utc_offset: {given!r} is a column of a table of gauges, and"
            " data.gauges names none"
        )
    found = np.array([columns["utc_offset"][name] for name in ids])
    for name, hours in zip(ids, found.tolist(), strict=True):
        if not -14.0 <= hours <= 14.0:
            raise DataError(
                f"{spec.gauges}: {given} of gauge {name!r} is {hours}, expected hours"
                " from -14 to 14"
            )
    return found
