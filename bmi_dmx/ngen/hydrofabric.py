"""The hydrofabric: catchments, the nexuses they drain to, and their attributes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..conversion import shown
from ..data.geopackage import identifier, opened, reference_of, rows_of, tables_of
from ..data.identity import listed, match
from ..errors import ConfigError, DataError, suggestion
from ..models.hydrology.climate import AREA

__all__ = [
    "Catchment",
    "Hydrofabric",
    "Nexus",
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
    reference : int or None
        Number of the reference system of the outlines, at EPSG or Esri.
    altitudes : dict of str to float
        Of the flowpaths, m, where the file says it.
    left_out : dict of str to str
        Divides that cannot be run, and why: without area, or at a coast, where nothing
        is below them.
    """

    path: Path
    catchments: dict[str, Catchment]
    nexuses: dict[str, Nexus]
    nexus_path: Path | None = None
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    reference: int | None = None
    altitudes: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What to say of divides that are left out, once for each reason."""
        reasons: dict[str, list[str]] = {}
        for name, reason in self.left_out.items():
            reasons.setdefault(reason.partition(":")[0], []).append(name)
        return tuple(
            f"{self.path}: {len(names)} of "
            f"{len(self.left_out) + len(self.catchments)} divides are left out: "
            f"{reason} ({listed(names)})"
            for reason, names in reasons.items()
        )

    def select(self, ids: Sequence[str]) -> Hydrofabric:
        """Return the domain of some catchments and the nexuses below them.

        Raises
        ------
        ConfigError, DataError
            When a catchment is not there, or cannot be run.
        """
        for name in ids:
            if name in self.left_out:
                raise DataError(
                    f"{self.path}: catchment {name!r}: {self.left_out[name]}"
                )
            if name not in self.catchments:
                hint = suggestion(name, self.catchments)
                raise ConfigError(f"{self.path}: no catchment {name!r}{hint}")
        catchments = {name: self.catchments[name] for name in ids}
        below = {catchment.toid for catchment in catchments.values()}
        return replace(
            self,
            catchments=catchments,
            nexuses={n: x for n, x in self.nexuses.items() if n in below},
            attributes={n: x for n, x in self.attributes.items() if n in catchments},
            left_out={},
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
    if catchments.is_dir():
        raise DataError(f"{catchments}: is a folder, expected a file")
    if not catchments.is_file():
        raise ConfigError(f"{catchments}: no such file")
    if catchments.suffix.lower() == ".gpkg":
        return _read_geopackage(catchments)
    rows = list(_features(catchments))
    if nexuses is None:
        below = (identifier(p.get("toid")) for _, p in rows)
        points = [Nexus(id=n) for n in dict.fromkeys(below) if n]
    else:
        points = [
            Nexus(id=n, toid=str(p.get("toid", "")), kind=str(p.get("nexus_type", "")))
            for n, p in _features(nexuses)
        ]
    return _domain(catchments, rows, points, nexus_path=nexuses)


def _domain(
    path: Path,
    rows: Iterable[tuple[str, dict[str, Any]]],
    points: Iterable[Nexus],
    **more: Any,
) -> Hydrofabric:
    """Return the divides that can be run, and why others cannot."""
    nexuses = {nexus.id: nexus for nexus in points}
    catchments: dict[str, Catchment] = {}
    left_out: dict[str, str] = {}
    place: dict[str, int] = {}
    for number, (name, properties) in enumerate(rows):
        if name in place:
            raise DataError(
                f"{path}: catchment {name!r} is given twice, in row {place[name]} and "
                f"row {number} of its layer"
            )
        place[name] = number
        reason = _unusable(properties, nexuses)
        if reason:
            left_out[name] = reason
            continue
        catchments[name] = Catchment(
            id=name,
            toid=identifier(properties["toid"]),
            area_km2=float(_area(properties)),
            properties=properties,
        )
    if not catchments:
        why = ""
        if left_out:
            name, reason = next(iter(left_out.items()))
            why = f" that can be run; catchment {name!r}: {reason}"
        raise DataError(f"{path}: no catchments{why}")
    return Hydrofabric(
        path=path, catchments=catchments, nexuses=nexuses, left_out=left_out, **more
    )


def _area(properties: Mapping[str, Any]) -> Any:
    return properties.get("areasqkm", properties.get("area_sqkm"))


def _unusable(properties: Mapping[str, Any], nexuses: Mapping[str, Nexus]) -> str:
    """Return why a divide cannot be run; empty where it can."""
    area = _area(properties)
    number = isinstance(area, int | float) and not isinstance(area, bool)
    if not number or not 0 < area <= AREA.limits[1]:
        return (
            f"no area: areasqkm: found {area!r}, expected a number above 0 and at most "
            f"{AREA.limits[1]:g}"
        )
    other = properties.get("area_sqkm", area)
    if other != area:
        return f"two areas: areasqkm is {area}, area_sqkm {other}"
    below = identifier(properties.get("toid"))
    if not below:
        nexus = properties.get("toid")
        return f"no nexus below: toid: found {nexus!r}, expected a nexus"
    if below not in nexuses:
        return (
            f"no nexus of the file below: drains to {below!r}, which is not among the "
            f"{len(nexuses)} nexuses"
        )
    return ""


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
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise DataError(f"{path}: not a GeoPackage and not JSON: {error}") from None
    features = data.get("features") if isinstance(data, dict) else None
    if not isinstance(features, list):
        raise DataError(f"{path}: expected a GeoJSON collection with 'features'")
    return features


def feature_id(feature: dict[str, Any]) -> Any:
    """Return the identifier of a feature."""
    properties = feature.get("properties")
    inner = properties.get("id") if isinstance(properties, dict) else None
    return feature.get("id", inner)


def _features(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield identifier and properties of the features of a GeoJSON file."""
    for number, feature in enumerate(read_features(path)):
        if not isinstance(feature, dict):
            raise DataError(f"{path}: feature {number}: found {feature!r}")
        name = identifier(feature_id(feature))
        if not name:
            raise DataError(
                f"{path}: feature {number}: id: found {feature_id(feature)!r}, "
                "expected a name"
            )
        properties = feature.get("properties") or {}
        if not isinstance(properties, dict):
            raise DataError(f"{path}: feature {number}: properties: no mapping")
        yield name, properties


