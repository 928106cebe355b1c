"""Make what is known of the land of the Delaware sample, and choose its gauges.

    python scripts/make_delaware_land.py

writes ``bmi_dmx/data/delaware_land.csv``, what ``dhbv-conus-daily-0.1`` reads of every
hydrologic response unit, with the climate of 1979 alone; and ``delaware_gauges.csv``,
gauges that were read on nine tenths of the days of both years, whose segment drains as
much as the gauge to within a fifth, and of whose land no more than half lies above a
large dam or diversion.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from bmi_dmx.data import netcdf
from bmi_dmx.models.hydrology.climate import CLIMATE, climate_indices, day_of_year
from bmi_dmx.models.rivers.formats import read_river, read_series
from bmi_dmx.trainer.tasks.basins.data.attributes import hargreaves
from bmi_dmx.trainer.tasks.basins.data.delaware import COARSE_SLOPE, Delaware
from bmi_dmx.trainer.tasks.basins.data.spec import DataSpec

FOLDER = Path(__file__).resolve().parents[1] / "bmi_dmx" / "data"
SAMPLE = FOLDER / "delaware_1979_1980.nc"
YEAR = slice(0, 365)

MISMATCH, REGULATED = 0.2, 0.5


def land() -> None:
    """Write the table of the land."""
    series = {
        name: read_series(SAMPLE, name, units=units, some=YEAR)
        for name, units in (("prcp", "mm d-1"), ("tmin", "degC"), ("tmax", "degC"))
    }
    low, high = series["tmin"].values, series["tmax"].values
    dates = day_of_year(series["prcp"].time.times)
    with netcdf.opened(SAMPLE) as file:
        constants = {
            name: np.asarray(file.variables[f"hru_{name}"][:], dtype=float)
            for name in ("area", "elev", "slope", "lat")
        }
    evaporation = hargreaves(low, high, dates, constants["lat"])
    rain, warm = series["prcp"].values, 0.5 * (low + high)
    columns = climate_indices(rain, warm, evaporation, dates)
    columns = {name: columns[name] for name in CLIMATE.names} | {
        "area_km2": constants["area"],
        "elevation_mean": constants["elev"],
        "slope_mean": COARSE_SLOPE * 1000.0 * constants["slope"],
        "latitude": constants["lat"],
    }
    rows = [
        (name, *(f"{values[k]:.6g}" for values in columns.values()))
        for k, name in enumerate(series["prcp"].ids)
    ]
    write(FOLDER / "delaware_land.csv", ("land", *columns), rows)


def gauges() -> None:
    """Write the table of the gauges."""
    river, source = read_river(SAMPLE), Delaware(DataSpec(reader="delaware"), SAMPLE)
    attributes = source.attributes
    rows = [
        (name, river.gauges[name], f"{attributes['area_km2'][k]:.6g}")
        for k, name in enumerate(source.ids.tolist())
        if abs(attributes["area_mismatch"][k]) <= MISMATCH
        and attributes["regulated_fraction"][k] <= REGULATED
    ]
    write(FOLDER / "delaware_gauges.csv", ("gauge_id", "reach_id", "area_km2"), rows)


def write(path: Path, titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Write a table."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(titles)
        table.writerows(rows)
    print(f"{path}: {len(rows)} rows")


if __name__ == "__main__":
    land()
    gauges()
