"""What is known of places: tables, crosswalks, hydrofabrics, files of locations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bmi_dmx.bmi.locations import read_locations
from bmi_dmx.bmi.settings import LocationSettings
from bmi_dmx.ngen.attribute_table import read_attribute_table
from bmi_dmx.ngen.domain import open_domain

from . import netcdf_files as nc
from . import tables as txt
from .forcing import IDS, hydrofabric, netcdf, operation
from .netcdf_files import NetcdfFile, Values
from .squares import (
    Never,
    Other,
    Reader,
    Refused,
    Same,
    Square,
    Trial,
    emptied,
    flipped,
    made_a_folder,
    truncated,
)  # fmt: skip
from .tables import TextTable

HEIGHT, SLOPE = [100.0, 250.0, 400.0], [20.0, 35.0, 60.0]
NO_TIME = "no time in it"

TIMELESS: dict[str, Square] = dict.fromkeys(
    (
        "offset", "days since", "hours since", "minutes since", "middle, bounds",
        "end, bounds", "middle", "single precision", "other calendar", "gap",
        "time twice", "falling times", "times of places differ",
    ),
    Never(NO_TIME),
)  # fmt: skip

# Tables


def attribute_table() -> TextTable:
    """Return the usual table."""
    columns = {"elevation_mean": [*HEIGHT], "slope_mean": [*SLOPE]}
    return TextTable("catchment", list(IDS), columns)


def two_columns() -> dict[str, Any]:
    """Return what tables of the usual kind must give."""
    return {"elevation_mean": HEIGHT, "slope_mean": SLOPE}


def read_attributes(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read a table as prepare and simulate do."""
    return read_attribute_table(path, IDS, operation().understood)


def unknown(name: str) -> Callable[[dict[str, Any]], object]:
    """Let the second place be not known."""

    def change(numbers: dict[str, Any]) -> None:
        numbers[name] = np.array(numbers[name], dtype=float)
        numbers[name][1] = np.nan

    return change


def set_to(name: str, value: float) -> Callable[[dict[str, Any]], object]:
    """Let the second place have a number."""

    def change(numbers: dict[str, Any]) -> None:
        numbers[name] = np.array(numbers[name], dtype=float)
        numbers[name][1] = value

    return change


MARKED = "taken for missing though the file does not declare it"
SPREAD = "slope_mean"

TABLE: dict[str, Square] = {
    **TIMELESS,
    "bytes": Never("a table is text"),
    "integers": Trial(
        txt.keyed(txt.numbered("{number}")), Same("'1' is taken for 'cat-1'")
    ),
    "padded": Trial(txt.keyed(txt.numbered("{name}   ")), Same()),
    "leading zeros": Trial(
        txt.keyed(txt.numbered("{number:08}")), Same("'00000001' is taken for 'cat-1'")
    ),
    "id twice": Trial(
        txt.keyed(txt.repeated),
        Refused("column 'catchment': 'cat-1' is given twice, in rows 2 and 4"),
    ),
    "field twice": Trial(
        txt.copied(SPREAD, f" {SPREAD} "), Refused("column 'slope_mean' is given twice")
    ),
    "units absent": Trial(txt.in_units(SPREAD, ""), Same()),
    "units of something else": Trial(
        txt.in_units(SPREAD, "kg"), Refused("column 'slope_mean.kg.': units")
    ),
    "`name [units]`": Trial(txt.in_units("elevation_mean", "ft", 1 / 0.3048), Same()),
    "declared fill": Trial(txt.cell(SPREAD, "NA"), Other(unknown(SPREAD))),
    "-9999": Trial(txt.cell(SPREAD, -9999.0), Other(unknown(SPREAD), MARKED)),
    "1e20": Trial(txt.cell(SPREAD, 1e20), Other(unknown(SPREAD), MARKED)),
    "NetCDF default": Trial(
        txt.cell(SPREAD, 9.969209968386869e36), Other(unknown(SPREAD), MARKED)
    ),
    "slightly negative": Never("no amounts in it"),
    "semicolons": Trial(txt.parted(";"), Same("cells are parted by semicolons")),
    "decimal commas": Trial(txt.parted(";", ","), Same("parted by semicolons")),
    "tabs": Trial(txt.parted("\t"), Same("cells are parted by tabs")),
    "truncated": Trial(
        lambda p: p.write_text(p.read_text()[:-4]),
        Refused("row 4 has 2 cells, the header 3"),
        after=True,
    ),
    "damaged": Trial(txt.cell(SPREAD, "2\0"), Refused("not text: found a zero byte")),
    "empty": Trial(emptied, Refused("expected a header and at least one"), after=True),
    "folder": Trial(
        made_a_folder, Refused("cannot be read: Is a directory"), after=True
    ),
}

