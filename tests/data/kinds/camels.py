"""Basins to learn from: the official tree of CAMELS-US."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

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
from .places import MARKED
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

FT3 = 0.3048**3
M2 = 1e6


@dataclass
class Camels:
    """The tree; the files of the first gauge may be others."""

    title: str = "prcp(mm/day)"
    days: list[Any] = field(
        default_factory=lambda: [
            str(START + np.timedelta64(k, "D"))[:10].split("-") for k in range(DAYS)
        ]
    )
    rain: list[str] = field(
        default_factory=lambda: [f"{x:.4f}" for x in series()[RAIN][0]]
    )
    flow: list[str] = field(default_factory=list)
    attributes: list[list[str]] = field(default_factory=list)
    separator: str = ";"
    encoding: str = "utf-8"
    again: bool = False

    def __post_init__(self) -> None:
        columns = zip(*CONSTANTS.values(), strict=True)
        rows = [[g, *map(repr, row)] for g, row in zip(GAUGES, columns, strict=True)]
        self.attributes = [["gauge_id", "area_gages2", "gauge_lat", DEPTH], *rows]
        self.flow = [repr(x) for x in self._volume(0)]

    @staticmethod
    def _volume(place: int) -> Any:
        """Return ft3 s-1."""
        depth, area = series()[FLOW][place], CONSTANTS["area_km2"][place]
        return (depth * area * 1000.0 / 86400.0 / FT3).tolist()

    def write(self, root: Path) -> None:
        """Write the tree."""
        for place, gauge in enumerate(GAUGES):
            self._write_gauge(root, place, gauge, gauge[:2])
        if self.again:
            self._write_gauge(root, 0, GAUGES[0], "18")
        folder = root / "camels_attributes_v2.0"
        folder.mkdir()
        text = "".join(self.separator.join(row) + "\n" for row in self.attributes)
        (folder / "camels_topo.txt").write_bytes(text.encode(self.encoding))

    def _write_gauge(self, root: Path, place: int, gauge: str, region: str) -> None:
        usual = self if place == 0 else Camels()
        forcing = root / "basin_mean_forcing" / "daymet" / region
        flows = root / "usgs_streamflow" / region
        for folder in (forcing, flows):
            folder.mkdir(parents=True, exist_ok=True)
        low, high = (series()[f"air_temperature_{e}"][place] for e in ("min", "max"))
        rain = usual.rain if place == 0 else [f"{x:.4f}" for x in series()[RAIN][place]]
        flow = usual.flow if place == 0 else [repr(x) for x in self._volume(place)]
        area = CONSTANTS["area_km2"][place] * M2
        lines = [
            f"{40.0 + place}",
            "300.0",
            f"{area}",
            f"Year Mnth Day Hr\tdayl(s)\t{usual.title}\ttmax(C)\ttmin(C)",
        ]
        lines += [
            f"{y} {m} {d} 12\t30000.0\t{rain[k]}\t{high[k]:.2f}\t{low[k]:.2f}"
            for k, (y, m, d) in enumerate(usual.days)
        ]
        path = forcing / f"{gauge}_lump_cida_forcing_leap.txt"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        text = "".join(
            f"{gauge} {y} {m} {d} {flow[k]} A\n"
            for k, (y, m, d) in enumerate(usual.days)
        )
        (flows / f"{gauge}_streamflow_qc.txt").write_text(text, encoding="utf-8")


def read_tree(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read the tree as a training does."""
    return read(path, reader="camels_us")


def put(name: str, value: str) -> Callable[[Camels], object]:
    """Put something into a column of the first gauge, on the third day."""
    return lambda tree: getattr(tree, name).__setitem__(2, value)


def attribute(at: int, text: str) -> Callable[[Camels], object]:
    """Put something into the table of attributes, for the second gauge."""
    return lambda tree: tree.attributes[2].__setitem__(at, text)


def days(edit: Callable[[list[Any]], list[Any]]) -> Callable[[Camels], object]:
    """Write other days for the first gauge."""
    return lambda tree: setattr(tree, "days", edit(list(tree.days)))


def gapped(dates: list[Any]) -> list[Any]:
    """Leave out a day."""
    later = [str(np.datetime64("-".join(d)) + 1).split("-") for d in dates[3:]]
    return [*dates[:3], *later]


def unknown(name: str, at: Any) -> Callable[[dict[str, Any]], object]:
    """Let a number not be known."""

    def change(numbers: dict[str, Any]) -> None:
        numbers[name] = np.array(numbers[name], dtype=float)
        numbers[name][at] = np.nan

    return change


def dry(numbers: dict[str, Any]) -> None:
    """Let the third day of the first gauge be dry."""
    numbers[RAIN] = numbers[RAIN].copy()
    numbers[RAIN][0, 2] = 0.0


def without_first(numbers: dict[str, Any]) -> None:
    """Leave out the first gauge."""
    for name, values in numbers.items():
        if name != "time":
            numbers[name] = np.asarray(values)[1:].tolist()


def first_file(change: Callable[[Path], object]) -> Callable[[Path], object]:
    """Change the forcing of the first gauge once it is written."""
    return lambda root: change(min(root.glob("basin_mean_forcing/*/*/*")))


