"""Basins to learn from: a folder of text tables, one for each and one of constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from . import tables as txt
from .basins import (
    CONSTANTS,
    DAYS,
    DEPTH,
    FLOW,
    GAUGES,
    GONE,
    RAIN,
    START,
    UNITS,
    deep,
    expected,
    read,
    series,
)  # fmt: skip
from .caravan import cut, unknown_of_first, zero_of_first
from .csv_forcing import ROWS, UNITS_AS_NUMBERS
from .places import MARKED
from .series import eastern, german, noon, spreadsheet
from .squares import (
    Never,
    Other,
    Reader,
    Refused,
    Same,
    Trial,
    emptied,
    made_a_folder,
)  # fmt: skip
from .tables import TextTable


@dataclass
class Folder:
    """Tables of basins, and one of what is constant."""

    gauges: list[str] = field(default_factory=lambda: list(GAUGES))
    places: TextTable = field(init=False)
    file: TextTable = field(init=False)

    def __post_init__(self) -> None:
        columns = {name: [*values] for name, values in CONSTANTS.items()}
        self.places = TextTable("station", list(GAUGES), columns, dict(UNITS))
        self.file = self.usual(0)

    def usual(self, place: int) -> TextTable:
        """Return the usual table of a basin."""
        times = START + np.arange(DAYS) * np.timedelta64(86400, "s")
        units = {n: "degC" if "air" in n else "mm d-1" for n in series()}
        columns = {n: [*x[place]] for n, x in series().items()}
        return TextTable("date", [str(t)[:10] for t in times], columns, units)

    def write(self, root: Path) -> None:
        """Write the folder."""
        root.mkdir(exist_ok=True)
        for k, gauge in enumerate(self.gauges):
            (self.usual(k) if k else self.file).write(root / f"{gauge}.csv")
        self.places.write(root / "stations.csv")


def read_folder(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read the folder as a training does."""
    return read(path, reader="tables")


def first(change: Callable[[TextTable], object]) -> Callable[[Folder], object]:
    """Change the table of the first basin."""
    return lambda folder: change(folder.file)


def constants(change: Callable[[TextTable], object]) -> Callable[[Folder], object]:
    """Change the table of what is constant."""
    return lambda folder: change(folder.places)


def written(change: Callable[[Path], object]) -> Callable[[Path], object]:
    """Change the table of the first basin once it is written."""
    return lambda root: change(root / f"{GAUGES[0]}.csv")


def unknown_depth(numbers: dict[str, Any]) -> None:
    """Let the second soil not be known."""
    numbers[DEPTH] = [1.0, np.nan, 1.5, 1.75, 2.0]


ALIKE = "'1013500' is taken for '01013500', and others alike"
NOTHING = Never("identifiers are names of files")

