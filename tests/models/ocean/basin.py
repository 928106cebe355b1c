"""The basin that comes with the package, set up as a component."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from bmi_dmx import HybridOcean
from bmi_dmx.config import as_yaml
from bmi_dmx.models.ocean.made_basin import basin_grid, basin_water

GRID = basin_grid()
SEA = GRID.open_at("cell", ("level",))
FORCINGS = ("stress_x", "stress_y", "heat", "light", "fresh_water")


def write_water(path: Path, water: dict[str, Any] | None = None) -> Path:
    """Write what the water is like at the start."""
    with netCDF4.Dataset(path, "w") as file:
        for name, values in (water or basin_water()).items():
            dims = tuple(f"d{size}" for size in values.shape)
            for dim, size in zip(dims, values.shape, strict=True):
                if dim not in file.dimensions:
                    file.createDimension(dim, size)
            variable = file.createVariable(name, "f8", dims)
            variable.units = "degC" if name == "temperature" else "1e-3"
            variable[:] = values
    return path


def started(folder: Path, **settings: Any) -> HybridOcean:
    """Return a component at rest in stratified water."""
    folder.mkdir(exist_ok=True)
    config = {"start_time": "2000-01-01", "initial_fields": "water.nc", **settings}
    write_water(folder / "water.nc")
    path = folder / "ocean.yaml"
    path.write_text(
        as_yaml({k: x for k, x in config.items() if x is not None}), "utf-8"
    )
    component = HybridOcean()
    component.initialize(str(path))
    return component


def weather(step: int) -> dict[str, Any]:
    """Return forcings of a step that differ from place to place."""
    rng = np.random.default_rng(step)
    y = GRID.nodes("y")[:, None]
    rows, columns = len(y), GRID.x_edges.size - 1
    bent = -0.08 * np.cos(2.0 * np.pi * (y - 12.0) / 48.0)
    return {
        "stress_x": bent * np.ones(columns + 1),
        "stress_y": 0.02 * rng.normal(size=(rows + 1, columns)),
        "heat": 40.0 * rng.normal(size=(rows, columns)),
        "light": 30.0 * rng.random((rows, columns)),
        "fresh_water": 1e-5 * rng.normal(size=(rows, columns)),
    }


def advance(component: HybridOcean, steps: range) -> None:
    """Update on the weather."""
    for step in steps:
        for name, values in weather(step).items():
            component.set_value(name, values.reshape(-1))
        component.update()


UNITS = ("Pa", "Pa", "W m-2", "W m-2", "kg m-2 s-1")


def write_weather(path: Path, steps: int) -> None:
    """Write hours of the weather, each forcing with the dimensions of its grid."""
    series = [weather(step) for step in range(steps)]
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", steps)
        time = file.createVariable("time", "f8", ("time",))
        time.units = "hours since 2000-01-01"
        time[:] = np.arange(steps)
        for name, units in zip(FORCINGS, UNITS, strict=True):
            values = np.stack([fields[name] for fields in series])
            sizes = {f"{a}{n}": n for a, n in zip("yx", values.shape[1:], strict=True)}
            for dim, size in sizes.items():
                if dim not in file.dimensions:
                    file.createDimension(dim, size)
            variable = file.createVariable(name, "f8", ("time", *sizes))
            variable.units = units
            variable[:] = values
