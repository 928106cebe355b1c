"""A made valley: segments, the weather over its land, and what is known of that."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from bmi_dmx.config import as_yaml

DAYS = 150
BELOW = [3, 3, 5, 5, 0]
"""Numbers of the segments below, from 1."""

ENTERS = [1, 1, 2, 3, 4, 4, 5, 0]
"""Numbers of the segments that units of land enter; the last enters none."""

ATTRIBUTES = ("p_mean", "aridity")

EXPERIMENT: dict[str, Any] = {
    "name": "valley",
    "licence": "CC0-1.0",
    "seed": 3,
    "task": "reaches",
    "data": {"river": "valley.nc", "observed": {"variable": "discharge"}},
    "periods": {
        "train": ["2001-01-11", "2001-03-31"],
        "test": ["2001-04-01", "2001-05-15"],
    },
    "land": {
        "model": {
            "recipe": "dhbv",
            "process": "hbv11p",
            "members": 2,
            "evaporation": "hargreaves",
            "static": {"attributes": list(ATTRIBUTES), "hidden": [4]},
        },
        "spin_up": 20,
        "forcings": {
            "precipitation": {"variable": "prcp"},
            "air_temperature_min": {"variable": "tmin"},
            "air_temperature_max": {"variable": "tmax"},
        },
        "attributes": "land.csv",
    },
    "model": {
        "parts": {
            "channel": {
                "network": "mlp",
                "options": {"hidden": [3]},
                "attributes": ["slope"],
                "gives": ["manning", "width_exponent", "width_coefficient"],
            },
            "river": {"process": "muskingum_cunge"},
        },
        "seconds": 3600,
        "system": "rivers",
    },
    "training": {
        "steps": 4,
        "batch": 2,
        "warmup": 3,
        "window": 10,
        "optimizer": {"name": "adam", "rate": 0.02, "weight_decay": 0.0},
        "validate_every": 4,
        "checkpoint_every": 1,
        "threads": 1,
    },
    "evaluation": {"areas": [500], "chunk": 17},
}


def write_valley(folder: Path) -> Path:
    """Write segments, the weather over units of land, and what is known of these."""
    rng = np.random.default_rng(4)
    units, segments = len(ENTERS), len(BELOW)
    names = [str(70 + k) for k in range(units)]
    area = rng.uniform(40.0, 120.0, units)
    rain = np.where(rng.random((DAYS, 1)) < 0.4, rng.gamma(1.0, 9.0, (DAYS, units)), 0)
    low = rng.uniform(-1.0, 6.0, (DAYS, units))
    flow = np.convolve(rain.mean(1), 0.7 ** np.arange(15))[:DAYS, None] * [2.0, 1.0]
    flow = flow + 1.0
    drained = [area[:7].sum(), area[:4].sum()]
    variables = {
        "segment_id": (("segment",), np.arange(segments) + 11, ""),
        "segment_downstream": (("segment",), np.array(BELOW), ""),
        "segment_length": (("segment",), rng.uniform(4e3, 2e4, segments), "m"),
        "segment_slope": (("segment",), rng.uniform(1e-3, 8e-3, segments), "1"),
        "hru_id": (("hru",), np.array(names, dtype=object), ""),
        "hru_segment": (("hru",), np.array(ENTERS), ""),
        "hru_area": (("hru",), area, "km2"),
        "prcp": (("hru", "time"), rain.T, "mm d-1"),
        "tmin": (("hru", "time"), low.T, "degC"),
        "tmax": (("hru", "time"), (low + rng.uniform(2, 9, low.shape)).T, "degC"),
        "gauge_id": (("gauge",), np.array(["A", "B"], dtype=object), ""),
        "gauge_segment": (("gauge",), np.array([5, 3]), ""),
        "gauge_area": (("gauge",), np.array(drained), "km2"),
        "discharge": (("gauge", "time"), flow.T, "m3 s-1"),
    }
    with netCDF4.Dataset(folder / "valley.nc", "w") as file:
        for name, size in (
            ("segment", 5),
            ("hru", units),
            ("gauge", 2),
            ("time", DAYS),
        ):
            file.createDimension(name, size)
        file.createVariable("time", "f8", ("time",)).units = "days since 2001-01-01"
        file["time"][:] = np.arange(DAYS)
        for name, (dimensions, values, text) in variables.items():
            kind = str if values.dtype == object else values.dtype
            variable = file.createVariable(name, kind, dimensions)
            variable[:] = values
            if text:
                variable.units = text
    with open(folder / "land.csv", "w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(("land", *ATTRIBUTES, "area_km2", "latitude"))
        # Not in the order of the file of the weather.
        for k in reversed(range(units)):
            cells = (rng.uniform(2, 5), rng.uniform(0.4, 1.5), area[k], 41.0)
            writer.writerow((names[k], *cells))
    path = folder / "valley.yaml"
    path.write_text(as_yaml(EXPERIMENT), encoding="utf-8")
    return path
