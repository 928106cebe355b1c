"""Basins to learn from: a NetCDF file, and the trees of CAMELS and Caravan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bmi_dmx.trainer.tasks.basins.data import DataSpec
from bmi_dmx.trainer.tasks.basins.data import read as read_data

from . import netcdf_files as nc
from .netcdf_files import NetcdfFile, Times, Values
from .places import MARKED
from .squares import (
    Never,
    Other,
    Reader,
    Refused,
    Same,
    Trial,
    emptied,
    flipped,
    made_a_folder,
    truncated,
)  # fmt: skip

GAUGES = ["01013500", "01022500", "01030500", "01031500", "01047000"]
DAYS = 20
START = np.datetime64("1980-10-01T00:00:00")
RAIN, FLOW, DEPTH = "precipitation", "streamflow", "soil_depth"


def series() -> dict[str, Any]:
    """Return weather and flow, (basin, day)."""
    places, days = np.arange(1.0, 6.0), np.arange(DAYS)
    warm = np.add.outer(places, 0.5 * days)
    return {
        RAIN: np.outer(places, np.where(days % 5 == 0, 0.0, 3.0 + 0.25 * days)),
        "air_temperature_min": warm - 4.0,
        "air_temperature_max": warm + 4.0,
        FLOW: np.outer(places, 1.0 + 0.125 * days),
    }


CONSTANTS = {
    "area_km2": [50.0, 60.0, 75.0, 90.0, 120.0],
    "latitude": [40.0, 41.0, 42.0, 43.0, 44.0],
    DEPTH: [1.0, 1.25, 1.5, 1.75, 2.0],
}
UNITS = {"area_km2": "km2", "latitude": "degrees_north", DEPTH: "m"}


def expected() -> dict[str, Any]:
    """Return what all readers must give."""
    times = START + np.arange(DAYS) * np.timedelta64(1, "D")
    return {
        "ids": GAUGES,
        "time": [str(t)[:10] for t in times],
        **series(),
        **CONSTANTS,
    }


def read(path: Path, **keys: Any) -> tuple[dict[str, Any], list[str]]:
    """Read as a training does."""
    spec = DataSpec(path=str(path), attributes="file", **keys)
    data = read_data(spec, path.parent)
    forcing = {name: data.forcing[name].T for name in series() if name in data.forcing}
    attributes = {n: data.attributes[n] for n in CONSTANTS if n in data.attributes}
    about = {"ids": data.ids.tolist(), "time": [str(t) for t in data.time]}
    return {**about, **forcing, FLOW: data.target.T, **attributes}, []


# One NetCDF file


def netcdf() -> NetcdfFile:
    """Return the usual file."""
    times = START + np.arange(DAYS) * np.timedelta64(86400, "s")
    values = {
        name: Values("degC" if "air" in name else "mm d-1", x, "f8")
        for name, x in series().items()
    }
    constants = {n: Values(UNITS[n], x, "f8") for n, x in CONSTANTS.items()}
    return NetcdfFile(
        list(GAUGES), "gauge", "basin", Times(times), values, constants, role=True
    )


def unknown(name: str) -> Callable[[dict[str, Any]], object]:
    """Let the number that was changed not be known."""

    def change(numbers: dict[str, Any]) -> None:
        values = np.array(numbers[name], dtype=float)
        values[(-1, 2) if values.ndim > 1 else (1,)] = np.nan
        numbers[name] = values

    return change


def numbered(numbers: dict[str, Any]) -> None:
    """Let identifiers have lost their leading zeros."""
    numbers["ids"] = [name.lstrip("0") for name in GAUGES]


def dry(numbers: dict[str, Any]) -> None:
    """Let the number that was changed be none."""
    values = numbers[RAIN].copy()
    values[-1, 2] = 0.0
    numbers[RAIN] = values


def deep(numbers: dict[str, Any]) -> None:
    """Let one soil be as deep as the sea."""
    numbers[DEPTH] = [1.0, 4000.0, 1.5, 1.75, 2.0]


GONE = "is missing on 1980-10-03"

BASIN_FILE = Reader(
    netcdf,
    "basins.nc",
    read,
    expected,
    {
        "offset": Trial(lambda f: (nc.offset(f), nc.unit("minutes")(f)), Same()),
        "days since": Trial(nc.unit("days"), Same()),
        "hours since": Trial(nc.unit("hours"), Same()),
        "minutes since": Trial(nc.unit("minutes"), Same()),
        "middle, bounds": Trial(nc.stamped(0.5, bounds=True), Same()),
        "end, bounds": Trial(nc.stamped(1.0, bounds=True), Same()),
        "middle": Trial(
            nc.stamped(0.5, bounds=False),
            Same("are taken for the middles of steps of 1 d"),
        ),
        "single precision": Trial(nc.single, Same()),
        "other calendar": Trial(
            nc.calendar("noleap"), Refused("time: calendar 'noleap'")
        ),
        "gap": Trial(
            nc.gap, Refused("do not follow each other evenly: .*1 is missing")
        ),
        "time twice": Trial(
            nc.twice, Refused("1980-10-03 00:00:00 is given twice, in entries")
        ),
        "falling times": Trial(nc.falling, Refused("the times do not increase")),
        "times of places differ": Trial(
            nc.differing, Refused("entry 4 has others than entry 0")
        ),
        "bytes": Trial(nc.characters, Same()),
        "integers": Trial(
            nc.integers,
            Other(numbered, "identifiers are numbers, which have no leading"),
        ),
        "padded": Trial(nc.named("{name}  "), Same()),
        "leading zeros": Trial(nc.named("0{number}"), Same()),
        "id twice": Trial(
            nc.repeated, Refused("gauge: '01013500' is given twice, in entry 0 and")
        ),
        "field twice": (
            Trial(
                nc.copied(RAIN, "prcp"),
                Same("'prcp' are both precipitation; 'precipitation' is used"),
            ),
            Trial(
                nc.copied(FLOW, "qobs"),
                Same("'qobs' are both observed streamflow; 'streamflow' is used"),
            ),
        ),
        "units absent": (
            Trial(nc.units(RAIN, ""), Refused("variable 'precipitation' has no units")),
            Trial(
                nc.units("area_km2", ""), Refused("'area_km2' has no units, not 'km2'")
            ),
        ),
        "units of something else": Trial(
            nc.units(RAIN, "K"), Refused("variable 'precipitation': units 'K'")
        ),
        "`name [units]`": Never("units of a variable are an attribute of it"),
        "declared fill": (
            Trial(nc.number(RAIN, -1.0, -1.0), Refused(GONE)),
            Trial(nc.number(FLOW, -1.0, -1.0), Other(unknown(FLOW))),
            Trial(nc.number(DEPTH, -1.0, -1.0), Other(unknown(DEPTH))),
        ),
        "-9999": (
            Trial(nc.number(RAIN, -9999.0), Refused(GONE)),
            Trial(nc.number(FLOW, -9999.0), Other(unknown(FLOW), MARKED)),
            Trial(nc.number(DEPTH, -9999.0), Other(unknown(DEPTH), MARKED)),
        ),
        "1e20": (
            Trial(nc.number(RAIN, 1e20), Refused(GONE)),
            Trial(nc.number(FLOW, 1e20), Other(unknown(FLOW), MARKED)),
            Trial(nc.number(DEPTH, 1e20), Other(unknown(DEPTH), MARKED)),
        ),
        "NetCDF default": (
            Trial(nc.number(RAIN, 9.96921e36, -1.0), Refused(GONE)),
            Trial(nc.number(FLOW, 9.96921e36, -1.0), Other(unknown(FLOW), MARKED)),
            Trial(nc.number(DEPTH, 9.96921e36, -1.0), Other(unknown(DEPTH), MARKED)),
        ),
        "slightly negative": Trial(nc.number(RAIN, -1e-17), Other(dry, "slightly")),
        "attribute far from others": Trial(
            nc.number(DEPTH, 4000.0),
            Other(deep, "far from all others: soil_depth of '01022500' is 4000"),
        ),
        "truncated": Trial(truncated, Refused("not a NetCDF file: "), after=True),
        "damaged": Trial(
            flipped, Refused("cannot be read, the file is damaged"), after=True
        ),
        "empty": Trial(emptied, Refused("not a NetCDF file: "), after=True),
        "folder": Trial(
            made_a_folder, Refused("is a folder, expected a NetCDF file"), after=True
        ),
    },
)
