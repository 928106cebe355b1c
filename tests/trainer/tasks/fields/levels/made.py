"""Files of a year each of a made ocean, in the layout of GLORYS12 and ERA5 channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

LEVELS, ROWS, COLUMNS, DEGREES = 3, 12, 24, 15.0
DEPTHS = (10.0, 40.0, 120.0)
LEVELLED = ("salinity", "u", "v", "temperature")
WEATHER = ("eastward_wind", "northward_wind", "air_temperature", "air_pressure")


def channels(levels: int = LEVELS) -> dict[str, list[int]]:
    channels = {n: [k * levels, (k + 1) * levels] for k, n in enumerate(LEVELLED)}
    first = 4 * levels
    for k, name in enumerate(("elevation", *WEATHER)):
        channels[name] = [first + k, first + k + 1]
    return channels


def fields(
    days: Any, levels: int = LEVELS, rows: int = ROWS, columns: int = COLUMNS
) -> Any:
    """(day, channel, row, column), rows from the north pole down; NaN on land."""
    y = np.radians(90.0 - 180.0 / rows * np.arange(rows))[:, None]
    x = 2.0 * np.pi * np.arange(columns) / columns
    day = np.asarray(days, float)[:, None, None, None]
    k = np.arange(levels)[:, None, None] / levels
    wave = np.cos(3.0 * x - 0.2 * day) * np.cos(y) ** 2
    season = np.sin(2.0 * np.pi * day / 365.25) * np.sin(y)
    flat = np.zeros((len(day), 1, rows, columns))
    fields = np.concatenate(
        [
            35.0 - k + 0.2 * wave,
            0.1 * (1.0 - k) * wave,
            0.05 * (1.0 - k) * np.sin(3.0 * x - 0.2 * day) * np.cos(y),
            25.0 * np.cos(y) - 8.0 * k + 2.0 * season + 0.5 * wave,
            0.1 * wave,
            7.0 * np.sin(2.0 * y) + flat,
            2.0 * wave + flat,
            273.0 + 25.0 * np.cos(y) + 5.0 * season + flat,
            1.01e5 + 500.0 * wave + flat,
        ],
        axis=1,
    )
    fields[:, : 4 * levels + 1][..., land(rows, columns)] = np.nan
    return fields


def land(rows: int = ROWS, columns: int = COLUMNS) -> Any:
    """(row, column) of two continents."""
    inside = np.zeros((rows, columns), bool)
    inside[rows // 4 : rows // 2, columns // 6 : columns // 3] = True
    inside[rows // 2 :, 2 * columns // 3 : 3 * columns // 4] = True
    return inside


def write(folder: Path, year: int, count: int, **sizes: int) -> Path:
    folder.mkdir(exist_ok=True)
    begin = (np.datetime64(f"{year}-01-01") - np.datetime64("2019-01-01")).astype(int)
    values = fields(begin + np.arange(count), **sizes)
    path = folder / f"ocean_{year}.h5"
    with netCDF4.Dataset(path, "w") as file:
        for name, size in zip(("t", "c", "y", "x"), values.shape, strict=True):
            file.createDimension(name, size)
        file.createVariable("fields", "f4", ("t", "c", "y", "x"))[:] = values
    return path


GRID = {
    "rows": 8, "columns": COLUMNS, "degrees": DEGREES, "south": -67.5, "west": -7.5,
    "depths": list(DEPTHS),
}  # fmt: skip


def hybrid(**changes: Any) -> dict[str, Any]:
    return {
        "recipe": "ocean_hybrid", "grid": GRID, "seconds": 10800.0,
        "learned": {"viscosity": "map", "vertical_diffusivity": "profile",
                    "drag": "number", "temperature_restoring": "map"},
        "network": "unet", "options": {"hidden": 8, "patch": 2},
        "forms": ["mixing", "spreading", "friction", "flux", "source", "push"],
        **changes,
    }  # fmt: skip


def alone(network: str = "unet", **options: Any) -> dict[str, Any]:
    return {
        "recipe": "ocean_network", "grid": GRID, "network": network,
        "options": {"hidden": 8, "patch": 2, **options}, "history": 2,
    }  # fmt: skip


def experiment(source: Path, **changes: Any) -> dict[str, Any]:
    return {
        "name": "made", "licence": "CC0-1.0", "task": "levels",
        "data": {
            "source": str(source), "channels": channels(),
            "rows": [90.0, -DEGREES], "columns": [0.0, DEGREES],
            "usual": {"target_temperature": "temperature",
                      "target_salinity": "salinity"},
            "looked_at": 60,
            "history": {f"earlier_{n}": n for n in (*LEVELLED, "elevation")},
        },
        "periods": {
            "train": ["2019-01-01", "2019-12-28"],
            "validation": ["2019-12-29", "2020-01-02"],
            "test": ["2020-02-26", "2020-03-02"],
        },
        "rollout": {"steps": [1, 2], "until": [0.5]}, "truncate": 1,
        "evaluation": {"leads": [1, 2], "monitor": [1, 2], "every": 2},
        "model": hybrid(),
        "training": {
            "steps": 6, "batch": 4, "warmup": 0, "window": 2, "validate_every": 3,
            "optimizer": {"rate": 0.003, "weight_decay": 0.01}, "averaging": 0.5,
            "schedule": "cosine", "threads": 1,
        },
        **changes,
    }  # fmt: skip
