"""A small domain to try things on: the Beaver Kill in the Delaware River Basin.

It is made of the sample data of the package, in the layout of hydrofabric 2.2, with two
years of hourly forcing. It is no real hydrofabric and no hourly record: outlines are
squares of the right area, and daily values are spread over their hours.
"""

from __future__ import annotations

import math
import sqlite3
import struct
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from ..data.projection import to_conus_albers
from ..files import atomic
from .fields import FIELDS, PRECIPITATION, TEMPERATURE
from .forcing import Array
from .write_forcing import ForcingFile

__all__ = ["make_sample"]

_GAUGE = "01420500"
"""Beaver Kill at Cooks Falls: eight catchments, 631 km2, no dam above."""

_COARSE_SLOPE = 0.27
"""Slope as the model's training data measure it, relative to that in the file."""

_WARMEST = 15.0
"""Hour of the day (local solar time) at which the highest temperature is reached."""

_CATCHMENTS, _FORCING = "sample.gpkg", "forcing.nc"


@dataclass(frozen=True)
class _Reach:
    """A segment of the river and the land that drains into it."""

    number: int
    below: int
    area: float
    drainage: float
    elevation: float
    slope: float
    latitude: float
    longitude: float
    length: float
    bed_slope: float
    roughness: float
    width: float
    weights: Array


def make_sample(folder: Path) -> tuple[Path, Path]:
    """Write the sample domain.

    Parameters
    ----------
    folder : Path
        Made if needed.

    Returns
    -------
    hydrofabric, forcing : Path
        A GeoPackage with layers ``divides``, ``nexus``, ``flowpaths``, ``network``,
        ``flowpath-attributes`` and ``divide-attributes``, and a NetCDF file of 1979 and
        1980.

    Notes
    -----
    Precipitation falls evenly over the hours of its day; temperature is a cosine
    between the extremes of the day.
    """
    source = Path(str(files("bmi_dmx") / "data" / "delaware_1979_1980.nc"))
    folder.mkdir(parents=True, exist_ok=True)
    hydrofabric, forcing = folder / _CATCHMENTS, folder / _FORCING
    with netCDF4.Dataset(source) as data:
        reaches = _reaches(data)
        with atomic(hydrofabric) as temporary:
            _write_hydrofabric(temporary, reaches)
        with atomic(forcing) as temporary:
            _write_forcing(temporary, data, reaches)
    return hydrofabric, forcing


def _reaches(data: Any) -> list[_Reach]:
    """Return the segments above the gauge, each with all that drains into it."""
    below = data["segment_downstream"][:].filled()
    at = int(np.flatnonzero(data["gauge_id"][:] == _GAUGE)[0])
    segments = [int(data["gauge_segment"][at]) - 1]
    for segment in segments:
        segments.extend(np.flatnonzero(below == segment + 1).tolist())
    number = {k: int(data["segment_id"][k]) for k in segments}
    units = {
        k: np.flatnonzero(data["hru_segment"][:].filled() == k + 1) for k in segments
    }
    area = {k: float(data["hru_area"][units[k]].sum()) for k in segments}
    reaches = []
    for k in segments:
        weights = np.zeros(len(data.dimensions["hru"]))
        weights[units[k]] = data["hru_area"][units[k]] / area[k]

        def mean(name: str, weights: Array = weights) -> float:
            return float(weights @ data[name][:])

        reaches.append(
            _Reach(
                number=number[k],
                below=number.get(int(below[k]) - 1, 0),
                area=area[k],
                drainage=sum(area[j] for j in _above(k, below, segments)),
                elevation=mean("hru_elev"),
                slope=_COARSE_SLOPE * mean("hru_slope"),
                latitude=mean("hru_lat"),
                longitude=mean("hru_lon"),
                length=float(data["segment_length"][k]),
                bed_slope=float(data["segment_slope"][k]),
                roughness=float(data["segment_manning_n"][k]),
                width=float(data["segment_width"][k]),
                weights=weights,
            )
        )
    return reaches


