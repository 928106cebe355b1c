"""Where the catchments of a hydrofabric are, and how high: what its columns mean.

Columns are in metres of a declared projection, and in centimetres. Tables that somebody
repaired, or that are of another version, hold degrees and metres under the same names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..data.fill_values import without_markers
from ..data.projection import CONUS, PROJECTIONS, Projection
from ..errors import DataError
from .forcing import Array
from .hydrofabric import Hydrofabric

__all__ = [
    "MEAN_ELEVATION",
    "MEAN_SLOPE",
    "CatchmentPositions",
    "gradient",
    "located",
    "metres",
    "numbers_of",
]

MEAN_ELEVATION, MEAN_SLOPE = "mean.elevation", "mean.slope"

_GEOGRAPHIC = (4326, 4269, 4267)
"""Reference systems of degrees."""

_STEEP = 20.0
"""Slope in m km-1 from which on relief says something about elevation."""

_RELIEF = 0.4
"""Kilometres of slope above which the mean of a catchment stands, at least half of
them: hillslopes are as long, and lie above the sea."""


@dataclass(frozen=True)
class CatchmentPositions:
    """Where catchments are.

    Parameters
    ----------
    latitude, longitude : (B,) ndarray
        Degrees north and east; NaN where not known.
    remarks : list of str
        What contradicts the declared reference system.
    """

    latitude: Array
    longitude: Array
    remarks: list[str] = field(default_factory=list)


def located(domain: Hydrofabric) -> CatchmentPositions:
    """Return where the centroids of the catchments are.

    Parameters
    ----------
    domain : Hydrofabric
        With ``divide-attributes``.

    Raises
    ------
    DataError
        When the reference system is none of the hydrofabric.
    """
    rows = [domain.attributes.get(name, {}) for name in domain.catchments]
    where = f"{domain.path}: divide-attributes"
    x, y = (
        without_markers(numbers_of(rows, name, f"{where}: {name}")).values
        for name in ("centroid_x", "centroid_y")
    )
    finite = np.isfinite(x) & np.isfinite(y)
    if not finite.any():
        return CatchmentPositions(
            np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        )
    degrees = (np.abs(x) <= 180.0) & (np.abs(y) <= 90.0)
    if degrees[finite].all():
        remark = (
            f"{domain.path}: centroid_x and centroid_y such as {x[finite][0]:.6g}, "
            f"{y[finite][0]:.6g} are taken for degrees east and north, not for metres"
        )
        declared = domain.reference in _GEOGRAPHIC
        return CatchmentPositions(y, x, [] if declared else [remark])
    if degrees[finite].any():
        name = list(domain.catchments)[int(np.argmax(degrees))]
        raise DataError(
            f"{domain.path}: centroid_x and centroid_y of {name!r} are degrees, those "
            "of others metres"
        )
    projection = _projection(domain)
    places = np.full((2, len(rows)), np.nan)
    for k in np.flatnonzero(finite):
        places[:, k] = projection.inverse(float(x[k]), float(y[k]))
    return CatchmentPositions(places[0], places[1])


def _projection(domain: Hydrofabric) -> Projection:
    if domain.reference is None:
        return CONUS
    if domain.reference not in PROJECTIONS:
        names = ", ".join(f"{n} ({p.name})" for n, p in PROJECTIONS.items())
        raise DataError(
            f"{domain.path}: divides: reference system {domain.reference}, expected "
            f"one of {names}; transform the file, or give latitude, longitude and the "
            "rest in a table (--attributes FILE)"
        )
    return PROJECTIONS[domain.reference]


def numbers_of(rows: Sequence[Mapping[str, Any]], name: str, where: str) -> Array:
    """Return a column of a layer as numbers; NaN where it is empty.

    Raises
    ------
    DataError
        When a value is no number.
    """
    numbers = np.full(len(rows), np.nan)
    for k, row in enumerate(rows):
        value = row.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            raise DataError(
                f"{where}: {row.get('divide_id')!r}: found {value!r}, expected a number"
            )
        if value is not None:
            numbers[k] = float(value)
    return numbers


def gradient(angle: float) -> float:
    """Return the slope, m km-1, of an angle in degrees of ``mean.slope``."""
    return 10.0 * math.tan(math.radians(angle))


def _number(value: Any) -> float:
    """Return a number; NaN where it is none, which is told where it is read."""
    return float(value) if isinstance(value, int | float) else math.nan


def metres(domain: Hydrofabric) -> str:
    """Return why ``mean.elevation`` must be in metres; empty where nothing says so.

    The altitude of the flowpaths is compared where the file has it, else the slope: a
    catchment as steep as it says cannot lie as low as centimetres would have it.
    """
    raw, relief, altitude = [], [], []
    for name, catchment in domain.catchments.items():
        row: Mapping[str, Any] = domain.attributes.get(name, {})
        elevation, angle = (_number(row.get(n)) for n in (MEAN_ELEVATION, MEAN_SLOPE))
        if not elevation > 0.0:
            continue
        there = domain.altitudes.get(str(catchment.properties.get("id")))
        if there is not None and there > 1.0:
            altitude.append(there / elevation)
        if 0.0 <= angle < 90.0 and gradient(angle) >= _STEEP:
            raw.append(elevation)
            relief.append(gradient(angle))
    begin = f"{domain.path}: divide-attributes: {MEAN_ELEVATION}"
    if altitude:
        ratio = float(np.median(altitude))
        if ratio < 0.1:
            return ""
        return (
            f"{begin} is taken for metres, not centimetres: the flowpaths lie at "
            f"{ratio:.2g} times its values"
        )
    if not raw:
        return ""
    low = np.array(raw) * 0.01 < _RELIEF * np.array(relief)
    if low.mean() <= 0.5:
        return ""
    k = int(np.argmax(low))
    return (
        f"{begin} is taken for metres, not centimetres: {raw[k] * 0.01:.3g} m would be "
        f"too low for a mean slope of {relief[k]:.3g} m km-1"
    )
