"""Generated damages of files, and what comes of reading them.

``python -m tests.data.damages READER FIRST COUNT`` reads damaged files one after the
other and prints what came of each: ``refused``, ``same``, ``other`` (numbers), or
``crash`` with an error that is not one line of the package's own. Each may take ten
seconds and two gigabytes; the process ends at one that takes more.
"""

from __future__ import annotations

import json
import logging
import random
import resource
import signal
import sqlite3
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from bmi_dmx.errors import DmxError

from .kinds.basins import BASIN_FILE
from .kinds.csv_forcing import CSV_LENIENT
from .kinds.fabrics import GEOJSON, GEOPACKAGE
from .kinds.forcing import NETCDF_LENIENT, NETCDF_STRICT
from .kinds.rivers import RIVERS
from .kinds.series import RUN_CSV, RUN_NETCDF
from .kinds.squares import Reader, same_numbers

READERS: dict[str, Reader] = {
    "forcing-strict": NETCDF_STRICT,
    "forcing": NETCDF_LENIENT,
    "forcing-csv": CSV_LENIENT,
    "geopackage": GEOPACKAGE,
    "geojson": GEOJSON,
    "run": RUN_NETCDF,
    "run-csv": RUN_CSV,
    "basins": BASIN_FILE,
    **RIVERS,
}

SECONDS, MEMORY = 10, 2 * 2**30

Damage = Callable[[Path, random.Random], object]


# Of bytes


def _bytes(change: Callable[[bytearray, random.Random], object]) -> Damage:
    def damage(path: Path, chance: random.Random) -> None:
        data = bytearray(path.read_bytes())
        change(data, chance)
        path.write_bytes(data)

    damage.__name__ = change.__name__
    return damage


def _flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice([1, 1, 1, 4, 32])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _overwrite(data: bytearray, chance: random.Random) -> None:
    at, size = chance.randrange(len(data)), chance.choice([1, 4, 64, 1024])
    filled = chance.choice([bytes(size), b"\xff" * size, chance.randbytes(size)])
    data[at : at + size] = filled[: len(data) - at]


