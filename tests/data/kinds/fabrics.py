"""Hydrofabrics: GeoPackages and GeoJSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bmi_dmx.data.projection import PROJECTIONS, to_conus_albers
from bmi_dmx.ngen.attributes import topography
from bmi_dmx.ngen.hydrofabric import read_hydrofabric

from .forcing import IDS
from .places import TIMELESS
from .squares import (
    Never,
    Other,
    Reader,
    Refused,
    Same,
    Square,
    Trial,
    emptied,
    made_a_folder,
    truncated,
)  # fmt: skip

PLACES = [(40.0, -100.0), (41.0, -99.0), (42.5, -98.0)]
HEIGHT = [100.0, 250.0, 400.0]
ANGLE = [10.0, 20.0, 30.0]
AREAS = [9.0, 12.0, 5.5]


@dataclass
class Fabric:
    """Divides, with what the layer of attributes says of them."""

    ids: list[Any] = field(default_factory=lambda: list(IDS))
    toids: list[Any] = field(default_factory=lambda: ["nex-1"] * 3)
    areas: list[Any] = field(default_factory=lambda: [*AREAS])
    centroids: list[Any] = field(
        default_factory=lambda: [to_conus_albers(*p) for p in PLACES]
    )
    heights: list[Any] = field(default_factory=lambda: [100.0 * h for h in HEIGHT])
    angles: list[Any] = field(default_factory=lambda: [*ANGLE])
    reference: int | None = 5070
    more: dict[str, list[Any]] = field(default_factory=dict)
    journal: bool = False

    def write(self, path: Path) -> None:
        """Write a GeoPackage, or GeoJSON."""
        if path.suffix == ".geojson":
            self._write_features(path)
            return
        connection = sqlite3.connect(path)
        if self.journal:
            connection.execute("PRAGMA journal_mode = wal")
        self._write_layers(connection)
        connection.commit()
        if not self.journal:
            connection.close()
            return
        connection.execute("PRAGMA wal_checkpoint(truncate)")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        # Another program has it open still, so that what it committed is beside it.
        connection.execute("UPDATE divides SET areasqkm = 99 WHERE divide_id = 'cat-2'")
        connection.commit()
        OPEN.append(connection)

    def _write_layers(self, connection: sqlite3.Connection) -> None:
        extra = "".join(f", {name}" for name in self.more)
        connection.execute(
            f"CREATE TABLE divides (fid, geom, divide_id, toid, areasqkm, id{extra})"
        )
        connection.execute("CREATE TABLE nexus (id, toid, type)")
        connection.execute("INSERT INTO nexus VALUES ('nex-1', 'wb-1', 'nexus')")
        connection.execute(
            'CREATE TABLE "divide-attributes" (divide_id, centroid_x, centroid_y, '
            '"mean.elevation", "mean.slope")'
        )
        for k, name in enumerate(self.ids):
            row = [k, b"", name, self.toids[k], self.areas[k], f"wb-{k}"]
            row += [values[k] for values in self.more.values()]
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO divides VALUES ({marks})", row)
            x, y = self.centroids[k]
            row = [name, x, y, self.heights[k], self.angles[k]]
            connection.execute(
                'INSERT INTO "divide-attributes" VALUES (?, ?, ?, ?, ?)', row
            )
        if self.reference is not None:
            connection.execute(
                "CREATE TABLE gpkg_geometry_columns (table_name, srs_id)"
            )
            connection.execute(
                "INSERT INTO gpkg_geometry_columns VALUES ('divides', ?)",
                (self.reference,),
            )

    def _write_features(self, path: Path) -> None:
        features = []
        for k, name in enumerate(self.ids):
            properties = {"toid": self.toids[k], "areasqkm": self.areas[k]}
            properties |= {n: values[k] for n, values in self.more.items()}
            features.append({"type": "Feature", "id": name, "properties": properties})
        content = {"type": "FeatureCollection", "features": features}
        path.write_text(json.dumps(content), encoding="utf-8")


OPEN: list[sqlite3.Connection] = []
"""What another program would have open."""


def read(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read catchments and their topography."""
    fabric = read_hydrofabric(path)
    attributes, remarks = topography(fabric)
    names = {
        "ids": list(fabric.catchments),
        "toids": [c.toid for c in fabric.catchments.values()],
    }
    while OPEN:
        OPEN.pop().close()
    return {**names, **attributes}, [*fabric.remarks, *remarks]


