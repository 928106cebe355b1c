"""Series of a run, and those that are run before its start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bmi_dmx.bmi.forcing_file import read_series
from bmi_dmx.models.hydrology.forcings import FORCINGS
from bmi_dmx.run.csv_series import CsvSeries
from bmi_dmx.run.netcdf_series import NetcdfSeries
from bmi_dmx.run.series import Series

from . import netcdf_files as nc
from . import tables as txt
from .csv_forcing import ONE_FILE_EACH, ROWS, UNITS_AS_NUMBERS
from .forcing import IDS, operation
from .netcdf_files import NetcdfFile, Times, Values
from .places import MARKED, TIMELESS
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

DAYS = 12
START = np.datetime64("1980-10-01T00:00:00")
WANTED = [FORCINGS["precipitation"], FORCINGS["air_temperature"]]
RAIN, WARMTH = "prcp", "tmean"


def rain() -> Any:
    """Return mm d-1, (place, day), with dry days."""
    days = np.arange(DAYS)
    return np.outer([1.0, 2.0, 3.0], np.where(days % 5 == 0, 0.0, 3.0 + 0.5 * days))


def warmth() -> Any:
    """Return degC, (place, day)."""
    return np.add.outer([1.0, 2.0, 3.0], np.arange(DAYS) * 0.5)


def expected() -> dict[str, Any]:
    """Return what the usual files must give."""
    return {
        "ids": IDS,
        "start": str(START),
        "seconds": 86400.0,
        "precipitation": rain(),
        "air_temperature": warmth(),
    }


def expected_of_one() -> dict[str, Any]:
    """Return what a file of the first place must give."""
    numbers = {
        n: x[:1]
        for n, x in expected().items()
        if n in ("precipitation", "air_temperature")
    }
    return {**expected(), **numbers, "ids": IDS[:1]}


def spun() -> dict[str, Any]:
    """Return what a file without times must give."""
    return {"precipitation": rain()[:1], "air_temperature": warmth()[:1]}


def _read(series: Series, ids: list[str]) -> tuple[dict[str, Any], list[str]]:
    series.choose(WANTED, {f.name: f.units for f in WANTED}, ids)
    arrays = {f.name: series.read(f, 0, series.steps).T for f in WANTED}
    assumed = [
        f"{name}: units assumed, for none are given"
        for name, source in series.sources.items()
        if source.assumed
    ]
    start = str(np.datetime64(series.start, "s"))
    about = {"ids": list(series.ids), "start": start, "seconds": series.seconds}
    return {**about, **arrays}, [*series.remarks, *assumed]


def read_netcdf(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read as a run of a model that lives at some places."""
    with NetcdfSeries(path, {}, operation().system) as series:
        return _read(series, IDS)


