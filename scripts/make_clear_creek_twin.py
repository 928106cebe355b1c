"""Write hours of weather of catchments, and the flow that a known model makes of it.

    python scripts/make_clear_creek_twin.py FOLDER/OUTPUT.nc

The weather is real: Clear Creek, Colorado, 58 days of 2024, of the file in
``$BMI_DMX_DATA``. Hours of flow are not known there, so that they are made by HBV 2.0
of hours, whose parameters follow from two properties that are made up. What learns from
them shows what a model can, and not what nature does.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from bmi_dmx.compose import Model, ModelSpec, fit_statistics
from bmi_dmx.conversion import convert

WEATHER = "ngen_clear_creek_06719505_hourly_2024.nc"
FIRST, LAST = "2024-02-16", "2024-04-13"
LATITUDE, AREA = 39.7, 10.0  # degrees and km2, of all
MADE = ("first_property", "second_property")  # that parameters follow from
FREEZING = 273.15
LEAST = 0.1  # mm per day, below which a catchment is frozen and left out
PASSES = 12  # through the same days, so that stores have filled
SECONDS_PER_DAY = 86400.0

TRUTH = {
    "process": "hbv20_hourly",
    "process_options": {"exchange": False},
    "members": 1,
    "evaporation": "oudin",
    "routing": "none",
    "time_step": "hourly",
    "static": {
        "hidden": [16],
        "attributes": list(MADE),
    },
}


def catchments(count: int) -> dict[str, np.ndarray]:
    """Return attributes of catchments, of which two are made up."""
    drawn = np.random.default_rng(0).normal(size=(len(MADE), count))
    return {
        **dict(zip(MADE, drawn, strict=True)),
        "latitude": np.full(count, LATITUDE),
        "area_km2": np.full(count, AREA),
    }


def folder() -> Path:
    """Return where the data lie."""
    return Path(os.environ["BMI_DMX_DATA"])


def flow(forcing: dict[str, np.ndarray], places: dict[str, np.ndarray]) -> np.ndarray:
    """Return the depth of flow of the model that is known, mm per day."""
    spec = convert(TRUTH, ModelSpec)
    torch.manual_seed(1)
    model = Model(spec, fit_statistics(spec, forcing, places)).double().eval()
    for name, weight in model.named_parameters():
        if name.endswith("weight"):
            torch.nn.init.normal_(weight, std=0.2)
    weather = {n: torch.from_numpy(forcing[n]) for n in model.forcings}
    attributes = {n: torch.from_numpy(places[n]) for n in model.attributes}
    state = None
    with torch.no_grad():
        for _ in range(PASSES):
            ran = model.simulate(weather, attributes, state=state, outputs=["runoff"])
            state = ran.state
    return ran.outputs["runoff"].numpy()


def write(path: Path) -> None:
    """Write weather, attributes and flow."""
    with xr.open_dataset(folder() / WEATHER) as data:
        part = data.sel(time=slice(FIRST, LAST)).transpose("time", "catchment-id", ...)
        ids = [str(x) for x in part["ids"].values]
        time = part["time"].values
        rain = part["precip_rate"].values.astype(float) * SECONDS_PER_DAY
        warmth = part["TMP_2maboveground"].values.astype(float) - FREEZING
    places = catchments(len(ids))
    days = (time - np.datetime64("2024-01-01")) // np.timedelta64(1, "D") + 1.0
    forcing = {
        "precipitation": rain,
        "air_temperature": warmth,
        "day_of_year": np.repeat(days[:, None], len(ids), axis=1),
    }
    depth = flow(forcing, places)
    thawed = np.flatnonzero(depth.mean(axis=0) > LEAST)
    both, one = ("time", "basin"), "basin"
    xr.Dataset(
        {
            "prcp": (both, rain, {"units": "mm d-1"}),
            "tavg": (both, warmth, {"units": "degC"}),
            "qobs": (both, depth, {"units": "mm d-1"}),
            "lat": (one, places["latitude"], {"units": "degrees_north"}),
            "area": (one, places["area_km2"], {"units": "km2"}),
            **{name: (one, places[name], {"units": "1"}) for name in MADE},
        },
        coords={"basin": (one, ids, {"cf_role": "timeseries_id"}), "time": time},
        attrs={"title": "Weather of Clear Creek, flow of a known model"},
    ).isel(basin=thawed).to_netcdf(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    write(parser.parse_args().output)