ATTRIBUTES = Reader(
    attribute_table,
    "attributes.csv",
    read_attributes,
    two_columns,
    {
        **TABLE,
        "not UTF-8": Trial(txt.noted, Same("read as Windows-1252")),
    },
)


def locations_of(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read a file of locations as a component does."""
    settings = LocationSettings(ids=tuple(IDS), file=path.name)
    locations = read_locations(settings, path.parent, operation().understood)
    return dict(locations.attributes), []


LOCATIONS_CSV = Reader(
    attribute_table,
    "locations.csv",
    locations_of,
    two_columns,
    {
        **TABLE,
        "not UTF-8": Trial(txt.noted, Same("read as Windows-1252")),
        "folder": Trial(made_a_folder, Refused("is a folder|no such file"), after=True),
    },
)


def locations_file() -> NetcdfFile:
    """Return the usual file."""
    constants = {
        "elevation_mean": Values("m", HEIGHT),
        "slope_mean": Values("m km-1", SLOPE),
    }
    return NetcdfFile(list(IDS), "ids", "place", constants=constants, role=True)


LOCATIONS_NETCDF = Reader(
    locations_file,
    "locations.nc",
    locations_of,
    two_columns,
    {
        **TIMELESS,
        "bytes": Trial(nc.characters, Same()),
        "integers": Trial(nc.integers, Same("'1' is taken for 'cat-1'")),
        "padded": Trial(nc.named("{name}  "), Same()),
        "leading zeros": Trial(
            nc.named("{number:08}"), Same("'00000001' is taken for")
        ),
        "id twice": Trial(
            nc.repeated, Refused("ids: 'cat-1' is given twice, in entry 0 and entry 2")
        ),
        "field twice": Never("variables have one name each, and are known by one"),
        "units absent": Trial(
            nc.units(SPREAD, ""),
            Same("units assumed, for none are given: slope_mean .m km-1."),
        ),
        "units of something else": Trial(
            nc.units(SPREAD, "kg"), Refused("slope_mean: units 'kg' cannot")
        ),
        "`name [units]`": Never("units of a variable are an attribute of it"),
        "declared fill": Trial(nc.number(SPREAD, -1.0, -1.0), Other(unknown(SPREAD))),
        "-9999": Trial(nc.number(SPREAD, -9999.0), Other(unknown(SPREAD), MARKED)),
        "1e20": Trial(nc.number(SPREAD, 1e20), Other(unknown(SPREAD), MARKED)),
        "NetCDF default": Trial(
            nc.number(SPREAD, 9.96921e36, -1.0), Other(unknown(SPREAD), MARKED)
        ),
        "slightly negative": Never("no amounts in it"),
        "truncated": Trial(truncated, Refused("not a NetCDF file: "), after=True),
        "damaged": Trial(
            flipped, Refused("cannot be read, the file is damaged"), after=True
        ),
        "empty": Trial(emptied, Refused("not a NetCDF file: "), after=True),
        "folder": Trial(made_a_folder, Refused("is a folder|no such file"), after=True),
    },
)


# Crosswalks


def crosswalk() -> TextTable:
    """Return the usual table: what catchments are called in the forcing."""
    return TextTable("catchment", list(IDS), {"name": [*IDS[::-1]]})


def through(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read which row of the forcing is each catchment's."""
    forcing = path.with_name("forcing.nc")
    if not forcing.exists():
        netcdf().write(forcing)
    with open_domain(hydrofabric(path.parent), forcing, crosswalk=path) as domain:
        rows = [domain.forcing.place(name) for name in IDS]
        return {"rows": rows}, list(domain.remarks)


NO_NUMBERS = "no numbers in it"

CROSSWALK = Reader(
    crosswalk,
    "crosswalk.csv",
    through,
    lambda: {"rows": [2, 1, 0]},
    {
        **{k: s for k, s in TABLE.items() if k not in ("damaged",)},
        "integers": Trial(
            txt.keyed(txt.numbered("{number}")), Same("'1' is taken for 'cat-1'")
        ),
        "field twice": Trial(
            txt.copied("name", "other"), Refused("expected two columns: .*found 3")
        ),
        **dict.fromkeys(
            (
                "units absent",
                "units of something else",
                "`name [units]`",
                "declared fill",
                "-9999",
                "1e20",
                "NetCDF default",
                "decimal commas",
            ),
            Never(NO_NUMBERS),
        ),
        "not UTF-8": Never("names of catchments are letters of ASCII and numbers"),
        "damaged": Trial(
            txt.cell("name", "cat\0"), Refused("not text: found a zero byte")
        ),
        "truncated": Trial(
            lambda p: p.write_text(p.read_text()[:-9]),
            Refused("row 4 has 1 cells, the header 2"),
            after=True,
        ),
    },
)
