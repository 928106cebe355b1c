"""Basins to learn from: the trees of Caravan, with series as NetCDF and as CSV."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from . import netcdf_files as nc
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
    deep,
    expected,
    read,
    series,
)  # fmt: skip
from .csv_forcing import ROWS, UNITS_AS_NUMBERS
from .netcdf_files import NetcdfFile, Times, Values
from .places import MARKED
from .series import eastern, german, noon, spreadsheet
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

NAMES = {
    RAIN: "total_precipitation_sum",
    "air_temperature_min": "temperature_2m_min",
    "air_temperature_max": "temperature_2m_max",
    FLOW: "streamflow",
}
CARAVAN_UNITS = {RAIN: "mm", FLOW: "mm"}


@dataclass
class Caravan:
    """A tree of one source data set."""

    kind: str
    gauges: list[str] = field(default_factory=lambda: [f"camels_{g}" for g in GAUGES])
    first: dict[str, Any] = field(default_factory=dict)
    attributes: list[list[str]] = field(default_factory=list)
    encoding: str = "utf-8"
    separator: str = ","
    file: Any = None

    def __post_init__(self) -> None:
        columns = zip(*CONSTANTS.values(), strict=True)
        rows = [
            [g, *map(repr, row)] for g, row in zip(self.gauges, columns, strict=True)
        ]
        self.attributes = [["gauge_id", "area", "gauge_lat", DEPTH], *rows]
        self.file = self.usual(0)

    def usual(self, place: int) -> Any:
        """Return the usual file of a gauge."""
        times = START + np.arange(DAYS) * np.timedelta64(86400, "s")
        if self.kind == "nc":
            values = {
                NAMES[n]: Values(
                    CARAVAN_UNITS.get(n, "degC"), x[place : place + 1], "f8"
                )
                for n, x in series().items()
            }
            return NetcdfFile([], "", "", Times(times, "date", ("date",)), values)
        columns = {NAMES[n]: [*x[place]] for n, x in series().items()}
        return TextTable("date", [str(t)[:10] for t in times], columns)

    def write(self, root: Path) -> None:
        """Write the tree."""
        sort = "netcdf" if self.kind == "nc" else "csv"
        folder = root / "timeseries" / sort / "camels"
        tables = root / "attributes" / "camels"
        for directory in (folder, tables):
            directory.mkdir(parents=True)
        for k, gauge in enumerate(self.gauges):
            file = self.usual(k) if k else self.file
            file.write(folder / f"{gauge}.{self.kind}")
        text = "".join(self.separator.join(row) + "\n" for row in self.attributes)
        path = tables / "attributes_other_camels.csv"
        path.write_bytes(text.encode(self.encoding))


def read_caravan(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read the tree as a training does."""
    return read(path, reader="caravan")


def named_expected() -> dict[str, Any]:
    """Return what the usual tree must give."""
    return {**expected(), "ids": [f"camels_{g}" for g in GAUGES]}


def first(change: Callable[[Any], object]) -> Callable[[Caravan], object]:
    """Change the file of the first gauge."""
    return lambda tree: change(tree.file)


def first_file(change: Callable[[Path], object]) -> Callable[[Path], object]:
    """Change the file of the first gauge once it is written."""

    def changed(root: Path) -> None:
        change(min(root.glob("timeseries/*/camels/*")))

    return changed


def attribute(at: int, text: str) -> Callable[[Caravan], object]:
    """Put something into the table of attributes, for the second gauge."""
    return lambda tree: tree.attributes[2].__setitem__(at, text)


def cut(days: slice) -> Callable[[dict[str, Any]], object]:
    """Let only some days be common to all."""

    def change(numbers: dict[str, Any]) -> None:
        numbers["time"] = numbers["time"][days]
        for name in series():
            numbers[name] = numbers[name][:, days]

    return change


def zero_of_first(numbers: dict[str, Any]) -> None:
    """Let the third day of the first gauge be dry."""
    numbers[RAIN] = numbers[RAIN].copy()
    numbers[RAIN][0, 2] = 0.0


def unknown_of_first(name: str) -> Callable[[dict[str, Any]], object]:
    """Let the third day of the first gauge not be known."""

    def change(numbers: dict[str, Any]) -> None:
        numbers[name] = np.array(numbers[name], dtype=float)
        numbers[name][0, 2] = np.nan

    return change


def unknown_depth(numbers: dict[str, Any]) -> None:
    """Let the second soil not be known."""
    numbers[DEPTH] = [1.0, np.nan, 1.5, 1.75, 2.0]


