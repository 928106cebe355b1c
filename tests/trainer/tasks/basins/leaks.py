"""A file of made basins, a protocol on it, and poison for what is held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bmi_dmx.config import as_yaml

FIRST, DAYS = np.datetime64("2000-10-01"), 6 * 365 + 2
IDS = tuple(f"{number:04d}" for number in range(1, 7))
ZONES = ("01", "01", "02", "02", "03", "03")

EXPERIMENT: dict[str, Any] = {
    "name": "made",
    "data": {"path": "made.nc", "attributes": "both"},
    "periods": {
        "train": ["2001-10-01", "2004-09-30"], "test": ["2004-10-01", "2006-09-30"],
    },
    "model": {
        "process": "hbv11p",
        "members": 2,
        "evaporation": "hargreaves",
        "static": {
            "hidden": [4],
            "dropout": 0.2,
            "attributes": ["p_mean", "frac_snow", "height", "area_km2"],
        },
        "transforms": {"area_km2": "log"},
    },
    "loss": {"nse_batch": 1.0},
    "training": {
        "steps": 3, "batch": 3, "warmup": 60, "window": 90, "validate_every": 3,
        "optimizer": {"rate": 0.05},
    },
}  # fmt: skip


def made() -> xr.Dataset:
    """Return six years of weather and flow of six basins."""
    rng = np.random.default_rng(7)
    time = FIRST + np.arange(DAYS)
    season = np.cos(2 * np.pi * np.arange(DAYS) / 365.25)[:, None]
    mean = 9.0 - 11.0 * season + rng.normal(0, 3, (DAYS, 6))
    rain = rng.gamma(0.3, 9.0, (DAYS, 6))
    flow = np.zeros((DAYS, 6))
    store = np.ones(6)
    for day in range(DAYS):
        store += 0.5 * rain[day]
        flow[day] = 0.1 * store
        store -= flow[day]
    data = xr.Dataset(coords={"basin": list(IDS), "time": time})
    for name, values, units in (
        ("prcp", rain, "mm/day"), ("tmin", mean - 5, "degC"),
        ("tmax", mean + 5, "degC"), ("qobs", flow, "mm/day"),
    ):  # fmt: skip
        data[name] = (("time", "basin"), values, {"units": units})
    for name, values, units in (
        ("area", rng.uniform(50, 900, 6), "km2"),
        ("gauge_lat", np.linspace(38, 44, 6), "degrees_north"),
        ("gauge_lon", np.linspace(-110, -80, 6), "degrees_east"),
        ("height", rng.uniform(0, 900, 6), "m"),
    ):
        data[name] = ("basin", values, {"units": units})
    data["zone"] = ("basin", np.array(ZONES))
    return data


def written(folder: Path, data: xr.Dataset, **protocol: Any) -> Path:
    """Write data, experiment and protocol; return the protocol."""
    folder.mkdir(parents=True, exist_ok=True)
    data.to_netcdf(folder / "made.nc")
    (folder / "made.yaml").write_text(as_yaml(EXPERIMENT), encoding="utf-8")
    whole = {"name": "study", "models": {"hbv": "made.yaml"}, **protocol}
    path = folder / "protocol.yaml"
    path.write_text(as_yaml(whole), encoding="utf-8")
    return path


def poisoned_places(data: xr.Dataset, places: list[str]) -> xr.Dataset:
    """Return data in which some basins are absurd, in all their numbers."""
    bad = data.copy(deep=True)
    at = bad["basin"].isin(places)
    for name, value in (
        ("prcp", 1e6), ("tmin", -3e3), ("tmax", 4e3), ("qobs", 1e7), ("area", 1e9),
        ("height", -4e5),
    ):  # fmt: skip
        bad[name] = bad[name].where(~at, value).assign_attrs(data[name].attrs)
    bad["prcp"][5:400, at.to_numpy()] = np.nan
    return bad


def poisoned_days(data: xr.Dataset, spans: list[tuple[str, str, str]]) -> xr.Dataset:
    """Return data in which some days of some basins are as absurd as can be read."""
    bad = data.copy(deep=True)
    for place, first, last in spans:
        at = {"basin": place, "time": slice(first, last)}
        for name, value in (
            ("prcp", 1500.0), ("tmin", 40.0), ("tmax", 55.0), ("qobs", 1900.0)
        ):  # fmt: skip
            bad[name].loc[at] = value
    return bad
