"""A river of five reaches in a file, and components that run it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from bmi_dmx import MuskingumCunge
from bmi_dmx.config import as_yaml

IDS = ("wb-3", "wb-4", "wb-5", "wb-1", "wb-9")
BELOW = {"wb-3": "wb-1", "wb-4": "wb-1", "wb-5": "wb-9", "wb-1": "wb-9", "wb-9": ""}
FLOW = "land_surface_water_source__volume_flow_rate"
SOURCES = "land_surface_water_source__id"

COLUMNS: dict[str, tuple[Sequence[float], str]] = {
    "length": ((4000.0, 6000.0, 3000.0, 5000.0, 9000.0), "m"),
    "slope": ((0.002, 0.0015, 0.004, 0.0012, 0.001), "1"),
    "n": ((0.04, 0.05, 0.06, 0.045, 0.03), ""),
    "areasqkm": ((12.0, 20.0, 5.0, 8.0, 30.0), "km2"),
    "BtmWdth": ((4.0, 6.0, 3.0, 8.0, 12.0), "m"),
    "TopWdth": ((7.0, 10.0, 5.0, 14.0, 20.0), "m"),
    "TopWdthCC": ((21.0, 30.0, 15.0, 42.0, 60.0), "m"),
    "nCC": ((0.08, 0.1, 0.12, 0.09, 0.06), ""),
    "ChSlp": ((0.5, 0.25, 0.2, 0.5, 0.1), ""),
    "lon": ((-75.1, -75.0, -75.2, -75.05, -75.02), "degrees_east"),
    "lat": ((41.2, 41.3, 41.15, 41.1, 41.0), "degrees_north"),
}


def write_tree(
    path: Path,
    order: Sequence[str] = IDS,
    without: Sequence[str] = (),
    lake: str = "",
    **changes: Any,
) -> Path:
    """Write the reaches in some order; changes replace numbers of a column, or add."""
    at = [IDS.index(name) for name in order]
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("reach", len(order))
        names = {"reach_id": list(order), "down_id": [BELOW[n] for n in order]}
        for title, texts in names.items():
            file.createVariable(title, str, ("reach",))[:] = np.array(texts, object)
        more = {title: (x, "") for title, x in changes.items() if title not in COLUMNS}
        for title, (values, units) in {**COLUMNS, **more}.items():
            if title in without:
                continue
            variable = file.createVariable(title, "f8", ("reach",))
            variable[:] = np.asarray(changes.get(title, values), float)[at]
            if units:
                variable.units = units
        if lake:
            _write_lake(file, [7 if name == lake else -9999 for name in order])
    return path


def _write_lake(file: Any, lies_in: Sequence[int]) -> None:
    """Write a lake that a reach lies in, 5 m above its orifice."""
    file.createVariable("NHDWaterbodyComID", "i8", ("reach",))[:] = lies_in
    file.createDimension("lake", 1)
    file.createVariable("lake_id", "i8", ("lake",))[:] = 7
    attributes = {
        "LkArea": 0.5, "LkMxE": 110.0, "OrificeA": 2.0, "OrificeC": 0.1,
        "OrificeE": 100.0, "WeirC": 0.4, "WeirE": 108.0, "WeirL": 10.0, "ifd": 0.5,
    }  # fmt: skip
    for title, value in attributes.items():
        file.createVariable(f"lake_{title}", "f8", ("lake",))[:] = value


def configured(folder: Path, name: str = "river.yaml", **changes: Any) -> Path:
    """Write a configuration; None removes a key."""
    tree = folder / "tree.nc"
    if not tree.exists():
        write_tree(tree)
    usual = {"start_time": "2000-01-01", "tree": "tree.nc", "bundle": "rivers-plain"}
    settings = {**usual, **changes}
    path = folder / name
    entries = {key: value for key, value in settings.items() if value is not None}
    path.write_text(as_yaml(entries), encoding="utf-8")
    return path


def started(folder: Path, **changes: Any) -> MuskingumCunge:
    """Return an initialized component."""
    component = MuskingumCunge()
    component.initialize(str(configured(folder, **changes)))
    return component


def weather(steps: int, places: int = len(IDS), seed: int = 3) -> np.ndarray[Any, Any]:
    """Return lateral inflow with rain and without, (step, place)."""
    return np.random.default_rng(seed).gamma(0.3, 8.0, (steps, places))


def run(component: MuskingumCunge, inflow: Any, *names: str) -> list[Any]:
    """Step through lateral inflow; return the series of outputs."""
    outputs: list[list[Any]] = [[] for _ in names]
    for row in inflow:
        component.set_value(FLOW, row)
        component.update()
        for series, name in zip(outputs, names, strict=True):
            series.append(component.get_value(name, np.empty(len(IDS))))
    return [np.array(series) for series in outputs]