def expected() -> dict[str, Any]:
    """Return what the usual GeoPackage must give."""
    return {
        **outlines(),
        "elevation_mean": HEIGHT,
        "slope_mean": 10.0 * np.tan(np.radians(ANGLE)),
        "latitude": [p[0] for p in PLACES],
        "longitude": [p[1] for p in PLACES],
    }


def outlines() -> dict[str, Any]:
    """Return what the usual GeoJSON must give."""
    return {"ids": IDS, "toids": ["nex-1"] * 3, "area_km2": AREAS}


Change = Callable[[Fabric], object]


def put(name: str, value: Any, at: int = 1) -> Change:
    """Put something into a column."""

    def change(fabric: Fabric) -> None:
        getattr(fabric, name)[at] = value

    return change


def named(edit: Callable[[str], Any]) -> Change:
    """Write identifiers otherwise."""
    return lambda fabric: setattr(fabric, "ids", [edit(n) for n in fabric.ids])


def called(names: list[str]) -> Callable[[dict[str, Any]], object]:
    """Let the places have other names."""
    return lambda numbers: numbers.update(ids=names)


def in_degrees(fabric: Fabric) -> None:
    """Give centroids in degrees, as the declared system has them."""
    fabric.centroids = [(lon, lat) for lat, lon in PLACES]
    fabric.reference = 4269


def undeclared_degrees(fabric: Fabric) -> None:
    """Give centroids in degrees, whatever the declared system."""
    in_degrees(fabric)
    fabric.reference = 5070


def mixed_degrees(fabric: Fabric) -> None:
    """Give one centroid in degrees."""
    fabric.centroids[1] = PLACES[1][::-1]


def projected(number: int) -> Change:
    """Give centroids in another projection."""

    def change(fabric: Fabric) -> None:
        fabric.reference = number
        fabric.centroids = [PROJECTIONS[number].forward(*p) for p in PLACES]

    return change


def in_metres(fabric: Fabric) -> None:
    """Give elevations in metres, of steep land."""
    fabric.heights = [*HEIGHT]
    fabric.angles = [80.0, 85.0, 86.0]


def steep(numbers: dict[str, Any]) -> None:
    """Let slopes be those of steep land."""
    numbers["slope_mean"] = 10.0 * np.tan(np.radians([80.0, 85.0, 86.0]))


def journaled(fabric: Fabric) -> None:
    """Leave a committed edit in a journal."""
    fabric.journal = True


def without(at: int) -> Callable[[dict[str, Any]], object]:
    """Let a place be left out."""

    def change(numbers: dict[str, Any]) -> None:
        for name, values in numbers.items():
            numbers[name] = np.delete(np.asarray(values), at).tolist()

    return change


def unknown(name: str) -> Callable[[dict[str, Any]], object]:
    """Let something be not known of the second place."""

    def change(numbers: dict[str, Any]) -> None:
        numbers[name] = np.array(numbers[name], dtype=float)
        numbers[name][1] = np.nan

    return change


def area(value: float) -> Callable[[dict[str, Any]], object]:
    """Let the second place have another area."""
    return lambda numbers: numbers.update(area_km2=[AREAS[0], value, AREAS[2]])


MARKED = "mean.slope is .*taken for missing though the file does not declare it"
LEFT = "1 of 3 divides are left out: "

FABRIC: dict[str, Square] = {
    **TIMELESS,
    "integers": Trial(named(lambda n: int(n[4:])), Other(called(["1", "2", "3"]))),
    "padded": Trial(named(lambda n: f" {n}  "), Same()),
    "leading zeros": Trial(
        named(lambda n: f"000{n[4:]}"), Other(called(["0001", "0002", "0003"]))
    ),
    "id twice": Trial(
        put("ids", "cat-1"), Refused("'cat-1' is given twice, in row 0 and row 1")
    ),
    "field twice": (
        Trial(
            lambda f: f.more.update(area_sqkm=[1.0, 2.0, 3.0]),
            Refused("areasqkm is 9.0, area_sqkm 1.0"),
        ),
        Trial(lambda f: f.more.update(area_sqkm=[*AREAS]), Same()),
    ),
    **dict.fromkeys(
        ("units absent", "units of something else", "`name [units]`"),
        Never("columns have the units of the hydrofabric; contradictions are seen"),
    ),
    "slightly negative": Never("no amounts in it"),
    "rows that cannot run": (
        Trial(put("areas", 0.0), Other(without(1), LEFT + "no area")),
        Trial(put("areas", None), Other(without(1), LEFT + "no area")),
        Trial(put("areas", -9999.0), Other(without(1), LEFT + "no area")),
        Trial(put("toids", None), Other(without(1), LEFT + "no nexus below")),
    ),
    **dict.fromkeys(
        ("semicolons", "decimal commas", "tabs"), Never("no table of text")
    ),
}

