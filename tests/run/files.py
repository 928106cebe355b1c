"""Files of forcing and tables of attributes, made here."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

UNITS = {
    "precipitation": "mm d-1",
    "air_temperature": "degC",
    "air_temperature_min": "degC",
    "air_temperature_max": "degC",
}


def write_series(
    path: Path,
    series: Mapping[str, Any],
    *,
    ids: Sequence[str] | None = None,
    dims: tuple[str, ...] = ("place",),
    hours: float = 24.0,
    time: Mapping[str, Any] | None = None,
    times: Any = None,
    units: Mapping[str, str] = UNITS,
    constants: Mapping[str, Any] | None = None,
) -> Path:
    """Write (time, *dims) series as a NetCDF file; ``time`` replaces its attributes."""
    steps = len(next(iter(series.values())))
    shape = np.shape(next(iter(series.values())))[1:]
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", steps)
        for name, size in zip(dims, shape, strict=True):
            file.createDimension(name, size)
        axis = file.createVariable("time", "f8", ("time",), fill_value=-1.0)
        axis.setncatts({"units": "hours since 1980-10-01 00:00", **(time or {})})
        axis[:] = hours * np.arange(steps) if times is None else times
        for name, values in series.items():
            variable = file.createVariable(name, "f8", ("time", *dims), fill_value=-9e9)
            if units.get(name):
                variable.units = units[name]
            variable[:] = values
        if ids is not None:
            names = file.createVariable("place_id", str, dims)
            names[:] = np.array(list(ids), dtype=object)
        for name, values in (constants or {}).items():
            file.createVariable(name, "f8", dims)[:] = values
    return path


def write_csv(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    """Write rows, the first of titles, as a CSV file."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def write_table(path: Path, ids: Sequence[str], values: Mapping[str, Any]) -> Path:
    """Write a table of attributes as a CSV file."""
    columns = zip(*values.values(), strict=True)
    rows = [[name, *map(repr, map(float, row))]
            for name, row in zip(ids, columns, strict=True)]  # fmt: skip
    return write_csv(path, [["id", *values], *rows])


def read(path: Path) -> dict[str, Any]:
    """Return all variables of a file."""
    with netCDF4.Dataset(path) as file:
        return {name: np.ma.getdata(file[name][:]) for name in file.variables}