BASIN_TABLES = Reader(
    Folder,
    "tables",
    read_folder,
    expected,
    {
        **dict.fromkeys(
            ("days since", "hours since", "minutes since", "single precision"),
            Never(UNITS_AS_NUMBERS),
        ),
        **dict.fromkeys(("middle, bounds", "end, bounds"), Never(ROWS)),
        "offset": Trial(first(txt.keyed(eastern)), Same()),
        "middle": Trial(first(txt.keyed(noon)), Same()),
        "other calendar": Trial(
            first(txt.keyed(lambda k: [*k[:-1], "1981-02-30"])),
            Refused("row 21: found '1981-02-30', expected a time"),
        ),
        "gap": Trial(
            first(txt.keyed(txt.skipped)), Refused(r"is missing on 1980-10-04")
        ),
        "time twice": Trial(
            first(txt.keyed(lambda k: [*k[:3], k[2], *k[4:]])),
            Refused("basin '01013500': 1980-10-03 00:00:00 is given twice"),
        ),
        "falling times": Trial(
            first(
                lambda t: (
                    t.keys.reverse(),
                    [column.reverse() for column in t.columns.values()],
                )
            ),
            Same(),
        ),
        "times of places differ": Trial(
            first(lambda t: (t.keys.pop(0), [c.pop(0) for c in t.columns.values()])),
            Other(cut(slice(1, None))),
        ),
        "dates of spreadsheets": (
            Trial(first(txt.keyed(german)), Same()),
            Trial(first(txt.keyed(spreadsheet)), Same("dates are day, month, year")),
        ),
        "bytes": NOTHING,
        "integers": Trial(constants(txt.keyed(txt.numbered("{number}"))), Same(ALIKE)),
        "padded": Trial(constants(txt.keyed(txt.numbered(" {name}  "))), Same()),
        "leading zeros": Trial(
            constants(txt.keyed(txt.numbered("{number:012}"))),
            Same("is taken for '01013500'"),
        ),
        "id twice": Trial(
            constants(txt.keyed(txt.repeated)),
            Refused("stations.csv: .*'01013500' is given twice, in rows 2 and 6"),
        ),
        "field twice": Trial(
            first(txt.copied(RAIN, "prcp")),
            Same("'precipitation' and 'prcp' are both precipitation"),
        ),
        "units absent": (
            Trial(first(txt.in_units(RAIN, "")), Same("units assumed")),
            Trial(
                first(txt.in_units(FLOW, "")),
                Refused("column 'streamflow' has no units: a depth or a volume"),
            ),
        ),
        "units of something else": Trial(
            first(txt.in_units(RAIN, "K")), Refused("units 'K' cannot be converted")
        ),
        "`name [units]`": (
            Trial(first(txt.in_units(RAIN, "m/day", 1e-3)), Same()),
            Trial(constants(txt.in_units("area_km2", "ha", 100.0)), Same()),
        ),
        "declared fill": (
            Trial(first(txt.cell(RAIN, "", 2)), Refused(GONE)),
            Trial(first(txt.cell(FLOW, "NA", 2)), Other(unknown_of_first(FLOW))),
        ),
        "-9999": (
            Trial(first(txt.cell(RAIN, -9999.0, 2)), Refused(GONE)),
            Trial(
                first(txt.cell(FLOW, -9999.0, 2)),
                Other(unknown_of_first(FLOW), MARKED),
            ),
            Trial(constants(txt.cell(DEPTH, -9999.0)), Other(unknown_depth, MARKED)),
        ),
        "1e20": Trial(
            first(txt.cell(FLOW, 1e20, 2)), Other(unknown_of_first(FLOW), MARKED)
        ),
        "NetCDF default": Never("a table has no defaults of NetCDF"),
        "slightly negative": Trial(
            first(txt.cell(RAIN, -1e-17, 2)), Other(zero_of_first, "slightly")
        ),
        "attribute far from others": Trial(
            constants(txt.cell(DEPTH, 4000.0)),
            Other(deep, "far from all others: soil_depth of '01022500'"),
        ),
        "semicolons": Trial(
            first(txt.parted(";")), Same("cells are parted by semicolons")
        ),
        "decimal commas": (
            Trial(first(txt.parted(";", ",")), Same("decimal commas")),
            Trial(constants(txt.parted(";", ",")), Same("decimal commas")),
        ),
        "tabs": Trial(first(txt.parted("\t")), Same("cells are parted by tabs")),
        "not UTF-8": Trial(constants(txt.noted), Same("read as Windows-1252")),
        "truncated": Trial(
            written(lambda p: p.write_text(p.read_text()[:-9])),
            Refused("01013500.csv: row 21 has 4 cells, the header 5"),
            after=True,
        ),
        "damaged": Trial(
            first(txt.cell(RAIN, "2\0")),
            Refused("01013500.csv: not text: found a zero byte"),
        ),
        "empty": Trial(
            written(emptied),
            Refused("01013500.csv: expected a header and one"),
            after=True,
        ),
        "folder": Trial(
            written(made_a_folder),
            Refused("01013500.csv: cannot be read: Is a dir"),
            after=True,
        ),
    },
)