def _above(segment: int, below: Any, segments: Sequence[int]) -> list[int]:
    """Return a segment and those that drain into it."""
    upstream = [segment]
    for k in upstream:
        upstream += [j for j in segments if below[j] == k + 1]
    return upstream


# Outlet: it has a nexus, but no flowpath below it.
def _nexus(reach: _Reach) -> str:
    return f"nex-{reach.below}" if reach.below else f"tnx-{reach.number}"


_CORE = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL,
  srs_id INTEGER NOT NULL PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL,
  description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY,
  data_type TEXT NOT NULL, identifier TEXT UNIQUE, description TEXT DEFAULT '',
  last_change DATETIME NOT NULL, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE,
  max_y DOUBLE, srs_id INTEGER);
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL,
  column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
  srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
  PRIMARY KEY (table_name, column_name));
PRAGMA application_id = 1196444487;
PRAGMA user_version = 10300;
"""

_SYSTEMS = (
    ("Undefined Cartesian SRS", -1, "NONE", -1, "undefined", ""),
    ("Undefined geographic SRS", 0, "NONE", 0, "undefined", ""),
    ("NAD83 / Conus Albers", 5070, "EPSG", 5070, "EPSG:5070", ""),
)

_KINDS = {int: "INTEGER", float: "REAL", str: "TEXT", bytes: "BLOB"}

_DATE = "1980-12-31T00:00:00.000Z"


def _write_hydrofabric(path: Path, reaches: Sequence[_Reach]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_CORE)
        connection.executemany(
            "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", _SYSTEMS
        )
        _layer(connection, "divides", [_divide(r) for r in reaches], "POLYGON")
        _layer(connection, "nexus", _nexuses(reaches), "POINT")
        flowpaths = [_flowpath(r) for r in reaches]
        _layer(connection, "flowpaths", flowpaths, "LINESTRING")
        _layer(connection, "network", [_link(r) for r in reaches])
        _layer(connection, "flowpath-attributes", [_channel(r) for r in reaches])
        _layer(connection, "divide-attributes", [_attributes(r) for r in reaches])
        connection.commit()


def _layer(
    connection: sqlite3.Connection,
    name: str,
    rows: Sequence[dict[str, Any]],
    geometry: str = "",
) -> None:
    columns = ", ".join(f'"{k}" {_KINDS[type(v)]}' for k, v in rows[0].items())
    connection.execute(f'CREATE TABLE "{name}" (fid INTEGER PRIMARY KEY, {columns})')
    marks = ", ".join("?" * (len(rows[0]) + 1))
    connection.executemany(
        f'INSERT INTO "{name}" VALUES ({marks})',
        [(k, *row.values()) for k, row in enumerate(rows, 1)],
    )
    kind, system = ("features", 5070) if geometry else ("attributes", None)
    connection.execute(
        "INSERT INTO gpkg_contents VALUES (?, ?, ?, '', ?, NULL, NULL, NULL, NULL, ?)",
        (name, kind, name, _DATE, system),
    )
    if geometry:
        connection.execute(
            "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, 5070, 0, 0)",
            (name, geometry),
        )


def _blob(kind: int, points: Iterable[tuple[float, float]]) -> bytes:
    """Return a geometry as GeoPackages store it (a header and well-known binary)."""
    listed = list(points)
    header = b"GP\0\1" + struct.pack("<i", 5070) + struct.pack("<BI", 1, kind)
    counts = {1: b"", 2: struct.pack("<I", len(listed))}
    body = b"".join(struct.pack("<2d", *point) for point in listed)
    return header + counts.get(kind, struct.pack("<2I", 1, len(listed))) + body


_POINT, _LINE, _POLYGON = 1, 2, 3


def _divide(reach: _Reach) -> dict[str, Any]:
    x, y = to_conus_albers(reach.latitude, reach.longitude)
    half = 500.0 * math.sqrt(reach.area)
    corners = ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
    outline = [(x + half * i, y + half * j) for i, j in corners]
    return {
        "geom": _blob(_POLYGON, outline),
        "divide_id": f"cat-{reach.number}",
        "toid": _nexus(reach),
        "type": "network",
        "areasqkm": reach.area,
        "vpuid": "02",
        "id": f"wb-{reach.number}",
        "lengthkm": reach.length / 1000.0,
        "tot_drainage_areasqkm": reach.drainage,
        "has_flowline": 1,
    }


def _nexuses(reaches: Sequence[_Reach]) -> list[dict[str, Any]]:
    nexuses = {}
    for reach in reaches:
        point = to_conus_albers(reach.latitude, reach.longitude)
        nexuses[_nexus(reach)] = {
            "geom": _blob(_POINT, [point]),
            "id": _nexus(reach),
            "toid": f"wb-{reach.below}",
            "type": "nexus" if reach.below else "terminal",
            "vpuid": "02",
        }
    return list(nexuses.values())


def _flowpath(reach: _Reach) -> dict[str, Any]:
    x, y = to_conus_albers(reach.latitude, reach.longitude)
    return {
        "geom": _blob(_LINE, [(x, y), (x, y - reach.length)]),
        "id": f"wb-{reach.number}",
        "toid": _nexus(reach),
        "lengthkm": reach.length / 1000.0,
        "areasqkm": reach.area,
        "tot_drainage_areasqkm": reach.drainage,
        "divide_id": f"cat-{reach.number}",
        "vpuid": "02",
    }


def _link(reach: _Reach) -> dict[str, Any]:
    return {
        "id": f"wb-{reach.number}",
        "toid": _nexus(reach),
        "divide_id": f"cat-{reach.number}",
        "lengthkm": reach.length / 1000.0,
        "areasqkm": reach.area,
        "tot_drainage_areasqkm": reach.drainage,
        "hl_uri": "" if reach.below else f"gages-{_GAUGE}",
    }


def _channel(reach: _Reach) -> dict[str, Any]:
    return {
        "id": f"wb-{reach.number}",
        "Length_m": reach.length,
        "So": reach.bed_slope,
        "n": reach.roughness,
        "TopWdth": reach.width,
        "vpuid": "02",
    }


def _attributes(reach: _Reach) -> dict[str, Any]:
    """Return a row of attributes in the units, odd as they are, of the layer."""
    x, y = to_conus_albers(reach.latitude, reach.longitude)
    return {
        "divide_id": f"cat-{reach.number}",
        "centroid_x": x,
        "centroid_y": y,
        "mean.elevation": 100.0 * reach.elevation,
        "mean.slope": math.degrees(math.atan(100.0 * reach.slope)),
        "vpuid": "02",
    }


def _write_forcing(path: Path, data: Any, reaches: Sequence[_Reach]) -> None:
    weights = np.array([reach.weights for reach in reaches])
    daily = {n: (weights @ data[n][:].filled()).T for n in ("prcp", "tmin", "tmax")}
    hour = np.arange(24)
    # The warmest hour in UTC, at the longitude of each catchment.
    warmest = np.array([_WARMEST - reach.longitude / 15.0 for reach in reaches])
    course = np.cos(2.0 * np.pi * (hour[:, None] - warmest) / 24.0)
    mean, half = (
        0.5 * (daily["tmax"] + sign * daily["tmin"])[:, None] for sign in (1, -1)
    )
    temperature = (mean + half * course).reshape(-1, len(reaches)) + 273.15
    rain = np.repeat(daily["prcp"] / 86400.0, 24, axis=0)
    first = np.datetime64(data["time"].units.removeprefix("days since "), "s")
    start = int(first.astype(np.int64))
    ids = [f"cat-{reach.number}" for reach in reaches]
    fields = {field.alias: field for field in FIELDS}
    series = {fields[PRECIPITATION]: rain, fields[TEMPERATURE]: temperature}
    units = {field.name: field.units for field in series}
    file = ForcingFile(path, ids, start, len(rain), units)
    try:
        for field, values in series.items():
            file.write(field.name, 0, values)
    finally:
        file.close()
