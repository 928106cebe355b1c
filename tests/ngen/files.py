"""Forcing files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np


def write_netcdf(
    path: Path,
    ids: list[str],
    variables: dict[str, tuple[str, Any]],
    *,
    times: Any = None,
    units: str = "seconds since 2015-12-01 00:00:00",
    kind: str = "NETCDF4",
) -> None:
    """Write a forcing file in the framework's layout."""
    hours = next(iter(variables.values()))[1].shape[1]
    times = 3600.0 * np.arange(hours) if times is None else times
    with netCDF4.Dataset(path, "w", format=kind) as file:
        file.createDimension("catchment-id", len(ids))
        file.createDimension("time", hours)
        if kind == "NETCDF4":
            names = file.createVariable("ids", str, ("catchment-id",))
            names[:] = np.array(ids, dtype=object)
        time = file.createVariable("Time", "f8", ("catchment-id", "time"))
        time.units = units
        time[:] = np.broadcast_to(times, (len(ids), hours))
        for name, (unit, values) in variables.items():
            variable = file.createVariable(name, "f4", ("catchment-id", "time"))
            variable[:] = values
            if unit:
                variable.units = unit
