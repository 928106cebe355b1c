"""A small sea made of damped anomalies, a season, and an island."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

ROWS, COLUMNS, DEGREES, YEARS = 8, 24, 15.0, 20


def sea(rows: int = ROWS, columns: int = COLUMNS) -> Any:
    mask = np.ones((rows, columns), bool)
    mask[2:4, 5:8] = False
    return mask


def temperatures(seed: int = 0) -> Any:
    """(month, row, column), degC; NaN on land."""
    rng = np.random.default_rng(seed)
    months = 12 * YEARS
    a = np.zeros((months, ROWS, COLUMNS))
    for t in range(1, months):
        drawn = rng.normal(0.0, 0.4, (ROWS, COLUMNS))
        a[t] = (
            0.8 * a[t - 1] + (drawn + np.roll(drawn, 1, 1) + np.roll(drawn, 1, 0)) / 3
        )
    season = 5.0 * np.sin(2.0 * np.pi * (np.arange(months) % 12) / 12.0)
    usual = 15.0 + 10.0 * np.cos(np.radians(-52.5 + DEGREES * np.arange(ROWS)))
    sst = a + season[:, None, None] + usual[:, None]
    sst[:, ~sea()] = np.nan
    return sst


def write(
    path: Path, sst: Any, *, falling: bool = False, first: str = "1980-01"
) -> Path:
    begins = np.arange(len(sst)) + np.datetime64(first, "M")
    days = (begins.astype("datetime64[D]") - np.datetime64("1970-01-01")).astype(float)
    y = -52.5 + DEGREES * np.arange(sst.shape[1])
    turn = slice(None, None, -1) if falling else slice(None)
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("time", None), ("lat", len(y)), ("lon", sst.shape[2])):
            file.createDimension(name, size)
        time = file.createVariable("time", "f8", ("time",))
        time.units = "days since 1970-01-01"
        time[:] = days
        file.createVariable("lat", "f8", ("lat",))[:] = y[turn]
        x = DEGREES * (np.arange(sst.shape[2]) + 0.5)
        file.createVariable("lon", "f8", ("lon",))[:] = x
        variable = file.createVariable(
            "sst", "f4", ("time", "lat", "lon"), fill_value=-999.0
        )
        variable.units = "degC"
        variable[:] = np.ma.masked_invalid(sst[:, turn])
        file.createVariable("mask", "i1", ("lat", "lon"))[:] = sea()[turn]
    return path


def experiment(source: Path, **changes: Any) -> dict[str, Any]:
    return {
        "name": "made", "licence": "CC0-1.0", "task": "fields",
        "data": {
            "source": str(source), "variables": {"anomaly": "sst"},
            "history": {"earlier": "anomaly"}, "mask": "mask",
        },
        "periods": {
            "train": ["1980-01", "1993-12"], "validation": ["1994-01", "1996-12"],
            "test": ["1997-01", "1999-12"],
        },
        "rollout": {"steps": [1, 3], "until": [0.5]},
        "start": {"kind": "fading", "share": 0.5},
        "noise": 0.02, "mirrored": True,
        "evaluation": {
            "leads": [1, 3], "monitor": [1, 3], "regions": {"box": [-20, 20, 30, 200]},
        },
        "model": {
            "recipe": "surface_anomaly", "modes": 3, "history": 4,
            "grid": {"rows": ROWS, "columns": COLUMNS, "degrees": DEGREES},
            "options": {"hidden": 6, "patch": 2, "dropout": 0.2},
        },
        "training": {
            "steps": 8, "batch": 4, "warmup": 0, "window": 3, "validate_every": 4,
            "checkpoint_every": 2, "averaging": 0.9, "schedule": "cosine",
            "optimizer": {"rate": 0.01}, "threads": 1, "loggers": [],
        },
        **changes,
    }  # fmt: skip
