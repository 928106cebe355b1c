"""Basins as people keep them: one table each, written like a spreadsheet's export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

AREAS = np.array([120.0, 340.5, 77.25, 980.0, 15.5])
IDS = ("01031500", "01557500", "2374500", "06354000", "11264500")


def weather(days: int, basins: int = 5) -> dict[str, Any]:
    """Return plausible daily series, (T, B)."""
    rng = np.random.default_rng(3)
    wave = -10.0 * np.cos(2 * np.pi * np.arange(days) / 365.25)[:, None]
    mean = 8.0 + wave + rng.normal(0, 3, (days, basins))
    rain = rng.gamma(0.4, 8.0, (days, basins)).round(2)
    store, flow = np.full(basins, 40.0), np.empty((days, basins))
    for day in range(days):
        store = 0.97 * store + rain[day]
        flow[day] = 0.02 * store
    return {
        "rain": rain,
        "low": (mean - 5.0).round(2),
        "high": (mean + 5.0).round(2),
        "flow": flow.round(3),
    }


def german(number: float) -> str:
    """Return a number with a decimal comma; nothing for NaN."""
    return "" if np.isnan(number) else f"{number:.3f}".replace(".", ",")


def write_folder(
    folder: Path,
    days: int = 800,
    *,
    units: tuple[str, ...] = ("mm/d", "°C", "°C", "mm/d"),
    skip: tuple[int, ...] = (),
) -> dict[str, Any]:
    """Write a folder as a person would, and return the series in it."""
    series = weather(days)
    dates = np.datetime64("2001-01-01") + np.arange(days)
    columns = zip(("Prcp", "tmin", "tmax", "Q"), units, strict=True)
    heads = [f"{name} [{unit}]" if unit else name for name, unit in columns]
    folder.mkdir(exist_ok=True)
    for k, name in enumerate(IDS):
        lines = [";".join(["Datum", *heads])]
        for day, date in enumerate(dates.tolist()):
            if k == 1 and day in skip:
                continue
            cells = [german(float(x[day, k])) for x in series.values()]
            lines.append(";".join([date.strftime("%d.%m.%Y"), *cells]))
        text = "\r\n".join([*lines, ""])
        (folder / f"{name}.csv").write_bytes(text.encode("cp1252"))
    rows = ["station;name;lat;lon;area [ha];elev_mean [m];slope_mean [%]"]
    for k, name in enumerate(IDS):
        numbers = map(german, (40.0 + k, -75.0 + k, 100 * AREAS[k], 200.0 + k, 2.5))
        rows.append(";".join([str(int(name)), f"Fluß {'abcde'[k]}", *numbers]))
    (folder / "stations.csv").write_bytes("\r\n".join(rows).encode("cp1252"))
    return series
