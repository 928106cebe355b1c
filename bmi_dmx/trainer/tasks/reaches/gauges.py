"""Gauges on a river: where they are, how much land they see, when their days begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....config import expanded
from ....errors import ConfigError, DataError, suggestion
from ....models.rivers.formats import River
from ....models.rivers.formats.gauge_table import (
    partial_area,
    read_gauges,
    with_gauges,
)
from .experiment import DataSpec

__all__ = ["Gauges", "gauges_of"]

Array = NDArray[np.float64]

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
    share : (gauge,) float64
        Share of the lateral inflow of its own reach that a gauge sees.
    utc_offset : (gauge,) float64
        Hours of local standard time east of Greenwich.
    """

    ids: tuple[str, ...]
    reaches: tuple[str, ...]
    area_km2: Array
    share: Array
    utc_offset: Array

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def depth(self) -> Array:
        """Mm per day over the area above, of 1 m3 s-1."""
        return MM_PER_DAY / self.area_km2


def gauges_of(spec: DataSpec, river: River) -> tuple[River, Gauges]:
    """Return the gauges of an experiment, and the river they are on.

    Parameters
    ----------
    spec : DataSpec
        Which gauges, or the table that says so.
    river : River
        The reaches.

    Raises
    ------
    ConfigError, DataError
        When there is no such gauge or table, or no drainage area is known.
    """
    names: Sequence[str]
    table = None
    if isinstance(spec.gauges, str) and spec.gauges != "all":
        table = read_gauges(expanded(spec.gauges, "data.gauges"))
        river = with_gauges(river, table)
        rows = {**table.reaches, **table.areas}
        names = [name for name in river.gauges if name in rows]
    else:
        names = list(river.gauges) if spec.gauges == "all" else list(spec.gauges)
    if not names:
        raise DataError(
            f"{spec.river}: there is no gauge on it; data.gauges: a table says on which"
            " reach each is"
        )
    for name in names:
        if name not in river.gauges:
            hint = suggestion(name, river.gauges)
            raise ConfigError(f"data.gauges: {spec.river} has no gauge {name!r}{hint}")
    reaches = tuple(river.gauges[name] for name in names)
    area = _areas(names, reaches, river)
    shares = np.ones(len(names))
    if spec.partial_area:
        share = partial_area(river, table)
        shares = np.array([share[name] for name in names])
    offset = _offsets(spec.days.utc_offset, names)
    return river, Gauges(tuple(names), reaches, area, shares, offset)


def _areas(ids: Sequence[str], reaches: Sequence[str], river: River) -> Array:
    """Return drainage areas: of the gauge, else of its reach."""
    of_reach = river.attributes.get("drainage_area_km2")
    at = river.tree.positions(reaches)
    areas = np.full(len(ids), np.nan)
    for k, name in enumerate(ids):
        areas[k] = river.gauge_areas.get(name, np.nan)
        if not areas[k] > 0.0 and of_reach is not None:
            areas[k] = of_reach[at[k]]
        if not areas[k] > 0.0:
            raise DataError(
                f"data.gauges: the drainage area of gauge {name!r} is not known; a"
                " table of gauges with a column area_km2 says it"
            )
    return areas


def _offsets(offsets: float | Mapping[str, float], ids: Sequence[str]) -> Array:
    if not isinstance(offsets, Mapping):
        return np.full(len(ids), float(offsets))
    for name in ids:
        if name not in offsets:
            raise ConfigError(
                f"data.days.utc_offset: nothing is said of gauge {name!r}"
                f"{suggestion(name, offsets)}"
            )
    return np.array([offsets[name] for name in ids])
