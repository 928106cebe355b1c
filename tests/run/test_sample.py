"""Runs over files give the numbers of one batch run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

import bmi_dmx
from bmi_dmx.bundle import load_bundle
from bmi_dmx.compose import Model
from bmi_dmx.ngen.domain import open_domain
from bmi_dmx.ngen.sample import make_sample
from bmi_dmx.ngen.setup import Setup
from bmi_dmx.run.request import Request
from bmi_dmx.run.run import run
from bmi_dmx.units import convert

from ..bmi.untrained import last_day
from .conftest import batch
from .files import read, write_table

PACKAGE = Path(bmi_dmx.__file__).parent
BUNDLE = PACKAGE / "bundles" / "dhbv-conus-daily"
DELAWARE = PACKAGE / "data" / "delaware_1979_1980.nc"
START = "1979-01-01"
CLOSE: Any = {"rtol": 1e-12, "atol": 1e-12}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Any]:
    """Forcing of the sample, a table of its attributes, and what is in it."""
    hydrofabric, forcing = make_sample(tmp_path_factory.mktemp("sample"))
    with open_domain(hydrofabric, forcing) as domain:
        attributes = Setup.of(domain, str(BUNDLE)).attributes
    table = write_table(
        forcing.with_name("table.csv"), attributes.ids, attributes.values
    )
    return forcing, table, attributes


def hourly(forcing: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Return the forcing of the sample in declared units, (hour, place)."""
    with netCDF4.Dataset(forcing) as file:
        rain, warmth = (
            np.asarray(file[name][:], float).T
            for name in ("precip_rate", "TMP_2maboveground")
        )
    return {
        "precipitation": convert(rain, "mm s-1", "mm d-1"),
        "air_temperature": convert(warmth, "K", "degC"),
    }


def test_hours_of_the_sample(sample: tuple[Path, Path, Any], tmp_path: Path) -> None:
    forcing, table, attributes = sample
    outputs = ("streamflow", "snowpack", "runoff_volume")
    series = read(run(Request(
        bundle=BUNDLE.name, forcing=forcing, attributes=table,
        output=tmp_path / "out.nc", outputs=outputs,
    )))  # fmt: skip
    weather = hourly(forcing)
    weather |= last_day(weather["air_temperature"])
    expected = batch(
        BUNDLE, weather, attributes.values, start=START, hours=1, dt=1.0 / 24.0,
        outputs=outputs,
    )  # fmt: skip
    for name in outputs:
        assert series[name].shape == (17544, 8)
        np.testing.assert_allclose(series[name], expected[name], **CLOSE)
    assert series["place_id"].tolist() == list(attributes.ids)
    np.testing.assert_array_equal(series["p_mean"], attributes.values["p_mean"])
    assert series["time"][0] == 9 * 365 * 86400 + 2 * 86400  # 1979
    assert (series["time_bounds"][:, 1] - series["time"] == 3600).all()


def test_days_of_physics_in_hours_of_the_sample(
    sample: tuple[Path, Path, Any], tmp_path: Path
) -> None:
    forcing, table, attributes = sample
    flow = read(run(Request(
        bundle=BUNDLE.name, forcing=forcing, attributes=table,
        output=tmp_path / "out.nc", mode="daily",
    )))["streamflow"]  # fmt: skip
    weather = {n: x.reshape(-1, 24, 8) for n, x in hourly(forcing).items()}
    warmth = weather["air_temperature"]
    daily = {name: x.mean(axis=1) for name, x in weather.items()}
    daily["air_temperature_min"] = warmth.min(axis=1)
    daily["air_temperature_max"] = warmth.max(axis=1)
    expected = batch(BUNDLE, daily, attributes.values, start=START)["streamflow"]
    # A day is run in its last hour, and given out from then on.
    assert (flow[:23] == 0.0).all()
    given_out = np.repeat(expected, 24, axis=0)[: len(flow) - 23]
    np.testing.assert_allclose(flow[23:], given_out, **CLOSE)


def test_the_file_of_the_delaware(tmp_path: Path) -> None:
    """Packed numbers, places first, and dimensions of other things beside them."""
    with netCDF4.Dataset(DELAWARE) as file:
        weather = {n: np.asarray(file[n][:], float).T for n in ("prcp", "tmin", "tmax")}
        area, latitude, elevation = (
            np.asarray(file[n][:], float) for n in ("hru_area", "hru_lat", "hru_elev")
        )
        slope = 1e3 * np.asarray(file["hru_slope"][:], float)
        ids = [str(n) for n in file["hru_id"][:].tolist()]
    model: Model = load_bundle(BUNDLE).model()
    attributes = {
        "area_km2": area, "latitude": latitude, "elevation_mean": elevation,
        "slope_mean": slope,
    }  # fmt: skip
    usual = {
        name: np.full(len(ids), model.statistics[name].typical)
        for name in model.attributes
        if name not in attributes
    }
    table = write_table(tmp_path / "table.csv", ids, usual)
    series = read(run(Request(
        bundle=BUNDLE.name, forcing=DELAWARE, attributes=table,
        output=tmp_path / "out.nc",
        names={
            "area_km2": "hru_area", "latitude": "hru_lat",
            "elevation_mean": "hru_elev", "slope_mean": "hru_slope",
        },
    )))  # fmt: skip
    daily = {
        "precipitation": weather["prcp"],
        "air_temperature": 0.5 * (weather["tmin"] + weather["tmax"]),
        "air_temperature_min": weather["tmin"],
        "air_temperature_max": weather["tmax"],
    }
    expected = batch(BUNDLE, daily, {**usual, **attributes}, start=START)["streamflow"]
    assert series["place_id"].tolist() == ids
    np.testing.assert_allclose(series["streamflow"], expected, **CLOSE)