def read_csv(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read as a run of a model that lives at one place."""
    with CsvSeries(path, {}, operation().system) as series:
        return _read(series, IDS[:1])


def read_before(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read what is run before the start."""
    arrays = read_series(path, WANTED, None)
    return {name: x.T for name, x in arrays.items()}, []


def netcdf() -> NetcdfFile:
    """Return the usual file."""
    times = START + np.arange(DAYS) * np.timedelta64(86400, "s")
    series = {
        RAIN: Values("mm d-1", rain(), "f8"),
        WARMTH: Values("degC", warmth(), "f8"),
    }
    return NetcdfFile(list(IDS), "place_id", "place", Times(times), series)


def unknown(numbers: dict[str, Any]) -> None:
    """Let one value not be known."""
    numbers["precipitation"] = numbers["precipitation"].copy()
    numbers["precipitation"][-1, 2] = np.nan


def value(number: float) -> Any:
    """Return what sets one value."""

    def change(numbers: dict[str, Any]) -> None:
        unknown(numbers)
        numbers["precipitation"][-1, 2] = number

    return change


def factor(x: float) -> Any:
    """Return what scales the rain."""
    return lambda numbers: numbers.update(precipitation=x * numbers["precipitation"])


RUN_NETCDF = Reader(
    netcdf,
    "series.nc",
    read_netcdf,
    expected,
    {
        "offset": Trial(nc.offset, Same()),
        "days since": Trial(nc.unit("days"), Same()),
        "hours since": Trial(nc.unit("hours"), Same()),
        "minutes since": Trial(nc.unit("minutes"), Same()),
        "middle, bounds": Trial(nc.stamped(0.5, bounds=True), Same()),
        "end, bounds": Trial(nc.stamped(1.0, bounds=True), Same()),
        "middle": Trial(
            nc.stamped(0.5, bounds=False),
            Same("are taken for the middles of steps of 1 d"),
        ),
        "single precision": Trial(
            lambda f: (nc.single(f), nc.unit("seconds")(f)), Same()
        ),
        "other calendar": Trial(
            nc.calendar("360_day"), Refused("time: calendar '360_day'")
        ),
        "gap": Trial(
            nc.gap, Refused("do not follow each other evenly: .* 1 is missing")
        ),
        "time twice": Trial(
            nc.twice, Refused("1980-10-03 00:00:00 is given twice, in entries")
        ),
        "falling times": Trial(nc.falling, Refused("the times do not increase")),
        "times of places differ": Trial(
            nc.differing, Refused("entry 2 has others than entry 0")
        ),
        "bytes": Trial(nc.characters, Same()),
        "integers": Trial(nc.integers, Same("'1' is taken for 'cat-1'")),
        "padded": Trial(nc.named("{name}   "), Same()),
        "leading zeros": Trial(
            nc.named("{number:08}"), Same("'00000001' is taken for 'cat-1'")
        ),
        "id twice": Trial(
            nc.repeated, Refused("place_id: 'cat-1' is given twice, in entry 0")
        ),
        "field twice": Trial(
            nc.copied(RAIN, "pr"),
            Same("prcp and pr are both precipitation; the first is used"),
        ),
        "units absent": Trial(nc.units(RAIN, ""), Same("units assumed, for none")),
        "units of something else": Trial(
            nc.units(RAIN, "kg"), Refused("prcp: units 'kg' cannot be converted")
        ),
        "`name [units]`": Never("units of a variable are an attribute of it"),
        "declared fill": Trial(nc.number(RAIN, -1.0, -1.0), Other(unknown)),
        "-9999": Trial(nc.number(RAIN, -9999.0), Other(unknown, MARKED)),
        "1e20": Trial(nc.number(RAIN, 1e20), Other(unknown, MARKED)),
        "NetCDF default": Trial(
            nc.number(RAIN, 9.96921e36, -1.0), Other(unknown, MARKED)
        ),
        "slightly negative": Trial(nc.number(RAIN, -1e-17), Other(value(-1e-17))),
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


def csv() -> TextTable:
    """Return the usual file of the first place."""
    times = [str(START + np.timedelta64(k, "D"))[:10] for k in range(DAYS)]
    columns = {RAIN: [*rain()[0]], WARMTH: [*warmth()[0]]}
    return TextTable("date", times, columns, {RAIN: "mm d-1", WARMTH: "degC"})


def noon(keys: list[str]) -> list[str]:
    """Stamp the middles of days."""
    return [f"{key} 12:00" for key in keys]


def eastern(keys: list[str]) -> list[str]:
    """Write times of another zone."""
    times = [np.datetime64(k, "s") - np.timedelta64(5, "h") for k in keys]
    return [f"{t}-05:00" for t in times]


def spreadsheet(keys: list[str]) -> list[str]:
    """Write dates as a spreadsheet of England does."""
    return ["/".join(key.split("-")[::-1]) for key in keys]


def german(keys: list[str]) -> list[str]:
    """Write dates as a spreadsheet of Germany does."""
    return [".".join(key.split("-")[::-1]) for key in keys]


def first_cell(numbers: dict[str, Any]) -> None:
    """Let the second value not be known."""
    numbers["precipitation"] = numbers["precipitation"].copy()
    numbers["precipitation"][0, 1] = np.nan


def tiny(numbers: dict[str, Any]) -> None:
    """Let the second value be slightly negative."""
    first_cell(numbers)
    numbers["precipitation"][0, 1] = -1e-17


def text(name: str) -> dict[str, Square]:
    """Return the squares of tables, whose precipitation has a name."""
    return {
        "units absent": Trial(txt.in_units(name, ""), Same("units assumed, for none")),
        "units of something else": Trial(
            txt.in_units(name, "kg"), Refused("units 'kg' cannot be converted")
        ),
        "`name [units]`": Trial(txt.in_units(name, "m/d", 1e-3), Same()),
        "declared fill": Trial(txt.cell(name, "NA"), Other(first_cell)),
        "-9999": Trial(txt.cell(name, -9999.0), Other(first_cell, MARKED)),
        "1e20": Trial(txt.cell(name, 1e20), Other(first_cell, MARKED)),
        "NetCDF default": Never("a table has no defaults of NetCDF"),
        "slightly negative": Trial(txt.cell(name, -1e-17), Other(tiny)),
        "semicolons": Trial(txt.parted(";"), Same("cells are parted by semicolons")),
        "decimal commas": Trial(txt.parted(";", ","), Same("decimal commas")),
        "tabs": Trial(txt.parted("\t"), Same("cells are parted by tabs")),
        "damaged": Trial(txt.cell(name, "2\0"), Refused("not text: found a zero byte")),
        "empty": Trial(emptied, Refused("expected a header and rows"), after=True),
        "folder": Trial(
            made_a_folder, Refused("cannot be read: Is a directory"), after=True
        ),
        "truncated": Trial(
            lambda p: p.write_text(p.read_text()[:-6]),
            Refused("row 13 has 2 cells, the header 3"),
            after=True,
        ),
        **dict.fromkeys(
            ("bytes", "integers", "padded", "leading zeros", "id twice"),
            Never(ONE_FILE_EACH),
        ),
    }


RUN_CSV = Reader(
    csv,
    "series.csv",
    read_csv,
    expected_of_one,
    {
        **text(RAIN),
        **dict.fromkeys(
            ("days since", "hours since", "minutes since", "single precision"),
            Never(UNITS_AS_NUMBERS),
        ),
        **dict.fromkeys(("middle, bounds", "end, bounds"), Never(ROWS)),
        "other calendar": Trial(
            txt.keyed(lambda k: [*k[:-1], "1981-02-30"]),
            Refused("row 13: found '1981-02-30', expected a time"),
        ),
        "times of places differ": Never(ONE_FILE_EACH),
        "offset": Trial(txt.keyed(eastern), Same()),
        "middle": Trial(
            txt.keyed(noon), Same("are taken for the middles of steps of 1 d")
        ),
        "gap": Trial(
            txt.keyed(txt.skipped),
            Refused("date: .*do not follow each other evenly: .*1 is missing"),
        ),
        "time twice": Trial(
            txt.keyed(lambda k: [*k[:3], k[2], *k[4:]]),
            Refused("1980-10-03 00:00:00 is given twice"),
        ),
        "falling times": Trial(
            txt.keyed(lambda k: k[::-1]), Refused("date: the times do not increase")
        ),
        "field twice": Trial(
            txt.copied(RAIN, "pr"),
            Same("prcp and pr are both precipitation; the first is used"),
        ),
        "dates of spreadsheets": (
            Trial(txt.keyed(german), Same()),
            Trial(
                txt.keyed(spreadsheet),
                Refused("may be a day and a month or a month and a day"),
            ),
        ),
        "not UTF-8": Trial(
            txt.noted, Refused("row 2, column 'note': found 'Mühle', expected a n")
        ),
    },
)

UNREAD = Never(
    "its first column is not read: the last row is the step before the start"
)


def before() -> TextTable:
    """Return the usual file of what is run before the start."""
    table = csv()
    names = {RAIN: "precipitation", WARMTH: "air_temperature"}
    table.columns = {names[n]: x for n, x in table.columns.items()}
    table.units = {names[n]: x for n, x in table.units.items()}
    return table


SPIN_UP = Reader(
    before,
    "spin-up.csv",
    read_before,
    spun,
    {
        **TIMELESS,
        **dict.fromkeys(TIMELESS, UNREAD),
        **text("precipitation"),
        "units absent": Trial(txt.in_units("precipitation", ""), Same()),
        "declared fill": Trial(
            txt.cell("precipitation", "NA"),
            Refused("precipitation: row 3 is nan mm d-1"),
        ),
        "-9999": Trial(
            txt.cell("precipitation", -9999.0),
            Refused("precipitation: row 3 is nan mm d-1"),
        ),
        "1e20": Trial(
            txt.cell("precipitation", 1e20),
            Refused("precipitation: row 3 is nan mm d-1"),
        ),
        "slightly negative": Trial(
            txt.cell("precipitation", -1e-17), Refused("row 3 is -1e-17 mm d-1")
        ),
        "field twice": Trial(
            txt.copied(
                "precipitation",
                "atmosphere_water__liquid_equivalent_precipitation_rate",
            ),
            Refused("are both 'precipitation', expected one column"),
        ),
        "not UTF-8": Trial(txt.noted, Same("read as Windows-1252")),
    },
)
