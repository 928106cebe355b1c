"""What a check of a run folder finds, and how it says to mend it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from .run_folder import REALIZATION, change, checked, edited


def wrong(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda params: params.update({key: value})


@pytest.mark.parametrize(
    ("edit", "level", "problem", "cure"),
    [
        (wrong("python_type", "bmi_dmx.Componentt"), "error",
         "no class 'Componentt'; did you mean 'Component'?", "module_path"),
        (wrong("init_config", "./config/{{id}}.yml"), "error",
         "cat-1451: init_config: ./config/cat-1451.yml: no such file", "{{id}}"),
        (wrong("init_config", "./config/cat_config/dmx/cat-1451.yml"), "warning",
         "the same file for all 3 catchments", "put {{id}} into the name"),
        (wrong("init_config", "./config/cat_config/dmx/cat-1451.yml"), "error",
         "cat-1453: init_config: ./config/cat_config/dmx/cat-1451.yml: is of cat-1451",
         "name the catchment in its own file"),
        (wrong("main_output_variable", "land_surface_water__runoff_volume_flux"),
         "error", "'m3 s-1' cannot be converted into 'm': the raw number would be",
         "land_surface_water__runoff_depth"),
        (wrong("main_output_variable", "runof"), "error",
         "main_output_variable: no module has an output 'runof'", "name one of"),
        (wrong("output_variables", ["swe"]), "error",
         "output_variables: no module has an output 'swe'", "name one of"),
        (wrong("uses_forcing_file", True), "error",
         "uses_forcing_file or forcing_file is set", "remove both"),
        (wrong("alow_exceed_end_time", True), "warning",
         "'alow_exceed_end_time'; did you mean 'allow_exceed_end_time'?"[1:20],
         "remove or correct it"),
        (wrong("output_header_fields", ["a"]), "warning",
         "1 output_header_fields for", "one heading for each"),
        (wrong("output_variables", []), "error", "output_variables is empty",
         "name one, or write no such files"),
        (lambda params: params.pop("output_variables"), "warning",
         "output_header_fields without output_variables", "name the output_variables"),
        (wrong("output_precision", 3), "warning", "output_precision is not used",
         "output: precision"),
        (wrong("mass_balance", {"check": True}), "warning",
         "tolerance 1e-16 is below the rounding", "1e-6"),
        (wrong("mass_balance", {"check": True, "tolerance": 1e-6, "frequency": -1}),
         "warning", "frequency -1 never fires", "set it to 1"),
    ],
)  # fmt: skip
def test_a_fault_of_the_realization_is_found(folder, edit, level, problem, cure):
    change(edit)
    found = checked()
    assert [f for f in found if f.level == level and problem in f.problem], found
    assert [f for f in found if cure in f.cure], found


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda c: c["locations"]["attributes"].pop("aridity"), "attribute 'aridity'"),
        (lambda c: c.update(bundel="x"), "bundel"),
        (lambda c: c.update(bundle="nowhere"), "nowhere"),
    ],
)
def test_a_fault_of_one_catchment_names_it_and_its_file(folder, edit, problem):
    edited(edit)
    (found,) = [f for f in checked() if f.level == "error"]
    for part in ("cat-1453", "cat_config/dmx/cat-1453.yml", problem):
        assert part in found.problem


def test_a_start_other_than_that_of_the_run_is_found(folder):
    edited(lambda c: c.update(start_time="1979-03-02 00:00:00"))
    (found,) = checked()
    assert "cat-1453.yml: start_time: found '1979-03-02 00:00:00'" in found.problem
    assert "the run starts at 1979-03-01 00:00:00" in found.problem


def test_forcing_that_is_too_short_is_found(folder):
    content = json.loads(REALIZATION.read_text())
    content["time"]["end_time"] = "1979-03-05 00:00:00"
    REALIZATION.write_text(json.dumps(content))
    found = checked()
    assert len(found) == 3
    assert (
        "1979-03-01 00:00:00 to 1979-03-05 01:00:00 is not covered" in found[0].problem
    )


def test_a_catchment_without_forcing_is_found(folder):
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file["ids"][1] = "cat-9"
    (found,) = checked()
    assert "no forcing of catchment 'cat-1453'" in found.problem
    assert "same version" in found.cure


def test_an_input_that_nothing_gives_is_found(folder):
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file.renameVariable("TMP_2maboveground", "temperature")
    found = checked()
    assert any(
        "nothing gives 'land_surface_air__temperature'" in f.problem for f in found
    )
    assert any("variables_names_map" in f.cure for f in found)


def test_units_that_do_not_convert_are_found(folder):
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file["TMP_2maboveground"].units = "W m-2"
    found = checked()
    assert any("'W m-2' cannot be converted into" in f.problem for f in found)


def test_gaps_in_the_forcing_are_found(folder):
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file["precip_rate"][2, 5] = np.nan
    (found, *_) = checked()
    assert found.level == "error"
    assert "of 'cat-1455' is missing at 1979-03-01 05:00:00" in found.problem


def test_a_missing_forcing_file_is_found(folder):
    Path("forcings/forcings.nc").unlink()
    (found,) = checked()
    assert "forcings/forcings.nc: no such file" in found.problem


def test_unknown_catchments_of_the_realization_are_told(folder):
    content = json.loads(REALIZATION.read_text())
    own = json.loads(json.dumps(content["global"]))
    own["formulations"][0]["params"]["init_config"] = "cat-14511.yml"
    content["catchments"] = {"cat-14511": own}
    REALIZATION.write_text(json.dumps(content))
    (found,) = checked()
    assert "'cat-14511' is not in" in found.problem
