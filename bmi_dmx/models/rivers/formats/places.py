"""Where flowpaths are: the middle of each, in degrees."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from ....data.geopackage import identifier, points_in, reference_of
from ....data.projection import PROJECTIONS
from ....errors import DataError

__all__ = ["middles"]

DEGREES = (4326, 4269)
"""Reference systems of longitude and latitude."""


def middles(
    connection: sqlite3.Connection, path: Path, table: str
) -> dict[str, tuple[float, float]]:
    """Return longitude and latitude of the middle vertex of lines, by name.

    Nothing where the layer has no shapes, or in a reference system that is not known.

    Raises
    ------
    DataError
        When a shape is damaged, naming whose.
    """
    titles = [
        row["name"] for row in connection.execute(f'PRAGMA table_info("{table}")')
    ]
    reference = reference_of(connection, table)
    projection = PROJECTIONS.get(reference or 0)
    if "geom" not in titles or (projection is None and reference not in DEGREES):
        return {}
    middles: dict[str, tuple[float, float]] = {}
    for name, shape in connection.execute(f'SELECT id, geom FROM "{table}"'):
        if not isinstance(shape, bytes):
            continue
        try:
            points = points_in(shape)
        except DataError as error:
            raise DataError(f"{path}: {table}: geom of {name!r}: {error}") from None
        if not len(points) or not np.isfinite(points).all():
            raise DataError(f"{path}: {table}: geom of {name!r}: found no points")
        x, y = points[len(points) // 2].tolist()
        if projection is not None:
            y, x = projection.inverse(x, y)
        middles[identifier(name)] = (x, y)
    return middles
