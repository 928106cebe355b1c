"""From units of land to the gauges they drain to: means over areas, and pairs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...space import Map, Points

__all__ = ["Gauges"]

Array64 = NDArray[np.float64]


class Gauges:
    """Gauges and the units of land that drain to them, which may be nested.

    Depths of water are averaged over area, so that volumes are kept: the depth at a
    gauge times its area is the sum of those of its units. All maps take (..., place):
    one step or a whole series.

    Parameters
    ----------
    units, gauges : Points
        Land, and where it is gauged.
    links : iterable of (str, str)
        Unit and gauge, for every unit upstream of every gauge.
    area_km2 : array (unit,)
        Of the units.

    Attributes
    ----------
    area_km2 : array (gauge,)
        That of all units of a gauge.
    pairs : Points
        Places called ``gauge/unit``, in the order of the links.
    mean : Map
        From units to gauges, by their share of the area.
    to_pairs : Map
        From units to pairs, each of which gets the value of its unit.
    to_gauges : Map
        From pairs to gauges, by the share of the unit in the area.

    Raises
    ------
    DataError
        When a name is unknown, a link is there twice, a gauge has no unit, or an area
        is not above 0; names the place.
    """

    def __init__(
        self,
        units: Points,
        gauges: Points,
        links: Iterable[tuple[str, str]],
        area_km2: Array64,
    ) -> None:
        pairs = [(unit, gauge) for unit, gauge in links]
        of = units.positions(unit for unit, _ in pairs)
        to = gauges.positions(gauge for _, gauge in pairs)
        area = _areas(units, area_km2)
        self.area_km2 = np.bincount(to, area[of], len(gauges))
        empty = np.flatnonzero(self.area_km2 == 0.0)
        if empty.size:
            name = gauges.ids[empty[0]]
            raise DataError(f"links: no unit drains to gauge {name!r}")
        share = area[of] / self.area_km2[to]
        self.pairs = Points([f"{gauge}/{unit}" for unit, gauge in pairs])
        each = np.arange(len(pairs))
        self.mean = Map(units, gauges, to, of, share, conserves=False)
        self.to_pairs = Map(
            units, self.pairs, each, of, np.ones(len(pairs)), conserves=False
        )
        self.to_gauges = Map(self.pairs, gauges, to, each, share, conserves=False)


def _areas(units: Points, area_km2: Array64) -> Array64:
    area = np.asarray(area_km2, dtype=np.float64)
    if area.shape != (len(units),):
        raise DataError(
            f"area_km2: expected one for each of {len(units)} units, found shape "
            f"{area.shape}"
        )
    wrong = np.flatnonzero(~((area > 0.0) & np.isfinite(area)))
    if wrong.size:
        name, value = units.ids[wrong[0]], area[wrong[0]]
        raise DataError(f"area_km2: expected above 0, found {value:g} of {name!r}")
    return area
