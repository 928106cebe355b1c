"""Six years of weather over a shallow column, and what it does there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

YEARS = (2001, 2006)
THICKNESS = (5.0, 10.0, 20.0)
DEPTHS = np.array([2.5, 10.0, 25.0])


def begins(hours: int = 12) -> Any:
    first, last = (np.datetime64(f"{year}-01-01T00", "h") for year in (2001, 2007))
    return np.arange(first, last, np.timedelta64(hours, "h"))


def season(times: Any) -> Any:
    days = (times - times.astype("datetime64[Y]")) / np.timedelta64(1, "D")
    return np.cos(2.0 * np.pi * (days - 200.0) / 365.25)


def written(path: Path, **changed: Any) -> Path:
    """Write fluxes, weather, a surface, usual and dated profiles."""
    times = begins()
    rng = np.random.default_rng(0)
    wave = season(times)
    noise = np.repeat(rng.normal(0.0, 1.0, len(times) // 20 + 1), 20)[: len(times)]
    months = np.arange("2001-01", "2007-01", dtype="datetime64[M]")
    middles = months.astype("datetime64[D]") + 14
    fading = np.array([1.0, 0.7, 0.3])
    series = {
        "net": 80.0 * wave + 20.0 * noise, "sun": 120.0 + 90.0 * wave,
        "taux": 0.1 + 0.03 * noise, "tauy": 0.02 * noise,
        "u10": 6.0 + 2.0 * noise, "v10": 1.0 * noise, "t2": 284.0 + 5.0 * wave,
        "d2": 281.0 + 5.0 * wave, "p": np.full(len(times), 101300.0),
        "c": np.full(len(times), 0.5), "sst": 11.0 + 3.0 * wave + 0.3 * noise,
        **changed,
    }  # fmt: skip
    units = dict.fromkeys(("net", "sun"), "W m-2") | dict.fromkeys(
        ("taux", "tauy", "p"), "Pa"
    ) | dict.fromkeys(("u10", "v10"), "m s-1") | dict.fromkeys(("t2", "d2"), "K") | {
        "c": "1", "sst": "degC",
    }  # fmt: skip
    warm = 11.0 + 3.0 * season(middles)[:, None] * fading
    usual = 11.0 + 3.0 * season(middles[:12])[:, None] * fading
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("time", len(times)), ("month_time", len(middles)),
                           ("month", 12), ("depth", 3)):  # fmt: skip
            file.createDimension(name, size)
        for name, values in (("time", times), ("month_time", middles)):
            time = file.createVariable(name, "f8", (name,))
            time.units = "hours since 2001-01-01"
            time[:] = (values - times[0]) / np.timedelta64(1, "h")
        file.createVariable("depth", "f8", ("depth",))[:] = DEPTHS
        file.createVariable("lat", "f8", ())[...] = 50.0
        for name, values in series.items():
            variable = file.createVariable(name, "f8", ("time",))
            variable.units = units[name]
            variable[:] = np.ma.masked_invalid(values)
        for name, axis, values, unit in (
            ("temperature", "month_time", warm, "degC"),
            ("salinity", "month_time", np.full(warm.shape, 33.0), "1"),
            ("usual_temperature", "month", usual, "degC"),
            ("usual_salinity", "month", np.full(usual.shape, 33.0), "1"),
        ):
            variable = file.createVariable(name, "f8", (axis, "depth"))
            variable.units = unit
            variable[:] = values
    return path


def experiment(source: Path, surface: str = "fluxes", **changes: Any) -> dict[str, Any]:
    """Return an experiment on days at the surface, or on months of the profile."""
    fluxes = {
        "forcing": {
            "heat": ["net", "sun"], "light": ["sun"], "stress_x": ["taux"],
            "stress_y": ["tauy"],
        },
        "surface": "sst",
        "usual": {"temperature": "usual_temperature", "salinity": "usual_salinity"},
    }  # fmt: skip
    weather = {
        "forcing": {
            "wind_x": ["u10"], "wind_y": ["v10"], "air_temperature": ["t2"],
            "dew_point": ["d2"], "air_pressure": ["p"], "cloud_cover": ["c"],
        },
        "profiles": {"temperature": "temperature", "salinity": "salinity"},
        "levels": 3,
    }  # fmt: skip
    days = surface == "fluxes"
    return {
        "name": "made", "licence": "CC0-1.0", "task": "columns",
        "data": {"source": str(source), **(fluxes if days else weather)},
        "periods": {
            "train": [2001, 2003], "validation": [2004, 2004], "test": [2005, 2006],
        },
        "runs": {"begin": ["03-15", "08-15"], "leads": 20 if days else 2},
        "evaluation": {"leads": [[1, 20], [20, 20]] if days else [[1, 1], [1, 2]]},
        "model": {
            "recipe": "column", "thickness": list(THICKNESS), "surface": surface,
            "seconds": 43200, "hidden": 2 if days else 0,
        },
        "training": {
            "steps": 6, "batch": 4, "warmup": 0, "window": 15, "validate_every": 3,
            "checkpoint_every": 1, "schedule": "none",
            "optimizer": {"name": "adam", "rate": 0.03, "weight_decay": 0.0},
            "threads": 1, "loggers": [],
        },
        **changes,
    }  # fmt: skip