def _truncate(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def _insert(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    data[at:at] = chance.randbytes(chance.choice([1, 8, 512]))


def _cut(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    del data[at : at + chance.choice([1, 8, 512])]


BYTES: list[Damage] = [_bytes(x) for x in (_flip, _overwrite, _truncate, _insert, _cut)]


# Of NetCDF files


ODD: list[Any] = [
    "", "K", "mm", "hours since 1-1-1", "days since 2000-01-01 00:00 +99", -1.0, 0.0,
    float("nan"), 1e300, np.int64(2**62), np.array([1.0, 2.0]), "time", "noleap",
]  # fmt: skip


def _attribute(path: Path, chance: random.Random) -> None:
    with netCDF4.Dataset(path, "a") as file:
        variable = chance.choice(list(file.variables.values()))
        attributes = [n for n in variable.ncattrs() if n != "_FillValue"]
        new = ["units", "calendar", "bounds", "scale_factor", "add_offset", "valid_max",
               "missing_value", "cf_role", "epoch_start", "coordinates"]  # fmt: skip
        name = chance.choice([*attributes, *new])
        if name in attributes and chance.random() < 0.3:
            variable.delncattr(name)
        else:
            variable.setncattr(name, chance.choice(ODD))


def _rename(path: Path, chance: random.Random) -> None:
    with netCDF4.Dataset(path, "a") as file:
        if chance.random() < 0.5:
            file.renameVariable(chance.choice(list(file.variables)), "other")
        else:
            file.renameDimension(chance.choice(list(file.dimensions)), "other")


def _retype(path: Path, chance: random.Random) -> None:
    """Write one variable in another type, or shape, or full of something."""
    target = path.with_name("made.nc")
    with netCDF4.Dataset(path) as old, netCDF4.Dataset(target, "w") as new:
        victim = chance.choice(list(old.variables))
        for name, dimension in old.dimensions.items():
            size = len(dimension)
            new.createDimension(name, None if chance.random() < 0.05 else size)
        new.createDimension("extra", chance.choice([0, 1, 3]))
        for name, variable in old.variables.items():
            kind, dims, values = variable.dtype, variable.dimensions, variable[:]
            if name == victim:
                kind = chance.choice([str, "S1", "i1", "u8", "f4", "f8", "i8"])
                dims = chance.choice([dims, dims[::-1], (*dims, "extra"), dims[:1], ()])
                values = None
                if kind not in (str, "S1") and chance.random() < 0.7:
                    values = chance.choice([0, 1, 100])
            copy = new.createVariable(name, kind, dims)
            attributes = [n for n in variable.ncattrs() if n != "_FillValue"]
            copy.setncatts({n: variable.getncattr(n) for n in attributes})
            if values is not None:
                copy[...] = values
    target.replace(path)


NETCDF: list[Damage] = [_attribute, _attribute, _rename, _retype, _retype]


# Of hydrofabrics and tables


VALUES: list[Any] = [
    None, "", "x", b"\xff\xfe", -1, 0, 10**18, -(2**63), 1e300, float("inf"), 1.5,
]  # fmt: skip


def _sql(path: Path, chance: random.Random) -> None:
    with closing(sqlite3.connect(path)) as connection:
        tables = [r[0] for r in connection.execute("SELECT name FROM sqlite_master")]
        table = chance.choice(tables)
        columns = [r[1] for r in connection.execute(f'PRAGMA table_info("{table}")')]
        column, sort = chance.choice(columns), chance.randrange(5)
        if sort == 0:
            connection.execute(f'DROP TABLE "{table}"')
        elif sort == 1:
            connection.execute(f'ALTER TABLE "{table}" RENAME "{column}" TO "other"')
        elif sort == 2:
            connection.execute(f'DELETE FROM "{table}"')
        else:
            rows = "" if sort == 3 else "WHERE rowid = 2"
            value = chance.choice(VALUES)
            connection.execute(f'UPDATE "{table}" SET "{column}" = ? {rows}', (value,))
        connection.commit()


def _json(path: Path, chance: random.Random) -> None:
    content = json.loads(path.read_text())
    spots: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in list(items):
            spots.append((node, key))
            if isinstance(value, dict | list):
                walk(value)

    walk(content)
    node, key = chance.choice(spots)
    odd = [None, "", 7, -1.5, True, [], {}, [[[]]], "nex-9", 10**400]
    node[key] = chance.choice(odd)
    path.write_text(json.dumps(content))


def _cell(path: Path, chance: random.Random) -> None:
    rows = [line.split(",") for line in path.read_text().splitlines()]
    row = chance.choice(rows)
    row[chance.randrange(len(row))] = chance.choice(
        ["", "x", '"', "1,5", "nan", "1e999", "-9999", "0001-01-01", "9999-12-31", "é"]
    )
    path.write_text("\n".join(map(",".join, rows)))


SORTS = {".nc": NETCDF, ".gpkg": [_sql], ".geojson": [_json], ".csv": [_cell]}


def damages_of(path: Path) -> list[Damage]:
    """Return the ways in which a file may be damaged."""
    return [*BYTES, *SORTS[path.suffix]]


def outcome(name: str, number: int, folder: Path) -> str:
    """Damage a file, read it, and say what came of it."""
    reader, chance = READERS[name], random.Random(f"{name} {number}")
    path = folder / reader.name
    reader.usual().write(path)
    damage = chance.choice(damages_of(path))
    damage(path, chance)
    try:
        numbers, _ = reader.read(path)
    except DmxError as error:
        return "refused" if "\n" not in str(error) else f"crash {error!r}"
    except Exception as error:
        return f"crash {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    try:
        same_numbers(numbers, reader.expected())
    except AssertionError:
        return f"other after {damage.__name__}"
    return "same"


def main(name: str, first: int, count: int) -> None:
    """Print what comes of some damages."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder:
        READERS[name].usual().write(Path(folder, READERS[name].name))
        READERS[name].read(Path(folder, READERS[name].name))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for number in range(first, first + count):
        signal.alarm(SECONDS)
        with tempfile.TemporaryDirectory() as folder:
            print(number, outcome(name, number, Path(folder)), flush=True)
    signal.alarm(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