def commas(tree: Camels) -> None:
    """Write decimal commas in the table of attributes."""
    tree.attributes = [[c.replace(".", ",") for c in row] for row in tree.attributes]


def latin(tree: Camels) -> None:
    """Add a column of words, in an old encoding."""
    tree.attributes = [
        [*row, "Mühle" if k else "note"] for k, row in enumerate(tree.attributes)
    ]
    tree.encoding = "cp1252"


FILE = "01013500_lump_cida_forcing_leap.txt"
DAILY = "a line has a year, a month and a day"
FIXED = "lines have blanks between numbers"
IN_NAMES = "gauges are numbers in the names of files"

CAMELS = Reader(
    Camels,
    "tree",
    read_tree,
    expected,
    {
        **dict.fromkeys(
            (
                "offset",
                "days since",
                "hours since",
                "minutes since",
                "single precision",
                "middle, bounds",
                "end, bounds",
                "middle",
                "dates of spreadsheets",
            ),
            Never(DAILY),
        ),
        "other calendar": Trial(
            days(lambda d: [*d[:-1], ["1981", "02", "30"]]),
            Refused(f"{FILE}: found 1981-2-30, which is no date"),
        ),
        "gap": Trial(days(gapped), Refused("only one of them has 1980-10-04")),
        "time twice": Trial(
            days(lambda d: [*d[:3], d[2], *d[4:]]),
            Refused(f"{FILE}: the days do not increase: 1980-10-03 is fol"),
        ),
        "falling times": Trial(
            days(lambda d: d[::-1]), Refused(f"{FILE}: the days do not increase")
        ),
        "times of places differ": Trial(
            days(lambda d: d[1:]),
            Refused(
                "differ from those of '01013500', .*only one of them has 1980-10-01"
            ),
        ),
        **dict.fromkeys(("bytes", "padded", "integers"), Never(IN_NAMES)),
        "leading zeros": Trial(
            lambda t: t.attributes[1].__setitem__(0, "1013500"),
            Other(without_first, "without leading zero in the attribute tables"),
        ),
        "id twice": (
            Trial(
                lambda t: t.attributes.append(t.attributes[1]),
                Refused(
                    "column 'gauge_id': '01013500' is given twice, in rows 2 and 7"
                ),
            ),
            Trial(
                lambda t: setattr(t, "again", True),
                Refused("basin '01013500' has another file"),
            ),
        ),
        "field twice": (
            Trial(
                lambda t: setattr(t, "title", "tmin(C)"),
                Refused(f"{FILE}: header: 'tmin' is given twice, in column"),
            ),
            Trial(
                lambda t: t.attributes[0].__setitem__(3, "gauge_lat"),
                Refused("camels_topo.txt: header: 'gauge_lat' is given twice"),
            ),
        ),
        "units absent": Trial(
            lambda t: setattr(t, "title", "prcp"),
            Refused("column 'prcp' has units '', expected one of mm/day"),
        ),
        "units of something else": Trial(
            lambda t: setattr(t, "title", "prcp(C)"),
            Refused(r"column 'prcp\(C\)': units 'degC' cannot"),
        ),
        "`name [units]`": Trial(lambda t: None, Same()),
        "declared fill": (
            Trial(put("flow", "-999.00"), Other(unknown(FLOW, (0, 2)))),
            Trial(attribute(3, "NA"), Other(unknown(DEPTH, 1))),
        ),
        "-9999": (
            Trial(put("rain", "-9999.0"), Refused(GONE)),
            Trial(put("flow", "-9999.0"), Other(unknown(FLOW, (0, 2)), MARKED)),
            Trial(attribute(3, "-9999"), Other(unknown(DEPTH, 1), MARKED)),
        ),
        "1e20": (
            Trial(put("rain", "1e20"), Refused(GONE)),
            Trial(put("flow", "1e20"), Other(unknown(FLOW, (0, 2)), MARKED)),
            Trial(attribute(3, "1e20"), Other(unknown(DEPTH, 1), MARKED)),
        ),
        "NetCDF default": Never("text has no defaults of NetCDF"),
        "slightly negative": Trial(put("rain", "-1e-17"), Other(dry, "slightly")),
        "attribute far from others": Trial(
            attribute(3, "4000"),
            Other(deep, "far from all others: soil_depth of '01022500'"),
        ),
        "semicolons": Trial(lambda t: setattr(t, "separator", ";"), Same()),
        "decimal commas": (
            Trial(commas, Same("decimal commas")),
            Trial(put("rain", "0,5"), Refused(f"{FILE}: .*'0,5'")),
        ),
        "tabs": Trial(lambda t: setattr(t, "separator", "\t"), Same()),
        "not UTF-8": Trial(latin, Same("read as Windows-1252")),
        "truncated": Trial(
            first_file(lambda p: p.write_text(p.read_text()[:-9])),
            Refused(f"{FILE}: "),
            after=True,
        ),
        "damaged": Trial(put("rain", "0.5\0"), Refused(f"{FILE}: ")),
        "empty": Trial(
            first_file(emptied),
            Refused(f"{FILE}: the third line is '', expected"),
            after=True,
        ),
        "folder": Trial(
            first_file(made_a_folder),
            Refused(f"{FILE}: cannot be read: Is a directory"),
            after=True,
        ),
    },
)
