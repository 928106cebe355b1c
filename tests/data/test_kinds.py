"""Every kind of fault and oddity of files, in every reader: no square is blank."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmi_dmx.errors import DmxError

from .kinds.basin_tables import BASIN_TABLES
from .kinds.basins import BASIN_FILE
from .kinds.camels import CAMELS
from .kinds.caravan import CARAVAN_CSV, CARAVAN_NETCDF
from .kinds.csv_forcing import CSV_LENIENT, CSV_STRICT
from .kinds.fabrics import GEOJSON, GEOPACKAGE
from .kinds.forcing import NETCDF_LENIENT, NETCDF_STRICT
from .kinds.places import ATTRIBUTES, CROSSWALK, LOCATIONS_CSV, LOCATIONS_NETCDF
from .kinds.series import RUN_CSV, RUN_NETCDF, SPIN_UP
from .kinds.squares import (
    Never,
    Reader,
    Refused,
    Same,
    Square,
    Trial,
    attempt,
    open_folder,
    removed,
    unreadable,
)  # fmt: skip

READERS: dict[str, Reader] = {
    "forcing NetCDF, strict": NETCDF_STRICT,
    "forcing NetCDF": NETCDF_LENIENT,
    "forcing CSV, strict": CSV_STRICT,
    "forcing CSV": CSV_LENIENT,
    "attribute table": ATTRIBUTES,
    "crosswalk": CROSSWALK,
    "GeoPackage": GEOPACKAGE,
    "GeoJSON": GEOJSON,
    "locations CSV": LOCATIONS_CSV,
    "locations NetCDF": LOCATIONS_NETCDF,
    "spin-up CSV": SPIN_UP,
    "run CSV": RUN_CSV,
    "run NetCDF": RUN_NETCDF,
    "basin NetCDF": BASIN_FILE,
    "basin tables": BASIN_TABLES,
    "CAMELS tree": CAMELS,
    "Caravan NetCDF": CARAVAN_NETCDF,
    "Caravan CSV": CARAVAN_CSV,
}

KINDS = (
    # Times
    "offset", "days since", "hours since", "minutes since", "middle, bounds",
    "end, bounds", "middle", "single precision", "other calendar", "gap", "time twice",
    "falling times", "times of places differ", "dates of spreadsheets",
    # Names
    "bytes", "integers", "padded", "leading zeros", "id twice", "field twice",
    # Units
    "units absent", "units of something else", "`name [units]`",
    # Missing values and noise
    "declared fill", "-9999", "1e20", "NetCDF default", "slightly negative",
    "attribute far from others",
    # Places
    "system of degrees", "system of metres", "unknown system", "edits in a -wal",
    "rows that cannot run",
    # Tables
    "semicolons", "decimal commas", "tabs", "not UTF-8",
    # Files
    "truncated", "damaged", "empty", "folder", "no such file", "no permission",
)  # fmt: skip


def never(reason: str, *kinds: str) -> dict[str, Square]:
    return dict.fromkeys(kinds, Never(reason))


NO_TEXT = never("no table of text", "semicolons", "decimal commas", "tabs", "not UTF-8")
NO_DATES = never("no dates in cells", "dates of spreadsheets")
NO_OUTLINES = never(
    "no outlines in it", "system of degrees", "system of metres", "unknown system",
    "edits in a -wal", "rows that cannot run",
)  # fmt: skip
NO_OTHERS = never("no attributes in it", "attribute far from others")
LATER = never(
    "compared with the basins that a model was trained on, once all sources are joined",
    "attribute far from others",
)
FRAMEWORK = never("the framework reads one form of dates", "dates of spreadsheets")
SERIES = {**NO_OUTLINES, **NO_OTHERS, **NO_DATES}
PLACES = {**NO_OUTLINES, **LATER, **NO_DATES}

ELSEWHERE: dict[str, dict[str, Square]] = {
    "forcing NetCDF, strict": {**SERIES, **NO_TEXT},
    "forcing NetCDF": {**SERIES, **NO_TEXT},
    "forcing CSV, strict": {**SERIES, **FRAMEWORK},
    "forcing CSV": SERIES,
    "attribute table": PLACES,
    "crosswalk": {**PLACES, **NO_OTHERS},
    "GeoPackage": {**LATER, **NO_DATES},
    "GeoJSON": {**LATER, **NO_DATES},
    "locations CSV": PLACES,
    "locations NetCDF": {**PLACES, **NO_TEXT},
    "spin-up CSV": SERIES,
    "run CSV": SERIES,
    "run NetCDF": {**SERIES, **NO_TEXT},
    "basin NetCDF": {**NO_OUTLINES, **NO_DATES, **NO_TEXT},
    "basin tables": NO_OUTLINES,
    "CAMELS tree": NO_OUTLINES,
    "Caravan NetCDF": {**NO_OUTLINES, **NO_DATES},
    "Caravan CSV": NO_OUTLINES,
}
"""What cannot occur in the files of a reader, beside what the reader's own table says.
"""

FOR_ALL = {"no such file", "no permission"}
"""Tried by one test for every reader."""


def squares(name: str) -> dict[str, Square]:
    return {**ELSEWHERE[name], **READERS[name].squares}


SQUARES = [
    (name, kind, k)
    for name in READERS
    for kind, square in squares(name).items()
    if not isinstance(square, Never)
    for k in range(len(square) if isinstance(square, tuple) else 1)
]


@pytest.mark.parametrize("name", READERS)
def test_no_square_is_blank(name: str) -> None:
    assert set(squares(name)) | FOR_ALL == set(KINDS)
    reasons = [s.reason for s in squares(name).values() if isinstance(s, Never)]
    assert all(reasons)


@pytest.mark.parametrize("name", READERS)
def test_the_usual_file_gives_its_numbers(name: str, tmp_path: Path) -> None:
    attempt(READERS[name], Trial(lambda _: None, Same()), tmp_path)


@pytest.mark.parametrize(("name", "kind", "which"), SQUARES)
def test_a_square(name: str, kind: str, which: int, tmp_path: Path) -> None:
    square = squares(name)[kind]
    assert not isinstance(square, Never)
    trial = square[which] if isinstance(square, tuple) else square
    attempt(READERS[name], trial, tmp_path)


def one_file(path: Path) -> Path:
    """Return the file, or one of the series of a tree."""
    inner = "*.csv" if (path / "stations.csv").is_file() else "*/*/*/*"
    files = sorted(path.glob(inner)) if path.is_dir() else [path]
    return files[0]


@pytest.mark.parametrize("name", READERS)
def test_no_such_file(name: str, tmp_path: Path) -> None:
    missing = "no forcing of|no such file|nothing found at|are left out|no files"
    if name.startswith(("CAMELS", "Caravan", "basin tables")):
        trial = Trial(
            lambda root: [removed(f) for f in root.rglob("*") if f.is_file()],
            Refused("no files|no attributes_|no tables"), after=True,
        )  # fmt: skip
    else:
        trial = Trial(removed, Refused(missing, file=name != "forcing CSV"), after=True)
    attempt(READERS[name], trial, tmp_path)


@pytest.mark.parametrize("name", READERS)
def test_no_permission(name: str) -> None:
    reader = READERS[name]
    with open_folder() as folder:
        path = folder / reader.name
        reader.usual().write(path) if path.suffix else _tree(reader, path)
        reader.read(path)
        file = one_file(path)
        with unreadable(file), pytest.raises(DmxError, match="Permission denied") as e:
            reader.read(path)
        assert file.name in str(e.value)
        assert "\n" not in str(e.value)


def _tree(reader: Reader, path: Path) -> None:
    path.mkdir()
    reader.usual().write(path)
