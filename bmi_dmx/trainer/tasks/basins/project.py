"""A folder to begin with: data, experiment and a page that says how to go on."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path
from string import Template

import numpy as np

from ....config import parse
from .data.basins import SECONDS_PER_DAY, BasinData
from .data.read import read
from .data.spec import DataSpec

__all__ = ["write"]

GAUGES = 12
"""Of the sample that comes with the package: enough to see a model learn."""

SAMPLE = DataSpec(
    reader="delaware",
    attributes="file",
    # As large as published, and little of them above a large dam.
    where={"area_mismatch": (-0.1, 0.1), "regulated_fraction": (0.0, 0.1)},
)

SERIES = {
    "precipitation": "precipitation [mm/d]",
    "air_temperature_min": "tmin [degC]",
    "air_temperature_max": "tmax [degC]",
    "air_temperature": "tmean [degC]",
}
"""Headings of the weather in tables of gauges."""

STATION = {
    "latitude": "latitude [degrees_north]",
    "longitude": "longitude [degrees_east]",
    "area_km2": "area [km2]",
    "elevation_mean": "elevation_mean [m]",
    "slope_mean": "slope_mean [m km-1]",
}
"""Headings of the table of stations."""


def write(folder: Path, name: str) -> None:
    """Write a project whose data are gauges of the shipped sample.

    Parameters
    ----------
    folder : Path
        An empty folder.
    name : str
        Of the experiment.
    """
    data = read(SAMPLE)
    # From the smallest to the largest, so that the few stand for all.
    order = np.argsort(data.attributes["area_km2"])
    positions = order[np.linspace(0, order.size - 1, GAUGES).round().astype(int)]
    data = data.select(sorted(data.ids[positions].tolist()))
    tables = folder / "data"
    tables.mkdir()
    _write_stations(data, tables / "stations.csv")
    for at, gauge in enumerate(data.ids.tolist()):
        _write_gauge(data, at, tables / f"{gauge}.csv")
    texts = files("bmi_dmx.configs") / "project"
    for title in ("experiment.yaml", "README.md"):
        text = Template((texts / title).read_text(encoding="utf-8"))
        filled = text.substitute(name=name, key=_as_text(name), basins=data.ids.size)
        (folder / title).write_text(filled, encoding="utf-8")


def _as_text(name: str) -> str:
    """Return a name as a configuration file reads it as text, and not as a number."""
    return name if parse(name, "") == name else f'"{name}"'


def _write_stations(data: BasinData, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["gauge", "name", *STATION.values()])
        for at, gauge in enumerate(data.ids.tolist()):
            row = [f"{data.attributes[name][at]:.6g}" for name in STATION]
            table.writerow([gauge, data.stations[gauge].name, *row])


def _write_gauge(data: BasinData, at: int, path: Path) -> None:
    # A depth over the area is a volume: 1 mm over 1 km2 is 1000 m3.
    volume = data.attributes["area_km2"][at] * 1e3 / SECONDS_PER_DAY
    weather = [data.forcing[name][:, at] for name in SERIES]
    flow = data.target[:, at].astype(np.float64) * volume
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["date", *SERIES.values(), "streamflow [m3/s]"])
        for day, *values in zip(data.time.tolist(), *weather, flow, strict=True):
            table.writerow([day, *("" if x != x else f"{x:.6g}" for x in values)])
