"""A small river with what enters it, in files, and what is asked of both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from bmi_dmx.routing.route import Request, RoutingResult, route
from bmi_dmx.routing.span import RequestedSpan
from tests.models.rivers.small_river import IDS, weather, write_tree

HOUR, DAY = 3600.0, 86400.0


def write_inflow(
    path: Path,
    values: Any,
    *,
    ids: Sequence[str] = IDS,
    name: str = "q_lateral",
    units: str = "m3 s-1",
    seconds: float = HOUR,
    places_first: bool = False,
    since: str = "2000-01-01",
) -> Path:
    """Write (step, place) lateral inflow."""
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", len(values))
        file.createDimension("reach", len(ids))
        time = file.createVariable("time", "f8", ("time",))
        time.units = f"seconds since {since}"
        time[:] = seconds * np.arange(len(values))
        file.createVariable("reach_id", str, ("reach",))[:] = np.array(ids, object)
        dims = ("reach", "time") if places_first else ("time", "reach")
        variable = file.createVariable(name, "f8", dims, fill_value=-1e30)
        if units:
            variable.units = units
        variable[:] = np.transpose(values) if places_first else values
    return path


def asked(folder: Path, values: Any = None, **more: Any) -> Request:
    """Return what is to be routed; ``when`` is a mapping, and files are made."""
    tree, inflow = folder / "tree.nc", folder / "inflow.nc"
    if not tree.exists():
        write_tree(tree)
    if values is not None or not inflow.exists():
        write_inflow(inflow, weather(72) if values is None else values)
    usual: dict[str, Any] = {
        "inflow": inflow, "tree": tree, "output": folder / "out.nc", "at": "all",
    }  # fmt: skip
    when = RequestedSpan(**more.pop("when", {}))
    return Request(**{**usual, **more, "when": when})


def routed(folder: Path, values: Any = None, **more: Any) -> RoutingResult:
    """Route, and return what came of it."""
    return route(asked(folder, values, **more))


def flow(path: Path) -> Any:
    """Return what was written, (time, place)."""
    with netCDF4.Dataset(path) as file:
        return np.ma.filled(file["discharge"][:], np.nan)


def times(path: Path) -> Any:
    """Return the times of what was written."""
    with netCDF4.Dataset(path) as file:
        return np.asarray(file["time"][:]).astype("datetime64[s]")