NAME_OF_FILE = "gauges are named by their files"
PRODUCT = "columns are different products, used in a stated order"

CARAVAN: dict[str, Square] = {
    **dict.fromkeys(("bytes", "integers", "padded"), Never(NAME_OF_FILE)),
    "leading zeros": Trial(
        lambda t: t.attributes.__setitem__(1, ["camels_1013500", *t.attributes[1][1:]]),
        Other(
            lambda x: [
                x.__setitem__(n, np.asarray(v)[1:].tolist())
                for n, v in x.items()
                if n != "time"
            ],
            "1 basins are left out: no",
        ),
    ),
    "id twice": Trial(
        lambda t: t.attributes.append(t.attributes[1]),
        Refused("column 'gauge_id': 'camels_01013500' is given twice, in rows 2 and 7"),
    ),
    "field twice": Never(PRODUCT),
    "times of places differ": Trial(first(lambda f: None), Same()),
    "attribute far from others": Trial(
        attribute(3, "4000"),
        Other(deep, "far from all others: soil_depth of 'camels_01022500'"),
    ),
}


def caravan_netcdf() -> Caravan:
    """Return the usual tree."""
    return Caravan("nc")


RAINS, FLOWS = NAMES[RAIN], NAMES[FLOW]
CARAVAN_NETCDF = Reader(
    caravan_netcdf,
    "tree",
    read_caravan,
    named_expected,
    {
        **CARAVAN,
        "offset": Trial(first(lambda f: (nc.offset(f), nc.unit("minutes")(f))), Same()),
        "days since": Trial(first(nc.unit("days")), Same()),
        "hours since": Trial(first(nc.unit("hours")), Same()),
        "minutes since": Trial(first(nc.unit("minutes")), Same()),
        "middle, bounds": Trial(first(nc.stamped(0.5, bounds=True)), Same()),
        "end, bounds": Trial(first(nc.stamped(1.0, bounds=True)), Same()),
        "middle": Trial(first(nc.stamped(0.5, bounds=False)), Same()),
        "single precision": Trial(first(nc.single), Same()),
        "other calendar": Trial(
            first(nc.calendar("noleap")), Refused("date: calendar 'noleap'")
        ),
        "gap": Trial(
            first(nc.gap),
            Refused(
                "not consecutive: 1980-10-04 is missing|do not follow each other evenly"
            ),
        ),
        "time twice": Trial(
            first(nc.twice),
            Refused("1980-10-03.* (is given twice|is followed by 1980-10-03)"),
        ),
        "falling times": Trial(first(nc.falling), Refused("do not increase")),
        "times of places differ": Trial(
            first(
                lambda f: setattr(
                    f.times, "moments", f.times.moments + 3 * f.times.step
                )
            ),
            Other(
                lambda x: (
                    x.update(
                        {
                            n: np.concatenate(
                                [
                                    np.concatenate(
                                        [x[n][:1, :3], x[n][:1, :-3]], axis=1
                                    ),
                                    x[n][1:],
                                ]
                            )
                            for n in series()
                        }
                    ),
                    cut(slice(3, None))(x),
                )
            ),
        ),
        "units absent": Trial(first(nc.units(RAINS, "")), Same()),
        "units of something else": Trial(
            first(nc.units(RAINS, "K")), Refused("'total_precipitation_sum': units 'K'")
        ),
        "`name [units]`": Never("units of a variable are an attribute of it"),
        "declared fill": (
            Trial(first(nc.number(RAINS, -1.0, -1.0)), Refused(GONE)),
            Trial(first(nc.number(FLOWS, -1.0, -1.0)), Other(unknown_of_first(FLOW))),
            Trial(attribute(3, ""), Other(unknown_depth)),
        ),
        "-9999": (
            Trial(first(nc.number(RAINS, -9999.0)), Refused(GONE)),
            Trial(
                first(nc.number(FLOWS, -9999.0)), Other(unknown_of_first(FLOW), MARKED)
            ),
            Trial(attribute(3, "-9999"), Other(unknown_depth, MARKED)),
        ),
        "1e20": (
            Trial(first(nc.number(RAINS, 1e20)), Refused(GONE)),
            Trial(first(nc.number(FLOWS, 1e20)), Other(unknown_of_first(FLOW), MARKED)),
            Trial(attribute(3, "1e20"), Other(unknown_depth, MARKED)),
        ),
        "NetCDF default": Trial(
            first(nc.number(FLOWS, 9.96921e36, -1.0)),
            Other(unknown_of_first(FLOW), MARKED),
        ),
        "slightly negative": Trial(
            first(nc.number(RAINS, -1e-17)), Other(zero_of_first, "slightly")
        ),
        **dict.fromkeys(
            ("semicolons", "decimal commas", "tabs", "not UTF-8"),
            Never(
                "no table of text but the attributes, which are read as in the CSV tree"
            ),
        ),
        "truncated": Trial(
            first_file(truncated),
            Refused("camels_01013500.nc: not a NetCDF file"),
            after=True,
        ),
        "damaged": Trial(
            first_file(flipped),
            Refused("camels_01013500.nc: .*cannot be read, the file is damaged"),
            after=True,
        ),
        "empty": Trial(
            first_file(emptied),
            Refused("camels_01013500.nc: not a NetCDF file"),
            after=True,
        ),
        "folder": Trial(
            first_file(made_a_folder),
            Refused("camels_01013500.nc: is a folder"),
            after=True,
        ),
    },
)


