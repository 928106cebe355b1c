"""The hydrofabric: catchments, the nexuses they drain to, and their attributes."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import ConfigError, DataError, suggestion

__all__ = [
    "Catchment",
    "Hydrofabric",
    "Nexus",
    "columns_of",
    "feature_id",
    "read_features",
    "read_hydrofabric",
]


@dataclass(frozen=True, kw_only=True)
class Catchment:
    """One catchment (divide).

    Parameters
    ----------
    id, toid : str
        ``cat-N`` and the nexus it drains to.
    area_km2 : float
        Its area.
    properties : dict of str to number or text
        All columns of its feature, for ``model_params`` that ask for them.
    """

    id: str
    toid: str
    area_km2: float
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Nexus:
    """One nexus: where water of catchments is collected."""

    id: str
    toid: str = ""
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Hydrofabric:
    """Catchments and nexuses of a domain.

    Parameters
    ----------
    path : Path
        The file of the catchments.
    catchments : dict of str to Catchment
    nexuses : dict of str to Nexus
    attributes : dict of str to dict
        Rows of ``divide-attributes`` by catchment; empty for GeoJSON.
    nexus_path : Path or None
        The file of the nexuses, where it is another.
    """

    path: Path
    catchments: dict[str, Catchment]
    nexuses: dict[str, Nexus]
    nexus_path: Path | None = None
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def select(self, ids: Sequence[str]) -> Hydrofabric:
        """Return the domain of some catchments and the nexuses below them.

        Raises
        ------
        ConfigError
            When a catchment is not there.
        """
        for name in ids:
            if name not in self.catchments:
                hint = suggestion(name, self.catchments)
                raise ConfigError(f"{self.path}: no catchment {name!r}{hint}")
        kept = {name: self.catchments[name] for name in ids}
        below = {catchment.toid for catchment in kept.values()}
        return replace(
            self,
            catchments=kept,
            nexuses={n: x for n, x in self.nexuses.items() if n in below},
            attributes={n: x for n, x in self.attributes.items() if n in kept},
        )


def read_hydrofabric(catchments: Path, nexuses: Path | None = None) -> Hydrofabric:
    """Read a domain from a GeoPackage, or from GeoJSON.

    Parameters
    ----------
    catchments : Path
        ``.gpkg`` with layers ``divides`` and ``nexus``, or a GeoJSON file.
    nexuses : Path, optional
        GeoJSON file of the nexuses. Without one every ``toid`` is a nexus.

    Raises
    ------
    ConfigError
        When a file is not there or of another kind.
    DataError
        When a layer, column or value is missing, or an identifier is given twice.
    """
    if not catchments.is_file():
        raise ConfigError(f"{catchments}: no such file")
    if catchments.suffix.lower() == ".gpkg":
        return _read_geopackage(catchments)
    divides = [
        _catchment(catchments, identifier, properties)
        for identifier, properties in _features(catchments)
    ]
    found = _by_id(catchments, divides)
    if nexuses is None:
        points = [Nexus(id=n) for n in dict.fromkeys(c.toid for c in divides)]
    else:
        points = [
            Nexus(id=n, toid=str(p.get("toid", "")), kind=str(p.get("nexus_type", "")))
            for n, p in _features(nexuses)
        ]
    domain = Hydrofabric(
        path=catchments,
        catchments=found,
        nexuses={nexus.id: nexus for nexus in points},
        nexus_path=nexuses,
    )
    return _linked(domain)


def _by_id(path: Path, catchments: Iterable[Catchment]) -> dict[str, Catchment]:
    found: dict[str, Catchment] = {}
    for catchment in catchments:
        if catchment.id in found:
            raise DataError(f"{path}: catchment {catchment.id!r} is given twice")
        found[catchment.id] = catchment
    if not found:
        raise DataError(f"{path}: no catchments")
    return found


def _linked(domain: Hydrofabric) -> Hydrofabric:
    for catchment in domain.catchments.values():
        if catchment.toid not in domain.nexuses:
            raise DataError(
                f"{domain.path}: {catchment.id!r} drains to {catchment.toid!r}, which "
                f"is not among the {len(domain.nexuses)} nexuses"
            )
    return domain


def _catchment(path: Path, identifier: str, properties: dict[str, Any]) -> Catchment:
    area = properties.get("areasqkm", properties.get("area_sqkm"))
    where = f"{path}: catchment {identifier!r}"
    if isinstance(area, bool) or not isinstance(area, int | float) or not area > 0:
        raise DataError(f"{where}: areasqkm: found {area!r}, expected a number above 0")
    if not math.isfinite(area):
        raise DataError(f"{where}: areasqkm: found {area!r}, expected a finite number")
    toid = properties.get("toid")
    if not isinstance(toid, str) or not toid:
        raise DataError(f"{where}: toid: found {toid!r}, expected a nexus")
    return Catchment(
        id=identifier, toid=toid, area_km2=float(area), properties=properties
    )


def read_features(path: Path) -> list[dict[str, Any]]:
    """Return the features of a GeoJSON file.

    Raises
    ------
    ConfigError, DataError
        When it is not there, or something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except ValueError as error:
        raise DataError(f"{path}: not a GeoPackage and not JSON: {error}") from None
    features = data.get("features") if isinstance(data, dict) else None
    if not isinstance(features, list):
        raise DataError(f"{path}: expected a GeoJSON collection with 'features'")
    return features


def feature_id(feature: dict[str, Any]) -> Any:
    """Return the identifier of a feature."""
    return feature.get("id", (feature.get("properties") or {}).get("id"))


def _features(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield identifier and properties of the features of a GeoJSON file."""
    for number, feature in enumerate(read_features(path)):
        identifier = feature_id(feature)
        if not isinstance(identifier, str) or not identifier:
            raise DataError(f"{path}: feature {number}: id: found {identifier!r}")
        yield identifier, feature.get("properties") or {}


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a GeoPackage to read; nothing beside it is written, not even a journal."""
    name = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(name, uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        try:
            yield connection
        except sqlite3.Error as error:
            raise DataError(f"{path}: not a GeoPackage: {error}") from None


def columns_of(path: Path, table: str) -> list[str]:
    """Return the columns of a layer of a GeoPackage.

    Raises
    ------
    DataError
        When it is not a GeoPackage or has no such layer.
    """
    with _opened(path) as connection:
        columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
    if not columns:
        raise DataError(f"{path}: layer {table!r} is missing")
    return [str(column["name"]) for column in columns]


def _rows(
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


def _read_geopackage(path: Path) -> Hydrofabric:
    with _opened(path) as connection:
        divides = []
        for row in _rows(connection, path, "divides"):
            identifier = row.get("divide_id")
            if not isinstance(identifier, str):
                raise DataError(f"{path}: divides: divide_id: found {identifier!r}")
            divides.append(_catchment(path, identifier, row))
        points = [
            Nexus(id=str(r["id"]), toid=str(r["toid"]), kind=str(r.get("type") or ""))
            for r in _rows(connection, path, "nexus")
        ]
        tables = {
            row["name"]
            for row in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            )
        }
        attributes = {}
        if "divide-attributes" in tables:
            rows = _rows(connection, path, "divide-attributes")
            attributes = {str(row["divide_id"]): row for row in rows}
    domain = Hydrofabric(
        path=path,
        catchments=_by_id(path, divides),
        nexuses={nexus.id: nexus for nexus in points},
        attributes=attributes,
    )
    return _linked(domain)