GEOPACKAGE = Reader(
    Fabric,
    "a.gpkg",
    read,
    expected,
    {
        **FABRIC,
        "bytes": Trial(named(str.encode), Same()),
        "declared fill": (
            Trial(put("angles", None), Other(unknown("slope_mean"))),
            Trial(put("angles", float("nan")), Other(unknown("slope_mean"))),
        ),
        "-9999": Trial(put("angles", -9999.0), Other(unknown("slope_mean"), MARKED)),
        "1e20": Trial(put("angles", 1e20), Other(unknown("slope_mean"), MARKED)),
        "NetCDF default": Trial(
            put("angles", 9.969209968386869e36), Other(unknown("slope_mean"), MARKED)
        ),
        "system of degrees": (
            Trial(in_degrees, Same()),
            Trial(
                undeclared_degrees,
                Same("such as -100, 40 are taken for degrees east and north"),
            ),
            Trial(
                mixed_degrees, Refused("of 'cat-2' are degrees, those of others metres")
            ),
        ),
        "system of metres": (
            Trial(projected(6350), Same()),
            Trial(projected(3338), Same()),
            Trial(
                in_metres, Other(steep, "mean.elevation is taken for metres, not cent")
            ),
            Trial(lambda f: setattr(f, "reference", None), Same()),
        ),
        "unknown system": Trial(
            lambda f: setattr(f, "reference", 3857),
            Refused("reference system 3857, expected one of 5070"),
        ),
        "edits in a -wal": Trial(journaled, Other(area(99.0))),
        "not UTF-8": Trial(
            named(lambda n: n.encode() + b"\xfc"),
            Refused("divide_id: found b'cat-1.xfc'"),
        ),
        "truncated": Trial(truncated, Refused("not a GeoPackage: "), after=True),
        "damaged": (
            Trial(
                lambda p: p.write_bytes(
                    p.read_bytes()[:100] + b"\xff" * 400 + p.read_bytes()[500:]
                ),
                Refused("not a GeoPackage: "),
                after=True,
            ),
            Trial(put("angles", "x"), Refused("mean.slope: 'cat-2': found 'x', exp")),
            Trial(put("heights", "x"), Refused("mean.elevation: 'cat-2': found 'x'")),
        ),
        "empty": Trial(emptied, Refused("layer 'divides' is missing"), after=True),
        "folder": Trial(made_a_folder, Refused("is a folder|no such file"), after=True),
    },
)

NO_ATTRIBUTES = "no attributes in it but the area"

GEOJSON = Reader(
    Fabric,
    "a.geojson",
    read,
    outlines,
    {
        **FABRIC,
        "bytes": Never("JSON has text and numbers"),
        **dict.fromkeys(
            ("declared fill", "-9999", "1e20", "NetCDF default"), Never(NO_ATTRIBUTES)
        ),
        "1e20": Trial(put("areas", 1e20), Other(without(1), LEFT + "no area")),
        **dict.fromkeys(
            ("system of degrees", "system of metres", "unknown system"),
            Never("no centroids in it"),
        ),
        "edits in a -wal": Never("a file of text has no journal"),
        "not UTF-8": Trial(
            lambda p: p.write_bytes(p.read_bytes().replace(b"cat-2", b"cat-\xfc")),
            Refused("not UTF-8|not JSON: .*utf-8"),
            after=True,
        ),
        "truncated": Trial(truncated, Refused("not JSON: "), after=True),
        "damaged": Trial(
            lambda p: p.write_bytes(p.read_bytes().replace(b"{", b"\0", 3)),
            Refused("not JSON: "),
            after=True,
        ),
        "empty": Trial(emptied, Refused("not JSON: "), after=True),
        "folder": Trial(made_a_folder, Refused("is a folder|no such file"), after=True),
    },
)
