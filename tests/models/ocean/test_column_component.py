"""Columns of the ocean stepped behind BMI."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import torch
from model_metadata.model_setup import FileSystemLoader
from model_metadata.modelmetadata import ModelMetadata

import bmi_dmx
from bmi_dmx import OceanColumn, load_bundle
from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.models.ocean.column_declarations import numbered
from bmi_dmx.units import check
from tests.bmi.test_bmi_tester import OPTIONS

PLACES, STEPS, LEVELS = 3, 24, 17
LATITUDES = [50.0, 43.0, -10.0]
NAMES = {
    "wind_x": "sea_surface_air_flowing__x_component_of_velocity",
    "wind_y": "sea_surface_air_flowing__y_component_of_velocity",
    "air_temperature": "sea_surface_air__temperature",
    "dew_point": "sea_surface_air__dew_point_temperature",
    "air_pressure": "sea_surface_air__pressure",
    "cloud_cover": "cloud_cover",
}


def weather() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    usual = {
        "wind_x": 7.0, "wind_y": 1.0, "air_temperature": 283.0, "dew_point": 280.0,
        "air_pressure": 101000.0, "cloud_cover": 0.5,
    }  # fmt: skip
    return {
        n: x * (1.0 + 0.02 * rng.uniform(-1.0, 1.0, (STEPS, PLACES)))
        for n, x in usual.items()
    }


WEATHER = weather()


def profiles(path: Path, *, hole: bool = False) -> Path:
    """Write a profile of temperature for all, and one of salinity for each column."""
    warmth = np.linspace(11.0, 5.0, LEVELS)
    if hole:
        warmth[3] = np.nan
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("level", LEVELS)
        file.createDimension("place", PLACES)
        variable = file.createVariable("temperature", "f8", ("level",))
        variable.units = "degC"
        variable[:] = np.ma.masked_invalid(warmth)
        variable = file.createVariable("salinity", "f8", ("level", "place"))
        variable.units = "1e-3"
        variable[:] = np.linspace(32.5, 33.5, LEVELS)[:, None] + [0.0, 0.1, 0.2]
    return path


def configured(folder: Path, **settings: Any) -> Path:
    path = folder / "columns.yaml"
    usual = {
        "start_time": "2000-03-15",
        "initial_fields": str(profiles(folder / "profiles.nc")),
        "locations": {"ids": [*"abc"], "attributes": {"latitude": LATITUDES}},
    }
    path.write_text(as_yaml({**usual, **settings}), encoding="utf-8")
    return path


def started(folder: Path, **settings: Any) -> OceanColumn:
    component = OceanColumn()
    component.initialize(str(configured(folder, **settings)))
    return component


@pytest.fixture
def columns(tmp_path: Path) -> Iterator[OceanColumn]:
    component = started(tmp_path)
    yield component
    component.finalize()


def step(component: OceanColumn, at: int) -> None:
    for name, series in WEATHER.items():
        component.set_value(NAMES[name], series[at])
    component.update()


def everything(component: OceanColumn) -> dict[str, Any]:
    return {
        n: component.get_value_ptr(n).copy() for n in component.get_output_var_names()
    }


def test_it_is_public_and_has_a_bundle_of_its_own() -> None:
    assert bmi_dmx.OceanColumn is OceanColumn
    assert OceanColumn.default_bundle in bmi_dmx.bundle.bundles
    names = OceanColumn().get_input_var_names()
    assert set(NAMES.values()) <= set(names)
    assert "sea_surface_water__temperature" in OceanColumn().get_output_var_names()


def test_units_are_those_of_udunits(columns: OceanColumn) -> None:
    for name in (*columns.get_input_var_names(), *columns.get_output_var_names()):
        check(columns.get_var_units(name))
    assert columns.get_var_units("sea_surface_air__temperature") == "K"
    assert columns.get_var_units("salinity_1") == "1e-3"


def test_stepping_is_the_run_of_the_whole_series(columns: OceanColumn) -> None:
    levels = numbered("temperature", LEVELS)
    before = {n: columns.get_value_ptr(n).copy() for n in everything(columns)}
    series = []
    for at in range(STEPS):
        step(columns, at)
        series.append([columns.get_value_ptr(n).copy() for n in levels])
    model = load_bundle(OceanColumn.default_bundle).model().double()
    state = dict(model.initial_state(PLACES))
    for key in state:
        name = key.partition(".")[2]
        if name in before:
            state[key] = torch.from_numpy(before[name]).reshape(state[key].shape)
    forcing = {n: torch.from_numpy(x) for n, x in WEATHER.items()}
    days = 75.0 + np.arange(STEPS) // 8
    forcing["day_of_year"] = torch.from_numpy(days)[:, None].expand(STEPS, PLACES)
    attributes = {"latitude": torch.tensor(LATITUDES, dtype=torch.float64)}
    ran = model.simulate(forcing, attributes, state=state, outputs=levels).outputs
    expected = np.stack([ran[n].detach().numpy() for n in levels], 1)
    np.testing.assert_allclose(series, expected, rtol=1e-12)


def test_many_steps_are_one_call_to_the_same_time(tmp_path: Path) -> None:
    policy = {name: float(x.mean()) for name, x in WEATHER.items()}
    one, other = (started(tmp_path, forcing_policy=policy) for _ in "ab")
    for _ in range(8):
        one.update()
    other.update_until(other.get_time_step() * 8)
    assert one.get_current_time() == other.get_current_time()
    for name, x in everything(one).items():
        np.testing.assert_array_equal(x, other.get_value_ptr(name), err_msg=name)


def test_what_is_saved_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole, first = started(tmp_path), started(tmp_path)
    for at in range(STEPS):
        step(whole, at)
    for at in range(10):
        step(first, at)
    first.save_state(tmp_path / "state")
    settings = {"initial_fields": None, "start_time": "state"}
    again = started(tmp_path, state=str(tmp_path / "state"), **settings)
    for at in range(10, STEPS):
        step(again, at)
    for name, x in everything(whole).items():
        np.testing.assert_array_equal(x, again.get_value_ptr(name), err_msg=name)


def test_heat_is_accounted_for(columns: OceanColumn) -> None:
    start = columns.get_value_ptr("temperature_1").copy()
    for at in range(STEPS):
        step(columns, at)
    entered, loss, stored = (
        columns.get_value_ptr(f"heat_budget_{what}") for what in ("in", "out", "stored")
    )
    assert np.abs(entered).min() > 1e5
    np.testing.assert_allclose(
        entered - loss, stored, atol=1e-9 * np.abs(entered).max()
    )
    assert (columns.get_value_ptr("temperature_1") != start).all()


def test_columns_begin_with_the_profiles_of_a_file(columns: OceanColumn) -> None:
    warmth = np.linspace(11.0, 5.0, LEVELS)
    for k in range(LEVELS):
        temperature = columns.get_value_ptr(f"temperature_{k + 1}")
        np.testing.assert_array_equal(temperature, np.full(PLACES, warmth[k]))
    np.testing.assert_allclose(columns.get_value_ptr("salinity_1"), [32.5, 32.6, 32.7])


@pytest.mark.parametrize("turned", [False, True])
def test_profiles_at_depths_of_their_own_are_brought_to_the_levels(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, turned: bool
) -> None:
    depths = np.arange(0.0, 260.0, 20.0)
    down = slice(None, None, -1) if turned else slice(None)
    with netCDF4.Dataset(tmp_path / "deep.nc", "w") as file:
        file.createDimension("depth", depths.size)
        file.createVariable("depth", "f8", ("depth",))[:] = depths[down]
        for name, units, values in (
            ("thetao", "K", 290.15 - 0.05 * depths),
            ("so", "psu", 33.0 + 0.01 * depths),
        ):
            made = file.createVariable(name, "f8", ("depth",))
            made.units = units
            made[:] = values[down]
    columns = started(tmp_path, initial_fields=str(tmp_path / "deep.nc"))
    for level, middle in ((1, 2.5), (17, 175.0)):
        for name, expected in (
            ("temperature", 17.0 - 0.05 * middle), ("salinity", 33.0 + 0.01 * middle)
        ):  # fmt: skip
            found = columns.get_value_ptr(f"{name}_{level}")
            np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert "profiles at 0 to 240 m are brought to levels of 2.5 to 1" in caplog.text


def test_depths_of_profiles_that_come_twice_are_refused(tmp_path: Path) -> None:
    path = profiles(tmp_path / "twice.nc")
    with netCDF4.Dataset(path, "a") as file:
        file.createVariable("level", "f8", ("level",))[:] = 5.0
    with pytest.raises(DataError, match=r"twice.nc: level: .*expected depths, each"):
        started(tmp_path, initial_fields=str(path))


def test_profiles_with_holes_are_refused(tmp_path: Path) -> None:
    path = profiles(tmp_path / "hole.nc", hole=True)
    with pytest.raises(DataError, match="is no number at level 4 of 'a'"):
        started(tmp_path, initial_fields=str(path))


@pytest.mark.parametrize("key", ["coupling_step", "max_age"])
def test_keys_of_oceans_on_grids_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}: is of oceans of levels on a grid"):
        started(tmp_path, **{key: "6 h"})


def test_the_metadata_are_those_of_the_class(tmp_path: Path) -> None:
    metadata = ModelMetadata.from_obj(OceanColumn)
    assert metadata.api["class"] == metadata.api["name"] == "OceanColumn"
    assert metadata.info["version"] == bmi_dmx.__version__
    steps = metadata.parameters["time_step"]["value"]["choices"]
    bundle_steps = load_bundle(OceanColumn.default_bundle).manifest.steps
    assert sorted(bundle_steps) == sorted(map(float, steps))
    values = {n: p["value"]["default"] for n, p in metadata.parameters.items()}
    FileSystemLoader(metadata.base).stage_all(str(tmp_path), **values)
    component = OceanColumn()
    component.initialize(str(tmp_path / metadata.run["config_file"]["path"]))
    component.update()
    assert component.get_value_ptr("sea_surface_water__temperature")[0] > 5.0


def test_bmi_tester_passes(tmp_path: Path) -> None:
    policy = {name: float(x.mean()) for name, x in WEATHER.items()}
    place = {"ids": ["a"], "attributes": {"latitude": [50.0]}}
    config = configured(
        tmp_path, forcing_policy=policy, initial_fields=None, locations=place,
        end_time="2000-04-01",
    )  # fmt: skip
    process = subprocess.run(
        [
            sys.executable, "-m", "bmi_tester", f"{OceanColumn.__module__}:OceanColumn",
            "--root-dir", str(tmp_path), "--config-file", str(config),
        ],
        env={**os.environ, "PYTEST_ADDOPTS": OPTIONS},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    output = process.stdout + process.stderr
    assert process.returncode == 0, output
    counts = [int(count) for count in re.findall(r"(\d+) passed", output)]
    component = OceanColumn()
    inputs, outputs = (
        component.get_input_item_count(),
        component.get_output_item_count(),
    )
    names = inputs + outputs
    assert counts == [4, 8 + names, 6 * names, inputs + 2 * outputs + 3], output
