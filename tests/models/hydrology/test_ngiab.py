"""Files of one catchment that NGIAB writes for other models, read as they are."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx import Component
from bmi_dmx.errors import ConfigError, DataError

from ...bmi.untrained import MOMENTS, static

DHBV = """\
catchment_id: cat-410
catchment_name: cat-410
aridity: 0.62
meanP: 1100.0
ETPOT_Hargr: 760.0
NDVI: 0.61
FW: 1.0e-06
meanslope: 9.0
meanelevation: 412.0
meanTa: 9.4
snowfall_fraction: 0.2
permeability: -13.5
Porosity: 0.1
uparea: 5000.0
{area}latitude: 40.6
pet_method: hargreaves
model_dir: /ngen/dhbv2/models
stepwise: True
initial_state: zero
dtype: float32
verbose: 1
time_step: 1 hour
{start}
end_time: 2020-02-01 00:00:00
"""
HOURLY = "start_time: 2020-01-01 06:00:00"
LSTM = """\
area_sqkm: 16.25
basin_id: cat-27
basin_name: cat-27
elev_mean: 388.0
initial_state: zero
lat: 35.5
lon: -83.1
slope_mean: 120.0
time_step: 1 hour
train_cfg_file:
  - /ngen/lstm/config.yml
verbose: 0
"""


def settings(path: Path, bundle: Path, text: str = "") -> None:
    """Write what the catchments of a folder have in common."""
    content = f"bundle: {bundle}\n{text}"
    (path / "bmi_dmx.yaml").write_text(content, encoding="utf-8")


@pytest.fixture
def portable(bundle_of: Any) -> Path:
    """A bundle that reads attributes under the names of this package."""
    names = ("p_mean", "aridity", "elevation_mean", "slope_mean")
    for name in names:
        MOMENTS.setdefault(name, MOMENTS["elevation"])
    path: Path = bundle_of(static(static={"attributes": list(names), "hidden": [8]}))
    return path


def read(path: Path, text: str) -> Component:
    path.write_text(text, encoding="utf-8")
    component = Component()
    component.initialize(str(path))
    return component


@pytest.mark.parametrize(
    ("start", "hour"),
    [
        (HOURLY, 6),
        ("start_time: 2020/01/01 06", 6),
        ("start_date: 2020/01/01\nstart_hour: 6", 6),
        ("start_time: 2020-01-01", 0),
    ],
)
def test_a_file_of_dhbv(start: str, hour: int, portable: Path, tmp_path: Path) -> None:
    settings(tmp_path, portable)
    text = DHBV.format(area="catchsize: 12.5\n", start=start)
    component = read(tmp_path / "cat-410.yml", text)
    expected = {
        "p_mean": 1100.0 / 365.25,
        # Not the inverse that the file may hold.
        "aridity": 760.0 / 1100.0,
        "elevation_mean": 412.0,
        "slope_mean": 1000.0 * math.tan(math.radians(9.0)),
        "latitude": 40.6,
        "area_km2": 12.5,
        "t_mean": 9.4,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(component.get_value_ptr(name), value, rtol=1e-12)
    assert component.get_time_step() == 3600.0
    assert component.get_var_units("precipitation") == "mm h-1"
    assert component._clock.start.hour == hour
    assert component._model().ids == ("cat-410",)


def test_upstream_area_is_not_the_area(portable: Path, tmp_path: Path) -> None:
    """Files for days have no area of the catchment."""
    settings(tmp_path, portable)
    component = read(tmp_path / "cat-1.yml", DHBV.format(area="", start=HOURLY))
    assert np.isnan(component.get_value_ptr("area_km2"))
    names = component.get_output_var_names()
    assert "land_surface_water__runoff_volume_flux" not in names


def test_a_file_of_lstm(portable: Path, tmp_path: Path) -> None:
    defaults = "attribute_defaults: {p_mean: 3.1, aridity: 0.7}\n"
    settings(tmp_path, portable, f"start_time: 2015-12-01\n{defaults}")
    component = read(tmp_path / "cat-27.yml", LSTM)
    expected = {
        "area_km2": 16.25, "elevation_mean": 388.0, "latitude": 35.5, "p_mean": 3.1,
        # Unchanged: it is in m km-1, however it was found.
        "slope_mean": 120.0,
    }  # fmt: skip
    for name, value in expected.items():
        assert component.get_value_ptr(name) == value


def test_settings_of_the_folder_decide(portable: Path, tmp_path: Path) -> None:
    settings(tmp_path, portable, "mode: daily\nunits: model\nevaporation: oudin\n")
    text = DHBV.format(area="", start=HOURLY)
    component = read(tmp_path / "cat-1.yml", text)
    operation = component._model().operation
    assert (operation.inner, operation.units) == (86400.0, "model")
    assert operation.choices == {"evaporation": "oudin"}


def test_settings_of_the_folder_are_read_again_when_they_change(
    portable: Path, tmp_path: Path
) -> None:
    text = DHBV.format(area="", start=HOURLY)
    for units in ("model", "ngen"):
        settings(tmp_path, portable, f"units: {units}\n")
        component = read(tmp_path / "cat-1.yml", text)
        assert component._model().operation.units == units


def test_a_missing_attribute_names_file_and_key(portable: Path, tmp_path: Path) -> None:
    settings(tmp_path, portable)
    text = DHBV.format(area="", start=HOURLY).replace("meanelevation: 412.0\n", "")
    message = r"cat-1\.yml: cat-1: attribute 'elevation_mean' of the model is missing"
    with pytest.raises(DataError, match=message):
        read(tmp_path / "cat-1.yml", text)


WRONG = {
    "meanP: wet": (ConfigError, r"cat-1\.yml: meanP: found 'wet', expected a number"),
    "start_time: soon": (ConfigError, r"cat-1\.yml: .*start_time: missing; put it in"),
}


@pytest.mark.parametrize(("line", "expected"), WRONG.items())
def test_what_is_wrong_is_said(
    line: str, expected: Any, portable: Path, tmp_path: Path
) -> None:
    settings(tmp_path, portable)
    key = line.split(":")[0]
    lines = DHBV.format(area="", start=HOURLY).splitlines()
    text = "\n".join(line if each.startswith(key) else each for each in lines)
    error, message = expected
    with pytest.raises(error, match=message):
        read(tmp_path / "cat-1.yml", text)


def test_the_settings_of_the_folder_must_be_settings(
    portable: Path, tmp_path: Path
) -> None:
    settings(tmp_path, portable, "locations: {ids: [a]}\n")
    text = DHBV.format(area="", start=HOURLY)
    with pytest.raises(ConfigError, match="locations: belongs to no catchment"):
        read(tmp_path / "cat-1.yml", text)
    settings(tmp_path, portable, "unit: ngen\n")
    with pytest.raises(ConfigError, match="unit: unknown key; did you mean 'units'"):
        read(tmp_path / "cat-1.yml", text)


def test_the_area_may_come_from_the_host(bundle_of: Any, tmp_path: Path) -> None:
    names = ("p_mean", "area_km2")
    MOMENTS.setdefault("area_km2", MOMENTS["elevation"])
    model = bundle_of(static(static={"attributes": list(names), "hidden": [8]}))
    settings(tmp_path, model, "evaporation: oudin\n")
    component = read(tmp_path / "cat-1.yml", DHBV.format(area="", start=HOURLY))
    for name in ("precipitation", "air_temperature"):
        component.set_value(name, np.array([5.0]))
    with pytest.raises(DataError, match="attribute 'area_km2' at 'cat-1' is nan"):
        component.update()
    component.set_value("areasqkm", np.array([12.5]))
    component.update()


def test_a_file_is_known_by_any_of_its_keys(portable: Path, tmp_path: Path) -> None:
    settings(tmp_path, portable)
    text = DHBV.format(area="", start=HOURLY).replace("meanP: 1100.0\n", "")
    message = r"cat-1\.yml: cat-1: attribute 'p_mean' of the model is missing"
    with pytest.raises(DataError, match=message):
        read(tmp_path / "cat-1.yml", text)
