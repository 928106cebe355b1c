"""Where catchments are by their outlines, for a domain that says it nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .forcing import Array
from .hydrofabric import Hydrofabric, feature_id, read_features

__all__ = ["centroids"]

_NOWHERE = (np.nan, np.nan)


def centroids(domain: Hydrofabric) -> dict[str, Array]:
    """Return latitude and longitude of the centroids of outlines in GeoJSON.

    Parameters
    ----------
    domain : Hydrofabric
        Of GeoJSON files, whose coordinates are degrees; in a GeoPackage the attributes
        say where the centroids are.

    Returns
    -------
    dict of str to ndarray
        ``latitude`` and ``longitude``, degrees, NaN where a catchment has no outline of
        degrees; nothing where none has.
    """
    if domain.path.suffix.lower() == ".gpkg":
        return {}
    centroids = {
        str(feature_id(feature)): _centroid(feature.get("geometry"))
        for feature in read_features(domain.path)
    }
    places = np.array([centroids.get(name, _NOWHERE) for name in domain.catchments])
    if np.isnan(places).all():
        return {}
    return {"latitude": places[:, 1].copy(), "longitude": places[:, 0].copy()}


def _centroid(geometry: Any) -> tuple[float, float]:
    """Return x and y of the centroid of an outline; not numbers where it has none."""
    area, moments = 0.0, np.zeros(2)
    for x, y in _rings(geometry):
        if not ((np.abs(x) <= 180.0) & (np.abs(y) <= 90.0)).all():
            return _NOWHERE
        # From a corner, so that no digits are lost for a small outline far from zero.
        dx, dy = x - x[0], y - y[0]
        cross = dx[:-1] * dy[1:] - dx[1:] * dy[:-1]
        ring_area = cross.sum() / 2.0
        first = ((dx[:-1] + dx[1:]) * cross).sum() / 6.0
        second = ((dy[:-1] + dy[1:]) * cross).sum() / 6.0
        area += ring_area
        moments += (first + ring_area * x[0], second + ring_area * y[0])
    if area == 0.0:
        return _NOWHERE
    return float(moments[0] / area), float(moments[1] / area)


def _rings(geometry: Any) -> Iterator[tuple[Array, Array]]:
    """Yield the rings of polygons: outer ones to the left around, holes to the right.

    Files do not keep to that, but what is outside comes first in each polygon.
    """
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if kind not in ("Polygon", "MultiPolygon"):
        return
    coordinates = geometry.get("coordinates") or ()
    polygons: Sequence[Any] = [coordinates] if kind == "Polygon" else coordinates
    for polygon in polygons:
        for number, ring in enumerate(polygon):
            points = np.array([point[:2] for point in ring], dtype=np.float64)
            if len(points) < 4:
                continue
            x, y = points.T
            left = (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() > 0.0
            yield (x, y) if left == (number == 0) else (x[::-1], y[::-1])
