"""Copies of a hydrofabric that hold some of its catchments."""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from ..data.geopackage import opened
from ..files import atomic
from .hydrofabric import Hydrofabric, feature_id, read_features

__all__ = ["copy_hydrofabric"]


def copy_hydrofabric(fabric: Hydrofabric, folder: Path) -> Path:
    """Copy the files of a hydrofabric with its catchments and no others.

    Parameters
    ----------
    fabric : Hydrofabric
        What is kept of its files.
    folder : Path
        Where to, under the same names.

    Returns
    -------
    Path
        The file of the catchments.
    """
    target = folder / fabric.path.name
    with atomic(target) as temporary:
        if fabric.path.suffix.lower() == ".gpkg":
            with (
                opened(fabric.path) as source,
                closing(sqlite3.connect(temporary)) as to,
                _writing(temporary),
            ):
                source.backup(to)
            with _writing(temporary):
                _keep_divides(temporary, list(fabric.catchments))
        else:
            _copy_features(fabric.path, temporary, fabric.catchments)
    if fabric.nexus_path is not None:
        with atomic(folder / fabric.nexus_path.name) as temporary:
            _copy_features(fabric.nexus_path, temporary, fabric.nexuses)
    return target


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Name the copy, not what it is of, where there is no room for it.

    Raises
    ------
    OSError
        With the file and the reason.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OSError(errno.EIO, str(error), str(path)) from None


def _copy_features(source: Path, target: Path, ids: Iterable[str]) -> None:
    names = set(ids)
    features = [f for f in read_features(source) if feature_id(f) in names]
    content = {"type": "FeatureCollection", "features": features}
    target.write_text(json.dumps(content), encoding="utf-8")


def _keep_divides(path: Path, ids: Sequence[str]) -> None:
    """Remove all divides but some from a GeoPackage, and their attributes.

    Flowpaths and nexuses stay: the river runs on.

    Parameters
    ----------
    path : Path
        A file of one's own, which is changed.
    ids : collection of str
        What stays.
    """
    with closing(sqlite3.connect(path)) as connection:
        # Triggers keep the spatial index with functions that a plain SQLite lacks; the
        # index of the layer is not needed and goes with them.
        triggers = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' "
            "AND tbl_name IN ('divides', 'divide-attributes')"
        ).fetchall()
        for (name,) in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("CREATE TEMP TABLE kept (id TEXT PRIMARY KEY)")
        connection.executemany("INSERT INTO kept VALUES (?)", [(i,) for i in ids])
        for table in ("divides", "divide-attributes"):
            if connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                connection.execute(
                    f'DELETE FROM "{table}" '
                    "WHERE TRIM(CAST(divide_id AS TEXT)) NOT IN (SELECT id FROM kept)"
                )
                _forget_index(connection, table)
        connection.commit()
        connection.execute("VACUUM")


def _forget_index(connection: sqlite3.Connection, table: str) -> None:
    """Remove a layer's spatial index and its count of features, where it has them."""
    index = f"rtree_{table}_geom"
    exists = "SELECT 1 FROM sqlite_master WHERE name = ?"
    if connection.execute(exists, (index,)).fetchone():
        connection.execute(f'DROP TABLE "{index}"')
    for other in ("gpkg_extensions", "gpkg_ogr_contents"):
        if connection.execute(exists, (other,)).fetchone():
            connection.execute(f"DELETE FROM {other} WHERE table_name = ?", (table,))
