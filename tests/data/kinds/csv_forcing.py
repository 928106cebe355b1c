"""Forcing of catchments: one CSV file each."""

from __future__ import annotations

import numpy as np

from . import tables as txt
from .forcing import (
    HOURS,
    LATER,
    RAIN,
    WARMTH,
    csv_strictly,
    expected_of_one,
    leniently,
    rain,
    warmth,
)  # fmt: skip
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
from .tables import TextTable


def csv() -> TextTable:
    """Return the usual file of the first catchment."""
    times = [f"1980-10-01 {h:02}:00:00" for h in range(24)]
    times += [f"1980-10-02 {h:02}:00:00" for h in range(HOURS - 24)]
    columns = {RAIN: [*rain()[0] / 3600.0], WARMTH: [*warmth()[0] + 273.15]}
    return TextTable("Time", times, columns, {RAIN: "mm s^-1", WARMTH: "K"})


def half(keys: list[str]) -> list[str]:
    """Stamp the middles of hours."""
    return [key.replace(":00:00", ":30:00") for key in keys]


def eastern(keys: list[str]) -> list[str]:
    """Write times of another zone."""
    times = [np.datetime64(k.replace(" ", "T")) - np.timedelta64(5, "h") for k in keys]
    return [f"{t} -05:00".replace("T", " ") for t in times]


def degrees(table: TextTable) -> None:
    """Write a sign of degrees as old programs of the West do."""
    txt.in_units(WARMTH, "°C", 1.0, -273.15)(table)
    table.encoding = "cp1252"


UNITS_AS_NUMBERS = "a table has dates, not numbers since one"
ONE_FILE_EACH = "a file is of one catchment, named by its file"
ROWS = "rows say nothing of where a step ends"

CSV: dict[str, Square] = {
    **dict.fromkeys(
        ("days since", "hours since", "minutes since", "single precision"),
        Never(UNITS_AS_NUMBERS),
    ),
    **dict.fromkeys(("middle, bounds", "end, bounds"), Never(ROWS)),
    **dict.fromkeys(
        ("bytes", "integers", "padded", "leading zeros", "id twice"),
        Never(ONE_FILE_EACH),
    ),
    "other calendar": Trial(
        txt.keyed(lambda k: [*k[:-1], "1980-02-30 00:00:00"]),
        Refused("row 31.*found '1980-02-30 00:00:00'"),
    ),
    "times of places differ": Never("files are looked up by their own times"),
    "gap": Trial(
        txt.keyed(txt.skipped),
        Refused("row 5: time '1980-10-01 04:00:00' is not one hour after"),
    ),
    "time twice": Trial(
        txt.keyed(lambda k: [*k[:3], k[2], *k[4:]]),
        Refused("row 5: time '1980-10-01 02:00:00' is not one hour after"),
    ),
    "falling times": Trial(
        txt.keyed(lambda k: k[::-1]),
        Refused("row 3: time '1980-10-02 04:00:00' is not one"),
    ),
    "field twice": Trial(
        txt.copied(RAIN, "RAINRATE"),
        Refused("gives 'atmosphere_water__liquid_.*' a second time"),
    ),
    "units absent": Trial(
        txt.in_units(RAIN, ""), Same("units assumed, for none .*precip_r")
    ),
    "`name [units]`": Trial(txt.in_units(RAIN, "mm/h", 3600.0), Same()),
    "damaged": Trial(txt.cell(RAIN, "0.0\x00"), Refused("not text: found a zero byte")),
    "empty": Trial(
        emptied, Refused("expected a header and at least one hour"), after=True
    ),
    "folder": Trial(
        made_a_folder, Refused("cannot be read: Is a directory"), after=True
    ),
    "truncated": Trial(truncated, Refused("row 16"), after=True),
}

CSV_STRICT = Reader(
    csv,
    "cat-1.csv",
    csv_strictly,
    expected_of_one,
    {
        **CSV,
        "offset": Trial(
            txt.keyed(eastern), Refused("time: found '1980-09-30 19:00:00 -05:00'")
        ),
        "middle": Trial(txt.keyed(half), Refused(LATER, file=False)),
        "units of something else": Trial(
            txt.in_units(RAIN, "kg"),
            Other(
                lambda x: x.update(precipitation=rain()[:1] / 3600.0),
                "values are used as is",
            ),
        ),
        "slightly negative": Trial(
            txt.cell(RAIN, -1e-17),
            Other(lambda x: x["precipitation"].__setitem__((0, 1), 0.0)),
        ),
        "declared fill": Trial(
            txt.cell(RAIN, ""), Refused("row 3, column 'precip_rate.*found ''")
        ),
        "-9999": Trial(
            txt.cell(RAIN, -9999.0), Refused("is -.* mm .*expected 0 to", file=False)
        ),
        "1e20": Trial(
            txt.cell(RAIN, 1e20), Refused("is .* mm .*expected 0 to", file=False)
        ),
        "NetCDF default": Never("a table has no defaults of NetCDF"),
        "semicolons": Trial(
            txt.parted(";"), Refused("header: found 'Time;precip_rate")
        ),
        "decimal commas": Trial(
            txt.parted(";", ","), Refused("header: found 'Time;precip_r")
        ),
        "tabs": Trial(txt.parted("\t"), Refused("header: found 'Time.tprecip_rate")),
        "not UTF-8": Trial(
            txt.noted, Refused("row 2, column 'note': found 'Mühle', expected a n")
        ),
    },
)

CSV_LENIENT = Reader(
    csv,
    "cat-1.csv",
    leniently,
    expected_of_one,
    {
        **CSV,
        "offset": Trial(txt.keyed(eastern), Same()),
        "middle": Trial(txt.keyed(half), Same("are taken for the middles")),
        "units of something else": Trial(
            txt.in_units(RAIN, "kg"), Refused("cannot be converted", file=False)
        ),
        "slightly negative": Trial(
            txt.cell(RAIN, -1e-17),
            Other(
                lambda x: x["precipitation"].__setitem__((0, 1), 0.0),
                "1 values of precipitation are slightly below",
            ),
        ),
        "declared fill": Trial(
            txt.cell(RAIN, ""),
            Refused(
                "precipitation of 'cat-1' at 1980-10-01 01:00:00 is missing", file=False
            ),
        ),
        "-9999": Trial(
            txt.cell(RAIN, -9999.0), Refused("is -.* mm .*expected 0 to", file=False)
        ),
        "1e20": Trial(
            txt.cell(RAIN, 1e20), Refused("is .* mm .*expected 0 to", file=False)
        ),
        "NetCDF default": Never("a table has no defaults of NetCDF"),
        "semicolons": Trial(txt.parted(";"), Same("cells are parted by semicolons")),
        "decimal commas": Trial(txt.parted(";", ","), Same("decimal commas")),
        "tabs": Trial(txt.parted("\t"), Same("cells are parted by tabs")),
        "not UTF-8": (
            Trial(
                txt.noted,
                Refused("row 2, column 'note': found 'Mühle', expected a number"),
            ),
            Trial(degrees, Same("read as Windows-1252")),
        ),
    },
)
