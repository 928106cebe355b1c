"""A small river, and files of all kinds that hold it, in any order of rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from bmi_dmx.models.rivers.formats import River

__all__ = [
    "MADE", "WRITERS", "Made", "by_id", "geopackage", "lake_file", "netcdf", "rapid",
    "reach_csv", "route_link", "segments", "store",
]  # fmt: skip


@dataclass(frozen=True)
class Made:
    """Reaches as a file lists them."""

    ids: Sequence[int]
    below: Sequence[int]
    length: Sequence[float]
    slope: Sequence[float]
    area: Sequence[float]

    def ordered(self, order: Sequence[int]) -> Made:
        """Return the same reaches in another order."""
        return Made(*(
            [values[k] for k in order]
            for values in (self.ids, self.below, self.length, self.slope, self.area)
        ))  # fmt: skip

    def having(self, **others: Sequence[Any]) -> Made:
        """Return the river with other numbers."""
        return replace(self, **others)


MADE = Made(
    ids=[71, 5, 30, 9, 2, 44],
    below=[30, 30, 9, 0, 9, 2],
    length=[1000.0, 2500.0, 800.0, 4000.0, 1200.0, 60.0],
    slope=[0.01, 0.02, 0.004, 0.001, 0.03, 0.005],
    area=[10.0, 5.0, 2.0, 8.0, 6.0, 1.0],
)
"""71 and 5 into 30, 44 into 2, these two into 9; neither sorted nor upstream first."""

DRAINED = {71: 10.0, 5: 5.0, 30: 17.0, 44: 1.0, 2: 7.0, 9: 32.0}
"""Drainage areas of these reaches."""


def netcdf(path: Path, dimensions: Mapping[str, int], variables: Mapping[str, Any]) -> (
    Path
):  # fmt: skip
    """Write a NetCDF file of variables: dimensions, values, attributes."""
    with netCDF4.Dataset(path, "w") as file:
        for name, size in dimensions.items():
            file.createDimension(name, size)
        for name, (along, values, attributes) in variables.items():
            array = np.asarray(values)
            kind = str if array.dtype.kind in "UO" else array.dtype
            fill = attributes.get("_FillValue")
            variable = file.createVariable(name, kind, along, fill_value=fill)
            variable.setncatts({k: v for k, v in attributes.items()
                                if k != "_FillValue"})  # fmt: skip
            variable[:] = array
    return path


def reach_netcdf(folder: Path, river: Made) -> Path:
    """Write a table in the manner of MERIT-Basins."""
    return netcdf(folder / "reaches.nc", {"reach": len(river.ids), "gauge": 1}, {
        "reach_id": (("reach",), river.ids, {"cf_role": "timeseries_id"}),
        "down_id": (("reach",), [b or -1 for b in river.below], {}),
        "length": (("reach",), np.divide(river.length, 1e3), {"units": "km"}),
        "slope": (("reach",), river.slope, {"units": "1"}),
        "area": (("reach",), river.area, {"units": "km2"}),
        "gauge_id": (("gauge",), np.array(["01000030"], object), {}),
        "gauge_reach_id": (("gauge",), [30], {}),
        "gauge_area": (("gauge",), [16.0], {"units": "km2"}),
    })  # fmt: skip


def reach_csv(folder: Path, river: Made) -> Path:
    """Write a table of text."""
    rows = [
        f"{i},{b},{x},{s},{a},{'01000030' if i == 30 else ''}"
        for i, b, x, s, a in zip(
            river.ids, river.below, river.length, river.slope, river.area, strict=True
        )
    ]
    text = "COMID,NextDownID,length[m],slope[1],unitarea[km2],gage\n"
    path = folder / "reaches.csv"
    path.write_text(text + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def characters(words: Sequence[str], length: int = 15) -> Any:
    """Return words as the padded characters of a NetCDF file."""
    padded = [word.rjust(length).encode() for word in words]
    return np.array([list(word) for word in padded], "u1").view("S1")


def route_link(folder: Path, river: Made) -> Path:
    """Write links of the National Water Model, of which 30 and 2 lie in lakes."""
    size = len(river.ids)
    lake = {30: 800, 2: 900}
    gages = characters(["01000030" if i == 30 else "" for i in river.ids])
    along = ("feature_id",)
    plain = {
        "Length": river.length, "So": river.slope, "ChSlp": np.full(size, 0.5),
        "n": np.full(size, 0.06), "nCC": np.full(size, 0.12),
        "BtmWdth": np.full(size, 5.0), "TopWdth": np.full(size, 9.0),
        "TopWdthCC": np.full(size, 27.0), "MusX": np.full(size, 0.2),
        "MusK": np.full(size, 3600.0),
    }  # fmt: skip
    return netcdf(folder / "RouteLink.nc", {"feature_id": size, "IDLength": 15}, {
        "link": (along, river.ids, {}),
        "to": (along, river.below, {}),
        **{name: (along, values, {}) for name, values in plain.items()},
        "NHDWaterbodyComID": (along, [lake.get(i, -9999) for i in river.ids], {}),
        "gages": (("feature_id", "IDLength"), gages, {}),
    })  # fmt: skip


def lake_file(folder: Path, ids: Sequence[int] = (900, 800)) -> Path:
    """Write a table of lakes, in another order than the reaches name them."""
    along = ("feature_id",)
    return netcdf(folder / "LAKEPARM.nc", {"feature_id": len(ids)}, {
        "lake_id": (along, list(ids), {}),
        "LkArea": (along, [i / 100 for i in ids], {"units": "km^2"}),
        "WeirE": (along, [i / 10 for i in ids], {"units": "m"}),
        "WeirC": (along, [0.4 for _ in ids], {}),
    })  # fmt: skip


def store(folder: Path, river: Made, *, gauges: bool = False) -> Path:
    """Write a sparse matrix in a Zarr store, or one group for a gauge."""
    import zarr

    path = folder / ("gauges.zarr" if gauges else "river.zarr")
    place = {name: k for k, name in enumerate(river.ids)}
    pairs = [(place[b], place[i]) for i, b in zip(river.ids, river.below, strict=True)
             if b]  # fmt: skip
    root: Any = zarr.open_group(str(path), mode="w", zarr_format=3)
    if gauges:
        root = root.create_group("01000030")
        root.attrs.update({"gage_catchment": 30, "gage_idx": place[30]})
        pairs = [pair for pair in pairs if pair[0] == place[30]]
    root.attrs.update({"format": "COO", "shape": [len(place)] * 2})
    arrays = {
        "indices_0": np.array([row for row, _ in pairs], "i4"),
        "indices_1": np.array([column for _, column in pairs], "i4"),
        "values": np.ones(len(pairs), "u1"),
        "order": np.array(river.ids, "i4"),
        "length_m": np.array(river.length, "f4"),
        "slope": np.array(river.slope, "f4"),
    }
    for name, values in arrays.items():
        root.create_array(name, data=values)
    return path


def rapid(folder: Path, river: Made) -> Path:
    """Write connectivity of RAPID."""
    rows = []
    for i, b in zip(river.ids, river.below, strict=True):
        above = [k for k, to in zip(river.ids, river.below, strict=True) if to == i]
        filled = [*above, 0, 0, 0][:3]
        rows.append(",".join(map(str, [i, b, len(above), *filled])))
    path = folder / "rapid_connect.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def segments(folder: Path, river: Made) -> Path:
    """Write segments of the National Hydrologic Model, with two units of land each."""
    size = len(river.ids)
    number = {name: k + 1 for k, name in enumerate(river.ids)}
    land = [(1000 + i, number[i], a / 2) for i, a in zip(river.ids, river.area,
            strict=True)]  # fmt: skip
    land += [(2000 + i, number[i], a / 2) for i, a in zip(river.ids, river.area,
             strict=True)]  # fmt: skip
    land.append((3000, 0, 7.0))
    dimensions = {"segment": size, "hru": len(land), "gauge": 1}
    return netcdf(folder / "segments.nc", dimensions, {
        "segment_id": (("segment",), river.ids, {}),
        "segment_downstream": (("segment",), [number.get(b, 0) for b in river.below],
                               {}),
        "segment_length": (("segment",), river.length, {"units": "m"}),
        "segment_slope": (("segment",), river.slope, {"units": "1"}),
        "hru_id": (("hru",), [i for i, _, _ in land], {}),
        "hru_segment": (("hru",), [s for _, s, _ in land], {}),
        "hru_area": (("hru",), [a for _, _, a in land], {"units": "km2"}),
        "gauge_id": (("gauge",), np.array(["01000030"], object), {}),
        "gauge_segment": (("gauge",), [number[30]], {}),
        "gauge_area": (("gauge",), [16.0], {"units": "km2"}),
    })  # fmt: skip


TABLES = {
    "flowpaths": "id TEXT, toid TEXT, lengthkm REAL, areasqkm REAL, "
                 "tot_drainage_areasqkm REAL, geom BLOB",
    "nexus": "id TEXT, toid TEXT",
    "divides": "divide_id TEXT, id TEXT, areasqkm REAL",
    "flowpath-attributes": "link TEXT, Length_m REAL, So REAL, n REAL, gage TEXT, "
                           "gage_nex_id TEXT, WaterbodyID TEXT",
    "lakes": "lake_id REAL, LkArea REAL, WeirE REAL",
}  # fmt: skip


def geopackage(
    folder: Path, river: Made, more: Mapping[str, Sequence[Sequence[Any]]] = {}
) -> Path:
    """Write a hydrofabric: a nexus for each reach that something drains into.

    Parameters
    ----------
    folder, made
        As of others.
    more : mapping of str to rows
        Further rows of tables.
    """
    into = {b: f"nex-{b}" for b in river.below if b} | {0: "nex-1000"}
    rows: dict[str, list[Sequence[Any]]] = {
        "flowpaths": [
            (f"wb-{i}", into[b], x / 1e3, a, DRAINED[i], None)
            for i, b, x, a in zip(
                river.ids, river.below, river.length, river.area, strict=True
            )
        ],
        "nexus": [(n, f"wb-{b}") for b, n in into.items() if b]
        + [("nex-1000", "wb-1000")],
        "divides": [
            (f"cat-{i}", f"wb-{i}", a)
            for i, a in zip(river.ids, river.area, strict=True)
        ],
        "flowpath-attributes": [
            (f"wb-{i}", x, s, 0.06, "01000030" if i == 30 else None,
             into[9] if i == 30 else None, "800" if i == 30 else None)
            for i, x, s in zip(river.ids, river.length, river.slope, strict=True)
        ],
        "lakes": [(800.0, 8.0, 80.0)],
    }  # fmt: skip
    path = folder / "river.gpkg"
    with closing(sqlite3.connect(path)) as connection:
        for table, columns in TABLES.items():
            connection.execute(f'CREATE TABLE "{table}" ({columns})')
            marks = ", ".join("?" * (columns.count(",") + 1))
            connection.executemany(
                f'INSERT INTO "{table}" VALUES ({marks})',
                [*rows[table], *more.get(table, ())],
            )
        connection.commit()
    return path


WRITERS: dict[str, Callable[[Path, Made], Path]] = {
    "netcdf": reach_netcdf,
    "csv": reach_csv,
    "route_link": route_link,
    "store": store,
    "rapid": rapid,
    "segments": segments,
    "geopackage": geopackage,
}
"""All kinds of files, each written in the order of the reaches."""


def by_id(river: River) -> Any:
    """Return all that a river holds by the names of its reaches."""
    ids = river.tree.ids
    return {
        "below": {
            name: ids[k] if k >= 0 else ""
            for name, k in zip(ids, river.tree.downstream.tolist(), strict=True)
        },
        "attributes": {
            title: dict(zip(ids, values.tolist(), strict=True))
            for title, values in river.attributes.items()
        },
        "units": river.units,
        "gauges": river.gauges,
        "areas": river.gauge_areas,
        "entering": river.entering,
        "lakes": None
        if river.lakes is None
        else dict(zip(river.lakes.ids, river.lakes.outlets, strict=True)),
    }