def _read_geopackage(path: Path) -> Hydrofabric:
    with opened(path) as connection:
        divides = []
        for number, row in enumerate(rows_of(connection, path, "divides")):
            if "divide_id" not in row:
                hint = suggestion("divide_id", row)
                raise DataError(f"{path}: divides: no column 'divide_id'{hint}")
            name = identifier(row["divide_id"])
            if not name:
                raise DataError(
                    f"{path}: divides: row {number}: divide_id: found "
                    f"{shown(row['divide_id'])}, expected a name"
                )
            divides.append((name, row))
        points = [
            Nexus(
                id=identifier(r.get("id")),
                toid=identifier(r.get("toid")),
                kind=str(r.get("type") or ""),
            )
            for r in rows_of(connection, path, "nexus")
        ]
        tables = tables_of(connection)
        attributes = _attributes(connection, path, tables)
        reference = reference_of(connection, "divides")
        altitudes = _altitudes(connection, path, tables)
    domain = _domain(path, divides, points, reference=reference, altitudes=altitudes)
    matched = match(list(domain.catchments), list(attributes))
    rows = list(attributes.values())
    by_name = {name: rows[place] for name, place in matched.places.items()}
    return replace(domain, attributes=by_name)


def _attributes(
    connection: sqlite3.Connection, path: Path, tables: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Return the rows of ``divide-attributes`` by the name of the divide."""
    by_name: dict[str, dict[str, Any]] = {}
    place: dict[str, int] = {}
    if "divide-attributes" not in tables:
        return by_name
    for number, row in enumerate(rows_of(connection, path, "divide-attributes")):
        name = identifier(row.get("divide_id"))
        if name in by_name and row != by_name[name]:
            raise DataError(
                f"{path}: divide-attributes: {name!r} is given twice, in row "
                f"{place[name]} and row {number}"
            )
        by_name[name], place[name] = row, number
    return by_name


def _altitudes(
    connection: sqlite3.Connection, path: Path, tables: Collection[str]
) -> dict[str, float]:
    """Return the altitude of the flowpaths, m."""
    if "flowpath-attributes" not in tables:
        return {}
    rows = rows_of(connection, path, "flowpath-attributes")
    return {
        identifier(row.get("link", row.get("id"))): float(row["alt"])
        for row in rows
        if isinstance(row.get("alt"), int | float)
    }