def caravan_csv() -> Caravan:
    """Return the usual tree."""
    return Caravan("csv")


def attributes_commas(tree: Caravan) -> None:
    """Write the table of attributes as a spreadsheet of Germany does."""
    tree.attributes = [
        [cell.replace(".", ",") for cell in row] for row in tree.attributes
    ]
    tree.separator = ";"


def attributes_latin(tree: Caravan) -> None:
    """Add a column of words, in an old encoding."""
    tree.attributes = [
        [*row, "M\u00fchle" if k else "note"] for k, row in enumerate(tree.attributes)
    ]
    tree.encoding = "cp1252"


CARAVAN_CSV = Reader(
    caravan_csv,
    "tree",
    read_caravan,
    named_expected,
    {
        **CARAVAN,
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
            first(txt.keyed(txt.skipped)),
            Refused("not consecutive: 1980-10-04 is missing"),
        ),
        "time twice": Trial(
            first(txt.keyed(lambda k: [*k[:3], k[2], *k[4:]])),
            Refused("the days do not increase: 1980-10-03 is followed by 1980-10-03"),
        ),
        "falling times": Trial(
            first(txt.keyed(lambda k: k[::-1])), Refused("the days do not increase")
        ),
        "times of places differ": Trial(
            first(lambda f: (f.keys.pop(0), [c.pop(0) for c in f.columns.values()])),
            Other(cut(slice(1, None))),
        ),
        "dates of spreadsheets": (
            Trial(first(txt.keyed(german)), Same()),
            Trial(first(txt.keyed(spreadsheet)), Same("dates are day, month, year")),
        ),
        **dict.fromkeys(
            ("units absent", "units of something else", "`name [units]`"),
            Never("units are those of the documentation"),
        ),
        "declared fill": (
            Trial(first(txt.cell(RAINS, "", 2)), Refused(GONE)),
            Trial(first(txt.cell(FLOWS, "NA", 2)), Other(unknown_of_first(FLOW))),
        ),
        "-9999": (
            Trial(first(txt.cell(RAINS, -9999.0, 2)), Refused(GONE)),
            Trial(
                first(txt.cell(FLOWS, -9999.0, 2)),
                Other(unknown_of_first(FLOW), MARKED),
            ),
        ),
        "1e20": Trial(
            first(txt.cell(FLOWS, 1e20, 2)), Other(unknown_of_first(FLOW), MARKED)
        ),
        "NetCDF default": Never("a table has no defaults of NetCDF"),
        "slightly negative": Trial(
            first(txt.cell(RAINS, -1e-17, 2)), Other(zero_of_first, "slightly")
        ),
        "semicolons": Trial(
            first(txt.parted(";")), Same("cells are parted by semicolons")
        ),
        "decimal commas": (
            Trial(first(txt.parted(";", ",")), Same("decimal commas")),
            Trial(attributes_commas, Same("decimal commas")),
        ),
        "tabs": Trial(first(txt.parted("\t")), Same("cells are parted by tabs")),
        "not UTF-8": Trial(attributes_latin, Same("read as Windows-1252")),
        "truncated": Trial(
            first_file(lambda p: p.write_text(p.read_text()[:-9])),
            Refused("camels_01013500.csv: row 21 has 4 cells, the header 5"),
            after=True,
        ),
        "damaged": Trial(
            first(txt.cell(RAINS, "2\0")),
            Refused("camels_01013500.csv: not text: found a zero byte"),
        ),
        "empty": Trial(
            first_file(emptied),
            Refused("camels_01013500.csv: expected a header and one"),
            after=True,
        ),
        "folder": Trial(
            first_file(made_a_folder),
            Refused("camels_01013500.csv: cannot be read: Is a dir"),
            after=True,
        ),
    },
)
