"""What a check of a run folder finds, and how it says to mend it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.errors import ConfigError

from .run_folder import REALIZATION, change, checked, edited, ran


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
    findings = checked()
    assert [f for f in findings if f.level == level and problem in f.problem], findings
    assert [f for f in findings if cure in f.cure], findings


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
    (finding,) = [f for f in checked() if f.level == "error"]
    for part in ("cat-1453", "cat_config/dmx/cat-1453.yml", problem):
        assert part in finding.problem


def test_a_start_other_than_that_of_the_run_is_found(folder):
    edited(lambda c: c.update(start_time="1979-03-02 00:00:00"))
    (finding,) = checked()
    assert "cat-1453.yml: start_time: found '1979-03-02 00:00:00'" in finding.problem
    assert "the run starts at 1979-03-01 00:00:00" in finding.problem


def test_forcing_that_is_too_short_is_found(folder):
    content = json.loads(REALIZATION.read_text())
    content["time"]["end_time"] = "1979-03-05 00:00:00"
    REALIZATION.write_text(json.dumps(content))
    findings = checked()
    assert len(findings) == 3
    assert (
        "1979-03-01 00:00:00 to 1979-03-05 01:00:00 is not covered"
        in findings[0].problem
    )


def test_a_catchment_without_forcing_is_found(folder):
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file["ids"][1] = "cat-9"
    (finding,) = checked()
    assert "no forcing of catchment 'cat-1453'" in finding.problem
    assert "would use that of the first one in the file without" in finding.problem
    assert "same version" in finding.cure


def test_an_input_that_nothing_gives_is_found(folder):
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file.renameVariable("TMP_2maboveground", "temperature")
    findings = checked()
    assert any(
        "nothing gives 'land_surface_air__temperature'" in f.problem for f in findings
    )
    assert any("variables_names_map" in f.cure for f in findings)


def test_units_that_do_not_convert_are_found(folder):
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file["TMP_2maboveground"].units = "W m-2"
    findings = checked()
    assert any("'W m-2' cannot be converted into" in f.problem for f in findings)


def test_of_a_mass_of_water_the_cure_is_its_depth(folder):
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file["precip_rate"].units = "kg m-2 s-1"
    findings = [f for f in checked() if "'kg m-2 s-1' cannot be conv" in f.problem]
    assert findings
    assert all("1 kg m-2 is 1 mm, so write mm" in f.cure for f in findings)


def test_gaps_in_the_forcing_are_found(folder):
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file["precip_rate"][2, 5] = np.nan
    (finding, *_) = checked()
    assert finding.level == "error"
    assert "of 'cat-1455' is missing at 1979-03-01 05:00:00" in finding.problem


def test_a_missing_forcing_file_is_found(folder):
    Path("forcings/forcings.nc").unlink()
    (finding,) = checked()
    assert "forcings/forcings.nc: no such file" in finding.problem


def test_unknown_catchments_of_the_realization_are_told(folder):
    content = json.loads(REALIZATION.read_text())
    entry = json.loads(json.dumps(content["global"]))
    entry["formulations"][0]["params"]["init_config"] = "cat-14511.yml"
    content["catchments"] = {"cat-14511": entry}
    REALIZATION.write_text(json.dumps(content))
    (finding,) = checked()
    assert "'cat-14511' is not in" in finding.problem


ENTRY = {
    "direction": "load", "label": "l", "path": "states", "type": "FilePerUnit",
    "when": "StartOfRun",
}  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"output": {"root": "o", "catchment": {"grouping": "per_formulation"}}},
         "output: catchment: grouping: per_formulation: only the framework writes"),
        ({"output": {"root": "o", "nexus": {"format": "netcdf"}}}, "only the framewor"),
        ({"per_formulation_nexus_files": True}, "per_formulation_nexus_files: true: "),
        ({"formulation_groups": {"a": []}}, "formulation_groups and forcing_groups"),
        ({"serialization": {"path": "s", "save": {"frequency": -1}}},
         "serialization: save: states are saved to s by the framework alone"),
        ({"serialization": {"path": "config", "restore": {"stepp": 3}}},
         "not understood, so ignored: 'stepp'; did you mean 'step'?"),
        ({"state_saving": [{**ENTRY, "path": "config"}]},
         "state_saving[0]: states are restored from config by the framework alone"),
    ],
)  # fmt: skip
def test_what_only_the_framework_does_is_a_warning(folder, keys, problem):
    content = json.loads(REALIZATION.read_text()) | keys
    REALIZATION.write_text(json.dumps(content))
    findings = checked()
    assert findings
    assert {f.level for f in findings} == {"warning"}
    assert any(problem in f.problem for f in findings)


def test_what_is_warned_of_on_the_way_is_among_the_findings(folder, caplog):
    change(wrong("model_params", {"fc": {"source": "hydrofabric", "from": "area"}}))
    (finding,) = checked()
    assert finding.level == "warning"
    assert "parameter 'fc': no 'area' in the hydrofabric" in finding.problem
    # It is told by whoever asked for the check, and not twice.
    assert not caplog.records


COMPILED = {
    "name": "bmi_c",
    "params": {
        "model_type_name": "PET", "init_config": "/dev/null",
        "main_output_variable": "water_potential_evaporation_flux",
        "library_file": "/dmod/shared_libs/libpetbmi.so.1.0.0",
        "registration_function": "register_bmi_pet",
    },
}  # fmt: skip
POTENTIAL = "land_surface_water__potential_evaporation_volume_flux"


def chained(*compiled: dict[str, Any], **more: Any) -> None:
    content = json.loads(REALIZATION.read_text())
    (formulation,) = content["global"]["formulations"]
    formulation["params"].update(more)
    chain = {
        "model_type_name": "chain", "init_config": "",
        "main_output_variable": formulation["params"]["main_output_variable"],
        "allow_exceed_end_time": True, "modules": [*compiled, formulation],
    }  # fmt: skip
    content["global"]["formulations"] = [{"name": "bmi_multi", "params": chain}]
    REALIZATION.write_text(json.dumps(content))


def test_the_python_part_of_a_chain_is_checked(folder):
    """And what cannot be looked at is told, without being an error."""
    for name in ("cat-1451", "cat-1453", "cat-1455"):
        edited(lambda c: c.update(evaporation="given"), name)
    names = {POTENTIAL: "water_potential_evaporation_flux"}
    chained(COMPILED, variables_names_map=names)
    findings = checked()
    assert [f.level for f in findings] == ["warning"] * 2
    assert (
        "module 'PET' is of kind 'bmi_c': it cannot be looked at" in findings[0].problem
    )
    assert "libpetbmi.so.1.0.0: no such file on this machine" in findings[1].problem
    with pytest.raises(ConfigError, match="only Python modules can be run here"):
        ran()


@pytest.mark.parametrize(
    ("edit", "level", "problem"),
    [
        (lambda c: c["locations"]["attributes"].pop("aridity"), "error", "'aridity'"),
        (lambda c: c.update(start_time="1979-03-02"), "error", "start_time: found"),
        (lambda c: c.update(evaporation="given"), "warning",
         f"a compiled module must give '{POTENTIAL}'; none is said to"),
    ],
)  # fmt: skip
def test_faults_beside_a_compiled_module_are_found(folder, edit, level, problem):
    edited(edit)
    chained(COMPILED)
    findings = [f for f in checked() if problem in f.problem]
    assert [f.level for f in findings] == [level]


def test_forcing_beside_a_compiled_module_is_looked_at(folder):
    chained(COMPILED)
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file["precip_rate"][2, 5] = np.nan
    assert any("'cat-1455' is missing at" in f.problem for f in checked())


def test_a_chain_of_compiled_modules_alone_is_left_to_the_framework(folder):
    content = json.loads(REALIZATION.read_text())
    content["global"]["formulations"] = [COMPILED]
    REALIZATION.write_text(json.dumps(content))
    assert {f.level for f in checked()} == {"warning"}


@pytest.mark.parametrize(
    ("parameters", "count"), [({"z(1,double,1,node)": 0.0}, 0), ({}, 1)]
)
def test_constants_of_a_compiled_module_are_known(folder, parameters, count):
    constants = {
        "name": "bmi_c++",
        "params": {
            "model_type_name": "SLOTH", "init_config": "/dev/null",
            "main_output_variable": "y", "model_params": parameters,
        },
    }  # fmt: skip
    with netCDF4.Dataset("forcings/forcings.nc", "a") as file:
        file.renameVariable("TMP_2maboveground", "warmth")
    chained(constants, variables_names_map={"land_surface_air__temperature": "z"})
    findings = [f for f in checked() if "a compiled module must give 'z'" in f.problem]
    assert len(findings) == count
