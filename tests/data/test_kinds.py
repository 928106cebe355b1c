"""Every kind of fault and oddity of files, in every reader: no square is blank."""

from __future__ import annotations

from pathlib import Path

import pytest

from .kinds.fabrics import GEOJSON, GEOPACKAGE
from .kinds.forcing import CSV_LENIENT, CSV_STRICT, NETCDF_LENIENT, NETCDF_STRICT
from .kinds.places import ATTRIBUTES, CROSSWALK, LOCATIONS_CSV, LOCATIONS_NETCDF
from .kinds.series import RUN_CSV, RUN_NETCDF, SPIN_UP
from .kinds.squares import Never, Reader, Same, Square, Trial, attempt

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
}

SQUARES = [
    (reader, kind, k)
    for reader in READERS
    for kind, square in READERS[reader].squares.items()
    if not isinstance(square, Never)
    for k in range(len(square) if isinstance(square, tuple) else 1)
]


@pytest.mark.parametrize("name", READERS)
def test_the_usual_file_gives_its_numbers(name: str, tmp_path: Path) -> None:
    attempt(READERS[name], Trial(lambda _: None, Same()), tmp_path)


@pytest.mark.parametrize(("name", "kind", "which"), SQUARES)
def test_a_square(name: str, kind: str, which: int, tmp_path: Path) -> None:
    square = READERS[name].squares[kind]
    assert not isinstance(square, Never)
    trial = square[which] if isinstance(square, tuple) else square
    attempt(READERS[name], trial, tmp_path)
