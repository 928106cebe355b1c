"""The last steps that all readers share: from rows to a river."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ....data.identity import listed
from ....errors import DataError
from ....space import Tree
from .channel import UPSTREAM, attributes_of, repaired, upstream_length
from .river import Lakes, River
from .rows import Rows, named, tree_of

__all__ = ["assembled", "gauges_on", "left_out"]

Array = NDArray[np.float64]

LOGARITHM = "log10_uparea"
"""What files of MERIT-Basins may hold instead of the area above, km2."""


def assembled(
    rows: Rows,
    *,
    remarks: list[str],
    longitude: Array | None = None,
    latitude: Array | None = None,
    gauges: Mapping[str, str] | None = None,
    gauge_areas: Mapping[str, float] | None = None,
    entering: Mapping[str, dict[str, float]] | None = None,
    lakes: Lakes | None = None,
) -> River:
    """Return the river of rows that name every reach once.

    Parameters
    ----------
    rows : Rows
        After :meth:`.Rows.once`.
    remarks : list of str
        What was said before; more is added.
    longitude, latitude, gauges, gauge_areas, entering, lakes
        As of :class:`River`, where known.

    Raises
    ------
    DataError
        As of :func:`.tree_of` and :func:`.repaired`.
    """
    attributes, units = attributes_of(rows.columns, rows.where, remarks.append)
    attributes = repaired(attributes, rows.ids, rows.where, remarks.append)
    longitude = attributes.get("longitude") if longitude is None else longitude
    latitude = attributes.get("latitude") if latitude is None else latitude
    tree = tree_of(rows, remarks.append, longitude, latitude)
    _areas(attributes, units, tree, rows.where, remarks)
    if UPSTREAM not in attributes and "length" in attributes:
        attributes[UPSTREAM], units[UPSTREAM] = (
            upstream_length(tree, attributes["length"]),
            "km",
        )
    return River(
        tree=tree,
        attributes=attributes,
        units=units,
        gauges=dict(gauges or {}),
        gauge_areas={
            name: area
            for name, area in (gauge_areas or {}).items()
            if name in (gauges or {})
        },
        entering=dict(entering or {}),
        lakes=lakes,
        remarks=tuple(remarks),
    )


def _areas(
    attributes: dict[str, Array], units: dict[str, str], tree: Tree, where: str,
    remarks: list[str],
) -> None:  # fmt: skip
    """Add local areas where only drainage areas are there, and the other way round."""
    local, drained = "area_km2", "drainage_area_km2"
    if drained not in attributes and LOGARITHM in attributes:
        attributes[drained], units[drained] = 10.0 ** attributes[LOGARITHM], "km2"
    if drained in attributes and local not in attributes:
        areas = attributes[drained] - tree.received(attributes[drained])
        if (areas > 0.0).all():
            attributes[local], units[local] = areas, "km2"
            remarks.append(
                f"{where}: areas that drain into reaches from their sides are the "
                "differences of drainage areas"
            )
    if (
        local in attributes
        and drained not in attributes
        and np.isfinite(attributes[local]).all()
    ):
        attributes[drained], units[drained] = tree.accumulate(attributes[local]), "km2"
        remarks.append(
            f"{where}: drainage areas are the sums of the areas of the reaches of the "
            "file"
        )


def gauges_on(rows: Rows) -> dict[str, str]:
    """Return the reach of every gauge that the text ``gauge`` names.

    Parameters
    ----------
    rows : Rows
        Before :meth:`.Rows.once`: two gauges on one reach are two rows.

    Raises
    ------
    DataError
        When a gauge is on two reaches.
    """
    gauges: dict[str, str] = {}
    for gauge, reach in named(rows.texts.get("gauge"), rows.ids):
        if gauges.setdefault(gauge, reach) != reach:
            raise DataError(
                f"{rows.where}: gauge {gauge!r} is on two reaches, "
                f"{gauges[gauge]!r} and {reach!r}"
            )
    return gauges


def left_out(
    gauges: Mapping[str, str], rows: Rows, remarks: list[str]
) -> dict[str, str]:
    """Return the gauges whose reaches are there; say which are not."""
    reaches = set(rows.ids)
    present = {gauge: reach for gauge, reach in gauges.items() if reach in reaches}
    gone = [gauge for gauge in gauges if gauge not in present]
    if gone:
        remarks.append(
            f"{rows.where}: gauges at no reach of the file, left out: {len(gone)} of "
            f"{len(gauges)} ({listed(gone)})"
        )
    return present
