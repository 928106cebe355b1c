"""GeoPackages: features in tables of SQLite, read and never written to."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

__all__ = [
    "columns_of",
    "identifier",
    "is_sqlite",
    "opened",
    "points_in",
    "reference_of",
    "rows_of",
    "tables_of",
]

GEOMETRY = ("geom", "geometry")
"""What the column of shapes is called."""


def is_sqlite(path: Path) -> bool:
    """Return whether a file is a data base of SQLite, as GeoPackages are."""
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a GeoPackage to read; nothing beside it is written, not even a journal.

    What was committed, but stands in a journal beside the file (``-wal``) as long as
    another program has it open, is read as well, from a copy.

    Raises
    ------
    DataError
        When it is no GeoPackage, or damaged.
    """
    journal = path.with_name(f"{path.name}-wal")
    with tempfile.TemporaryDirectory(prefix="bmi_dmx-") as folder:
        name = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        try:
            path.open("rb").close()  # SQLite would not say what is wrong
            if journal.is_file() and journal.stat().st_size:
                copy = Path(folder, path.name)
                shutil.copyfile(path, copy)
                shutil.copyfile(journal, copy.with_name(f"{copy.name}-wal"))
                name = f"{copy.as_uri()}?mode=rw"
            with closing(sqlite3.connect(name, uri=True)) as connection:
                connection.row_factory = sqlite3.Row
                yield connection
        except (sqlite3.Error, UnicodeError) as error:
            raise DataError(f"{path}: not a GeoPackage: {error}") from None
        except OSError as error:
            if str(error.filename) not in (str(path), str(journal)):
                raise  # of what is made of it
            raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def columns_of(path: Path, table: str) -> list[str]:
    """Return the columns of a layer of a GeoPackage.

    Raises
    ------
    DataError
        When it is not a GeoPackage or has no such layer.
    """
    with opened(path) as connection:
        columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
    if not columns:
        raise DataError(f"{path}: layer {table!r} is missing")
    return [str(column["name"]) for column in columns]


def rows_of(
    connection: sqlite3.Connection, path: Path, table: str
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table without their geometry."""
    columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
    if not columns:
        raise DataError(f"{path}: layer {table!r} is missing")
    names = [c["name"] for c in columns if c["name"] not in ("geom", "geometry")]
    listed = ", ".join(f'"{name}"' for name in names)
    for row in connection.execute(f'SELECT {listed} FROM "{table}"'):
        yield dict(row)


def identifier(value: Any) -> str:
    """Return a name, which some files hold as a number; empty where it is none."""
    if isinstance(value, bytes):
        try:
            value = value.decode().rstrip("\0")
        except UnicodeDecodeError:
            return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    return str(value).strip()


def tables_of(connection: sqlite3.Connection) -> set[str]:
    """Return the names of all tables."""
    listed = "SELECT name FROM sqlite_master WHERE type = 'table'"
    return {str(row["name"]) for row in connection.execute(listed)}


def reference_of(connection: sqlite3.Connection, table: str) -> int | None:
    """Return the number of the reference system of a layer, where declared."""
    tables = tables_of(connection)
    if "gpkg_geometry_columns" not in tables:
        return None
    row = connection.execute(
        "SELECT srs_id FROM gpkg_geometry_columns WHERE table_name = ?", (table,)
    ).fetchone()  # fmt: skip
    if row is None or not isinstance(row[0], int):
        return None
    declared = int(row[0])
    if "gpkg_spatial_ref_sys" in tables:
        system = connection.execute(
            "SELECT organization_coordsys_id FROM gpkg_spatial_ref_sys "
            "WHERE srs_id = ?", (declared,)
        ).fetchone()  # fmt: skip
        if system is not None and isinstance(system[0], int) and system[0] > 0:
            declared = int(system[0])
    return declared if declared > 0 else None


_ENVELOPES = (0, 32, 48, 48, 64)
"""Bytes of the envelope before a shape, by its kind."""

_POINT, _LINE, _LINES = 1, 2, 5
"""Kinds of shapes of well-known binary."""


def points_in(shape: bytes) -> NDArray[np.float64]:
    """Return x and y of a point or of the points along lines, (point, 2).

    Parameters
    ----------
    shape : bytes
        As a GeoPackage holds it (OGC 12-128r17, 2.1.3): a header, then well-known
        binary.

    Raises
    ------
    DataError
        When it is another shape, or damaged.
    """
    if shape[:2] != b"GP":
        raise DataError("found no shape of a GeoPackage")
    try:
        begin = 8 + _ENVELOPES[shape[3] >> 1 & 7]
        parts, _ = _parts(shape, begin, (_POINT, _LINE, _LINES))
        return np.concatenate(parts)
    except DataError:
        raise
    except (struct.error, IndexError, ValueError, TypeError):
        raise DataError("found a damaged shape") from None


def _parts(
    shape: bytes, at: int, kinds: tuple[int, ...]
) -> tuple[list[NDArray[np.float64]], int]:
    """Return the points of every part of a shape of some kinds, and where it ends."""
    order = "<" if shape[at] else ">"
    (kind,) = struct.unpack_from(f"{order}I", shape, at + 1)
    plain, numbers = kind % 1000, 2 + (0, 1, 1, 2)[kind // 1000]
    if plain not in kinds:
        raise DataError(f"found a shape of kind {kind}, expected a point or lines")
    if plain == _POINT:
        count, at = 1, at + 5
    else:
        (count,), at = struct.unpack_from(f"{order}I", shape, at + 5), at + 9
    if plain != _LINES:
        some = np.frombuffer(shape, f"{order}f8", count * numbers, at)
        return [some.reshape(count, numbers)[:, :2]], at + some.nbytes
    parts: list[NDArray[np.float64]] = []
    for _ in range(count):
        inner, at = _parts(shape, at, (_LINE,))
        parts += inner
    return parts, at
