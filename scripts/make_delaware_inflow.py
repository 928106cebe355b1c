"""Make the lateral inflow of the Delaware River from which `rivers-delaware` learns.

    python scripts/make_delaware_inflow.py delaware_inflow.nc

The weather of the sample that the package ships goes through the bundle
`dhbv-conus-daily-0.1`, unit by unit of land, each with the hydrograph of its own area:
so there is delay of hill slopes and brooks in what is made, and none of rivers. The
year before the first is taken to have had its weather.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import netCDF4
import numpy as np

from bmi_dmx.data import netcdf
from bmi_dmx.files import atomic
from bmi_dmx.models.hydrology.climate import climate_indices, day_of_year
from bmi_dmx.run.request import Request
from bmi_dmx.run.run import run
from bmi_dmx.trainer.tasks.basins.data.attributes import hargreaves

SAMPLE = Path(__file__).resolve().parents[1] / "bmi_dmx/data/delaware_1979_1980.nc"
BUNDLE = "dhbv-conus-daily-0.1"
WEATHER = {
    "precipitation": ("prcp", "mm d-1"), "air_temperature_min": ("tmin", "degC"),
    "air_temperature_max": ("tmax", "degC"),
}  # fmt: skip
YEAR = 365
COARSE_SLOPE = 0.27  # of the elevation model behind CAMELS-US, over that of the sample
MM_KM2 = 86.4  # mm per day over 1 km2 in 1 m3 s-1


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    output = parser.parse_args().output
    with netcdf.opened(SAMPLE) as file:
        land = {
            name: netcdf.numbers(SAMPLE, file[f"hru_{name}"])
            for name in ("area", "elev", "slope", "lat", "lon")
        }
        ids = netcdf.identifiers(SAMPLE, file["hru_id"])
        weather = {
            name: netcdf.numbers(SAMPLE, file[variable]).T
            for name, (variable, _) in WEATHER.items()
        }
    constants = attributes(weather, land)
    with TemporaryDirectory() as folder:
        flow = yielded(Path(folder), ids, weather, constants)
    write(output, ids, flow * land["area"] / MM_KM2)
    print(f"{output}: {flow.mean():.3f} mm per day on the mean")


def attributes(weather: dict[str, Any], land: dict[str, Any]) -> dict[str, Any]:
    """Return what the bundle reads of units of land."""
    dates = day_of_year(
        np.datetime64("1979-01-01") + np.arange(len(weather["precipitation"]))
    )
    low, high = weather["air_temperature_min"], weather["air_temperature_max"]
    evaporation = hargreaves(low, high, dates, land["lat"])
    climate = climate_indices(
        weather["precipitation"], 0.5 * (low + high), evaporation, dates
    )
    return {
        **climate, "latitude": land["lat"], "area_km2": land["area"],
        "elevation_mean": land["elev"],
        "slope_mean": 1000.0 * COARSE_SLOPE * land["slope"],
    }  # fmt: skip


def yielded(
    folder: Path,
    ids: tuple[str, ...],
    weather: dict[str, Any],
    constants: dict[str, Any],
) -> Any:
    """Return what the land yields, (day, unit), mm per day."""
    forcing, table, output = folder / "in.nc", folder / "in.csv", folder / "out.nc"
    with netCDF4.Dataset(forcing, "w") as file:
        days = YEAR + len(weather["precipitation"])
        file.createDimension("time", days)
        file.createDimension("place", len(ids))
        time = file.createVariable("time", "f8", ("time",))
        time.units = "days since 1978-01-01"
        time[:] = np.arange(days)
        file.createVariable("place_id", str, ("place",))[:] = np.array(ids, object)
        for name, (_, units) in WEATHER.items():
            variable = file.createVariable(name, "f8", ("time", "place"))
            variable.units = units
            variable[:] = np.concatenate([weather[name][:YEAR], weather[name]])
    with open(table, "w", encoding="utf-8", newline="") as text:
        rows = csv.writer(text)
        rows.writerow(["id", *constants])
        rows.writerows(zip(ids, *constants.values(), strict=True))
    run(Request(bundle=BUNDLE, forcing=forcing, attributes=table, output=output))
    with netCDF4.Dataset(output) as file:
        return np.ma.filled(file["streamflow"][YEAR:])


def write(path: Path, ids: tuple[str, ...], flow: Any) -> None:
    """Write (day, unit) inflow, m3 s-1, by the names that the river has for units."""
    with atomic(path) as temporary, netCDF4.Dataset(temporary, "w") as file:
        file.Conventions = "CF-1.10"
        file.source = f"{BUNDLE}, weather of {SAMPLE.name}"
        file.licence = "CC-BY-4.0"
        file.createDimension("time", len(flow))
        file.createDimension("hru", len(ids))
        time = file.createVariable("time", "i4", ("time",))
        time.setncatts({"units": "days since 1979-01-01", "standard_name": "time"})
        time[:] = np.arange(len(flow))
        names = file.createVariable("hru_id", str, ("hru",))
        names.cf_role = "timeseries_id"
        names[:] = np.array(ids, object)
        inflow = file.createVariable(
            "lateral_inflow", "f4", ("time", "hru"), zlib=True, complevel=4
        )
        inflow.units, inflow.long_name = "m3 s-1", "what enters the river from a unit"
        inflow[:] = flow


if __name__ == "__main__":
    main()
