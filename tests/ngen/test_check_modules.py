"""A check looks at the modules of every catchment, and at what they answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError
from bmi_dmx.ngen.check import check
from bmi_dmx.ngen.hydrofabric import Hydrofabric
from bmi_dmx.ngen.realization import Realization

from . import modules
from .checks import (
    IDS,
    change_catchments,
    change_params,
    change_realization,
    checked,
    prepared,
    ran,
)


@pytest.fixture
def folder(sample, bundle, somewhere, monkeypatch) -> Path:
    """A run folder, which is the current folder."""
    prepared(sample, bundle, Path("run"))
    monkeypatch.chdir("run")
    return somewhere / "run"


def errors() -> list[str]:
    return [f.problem for f in checked() if f.level == "error"]


# The end


def test_an_end_before_that_of_the_last_hour_is_found(folder):
    change_catchments("cat-1453", end_time="1979-03-02 23:00:00")
    (problem,) = errors()
    assert "cat-1453.yml: end_time: the module ends 169200 s after its start" in problem
    assert "the run 172800 s: its last hour ends at 1979-03-03 00:00:00" in problem
    with pytest.raises(ConfigError, match="the module ends 169200 s after its start"):
        ran()


def test_the_end_of_the_last_hour_is_late_enough(folder):
    change_catchments(*IDS, end_time="1979-03-03 00:00:00")
    assert checked() == []
    assert ran().steps == 48


@pytest.mark.parametrize(("may", "level"), [(True, "warning"), (False, "error")])
def test_other_modules_may_be_allowed_to_pass_their_end(
    realize, params, domain, forcing, monkeypatch, may, level
):
    monkeypatch.setattr(modules.Module, "get_end_time", lambda self: 7200.0)
    params |= {"allow_exceed_end_time": may, "init_config": "/dev/null"}
    findings = check(realize(), domain)
    assert {f.level for f in findings} == {level}
    assert (
        "the module ends 7200 s after its start, the run 10800 s" in findings[0].problem
    )


# Each catchment


def test_a_time_step_of_a_day_is_found_at_whichever_catchment(folder):
    change_catchments("cat-1453", time_step="daily")
    (problem,) = errors()
    assert "cat-1453: module 'bmi_dmx': time_step: steps of 86400 s" in problem


def test_an_input_of_some_catchments_that_nothing_gives_is_found(folder):
    change_catchments("cat-1453", "cat-1455", evaporation="given")
    (problem,) = errors()
    assert problem.startswith("cat-1453 and 1 more: module 'bmi_dmx': input 'land_")
    assert "nothing gives 'land_surface_water__potential_evaporation" in problem


def test_an_output_that_some_catchments_do_not_have_is_found(folder):
    change_catchments("cat-1455", outputs=["streamflow"])
    assert any(
        e.startswith("cat-1455: main_output_variable: no module has") for e in errors()
    )


class Meagre(modules.Module):
    """Wants less than the others."""

    inputs: ClassVar = {modules.RAIN: "mm h-1"}


class Failing(modules.Module):
    def run(self) -> None:
        raise ValueError("no luck")


@pytest.fixture
def own(
    realize: Callable[[], Realization],
    content: dict[str, Any],
    params: dict[str, Any],
    domain: Hydrofabric,
    forcing: Path,
) -> Callable[[str], list[str]]:
    """Check with another module at cat-2."""

    def at_cat_2(python_type: str) -> list[str]:
        other = {**params, "python_type": python_type, "model_type_name": "other"}
        formulations = [{"name": "bmi_python", "params": other}]
        forcing = content["global"]["forcing"]
        content["catchments"] = {
            "cat-2": {"formulations": formulations, "forcing": forcing}
        }
        findings = check(realize(), domain)
        return [f.problem for f in findings if f.level == "error"]

    return at_cat_2


def test_modules_of_one_catchment_alone_are_imported_and_run(own):
    assert own(f"{__name__}.Meagre") == []
    (problem,) = own(f"{__name__}.Failing")
    assert "cat-2: module 'other': update raised ValueError: no luck" in problem
    (problem,) = own("nowhere_to_be_found.Module")
    assert "module 'other': python_type: 'nowhere_to_be_found.Module'" in problem
    (problem,) = own("tests.ngen.modules.WrongUnits")
    assert problem.startswith("cat-2: main_output_variable: ")


def test_a_column_that_one_csv_file_lacks_is_found(realize, content, domain):
    Path("csv").mkdir()
    for k in (1, 2, 3):
        names = "Time,precip_rate" + (",T2D" if k != 2 else "")
        rows = [f"2015-12-01 0{h}:00:00,0" + ",278" * (k != 2) for h in range(3)]
        Path(f"csv/cat-{k}.csv").write_text("\n".join([names, *rows]))
    content["global"]["forcing"] = {"path": "csv", "file_pattern": "{{id}}[.]csv"}
    (problem,) = [f.problem for f in check(realize(), domain) if f.level == "error"]
    assert problem.startswith("cat-2: module 'simple': input 'land_surface_air__temp")


def test_modules_that_are_alike_are_run_once(realize, params, domain, forcing):
    modules.Module.calls.clear()
    params["init_config"] = "/dev/null"
    assert check(realize(), domain) == []
    calls = modules.Module.calls
    assert (calls["initialize"], calls["update"], calls["finalize"]) == (3, 1, 3)


def test_a_module_without_a_function_is_told(realize, params, domain, forcing):
    params["python_type"] = "tests.ngen.modules.Module"
    params["init_config"] = "/dev/null"
    original = modules.Module.get_var_nbytes
    try:
        del modules.Module.get_var_nbytes
        findings = check(realize(), domain)
    finally:
        modules.Module.get_var_nbytes = original
    assert "get_var_nbytes raised AttributeError" in findings[0].problem


# Items


def test_two_catchments_in_one_configuration_are_found(folder):
    path = Path("config/cat_config/dmx/cat-1453.yml")
    places = yaml.safe_load(path.read_text())["locations"]
    places["ids"] = ["cat-1453", "cat-1455"]
    change_catchments("cat-1453", locations=places)
    problems = errors()
    assert problems[0].startswith("cat-1453: module 'bmi_dmx': input ")
    assert "has 2 items, expected 1: a value would be given to all" in problems[0]


def test_a_module_without_room_for_its_inputs_is_found(
    realize, params, domain, forcing
):
    params |= {"python_type": "tests.ngen.modules.Lazy", "init_config": "/dev/null"}
    findings = check(realize(), domain)
    assert findings[0].level == "error"
    assert "has 0 items, expected 1: an empty array would" in findings[0].problem


# The start, however it is written

LSTM = {
    "train_cfg_file": "config.yml", "area_sqkm": 10.0, "elev_mean": 500.0, "lat": 42.0,
    "slope_mean": 40.0, "p_mean": 3.0, "aridity": 0.8, "basin_id": "cat-1453",
}  # fmt: skip


@pytest.mark.parametrize(("start", "wrong"), [("1979-07-01", True), (None, False)])
def test_a_start_in_the_file_beside_is_compared(folder, bundle, start, wrong):
    common = {"bundle": str(bundle), "start_time": start or "1979-03-01"}
    Path("config/cat_config/dmx/bmi_dmx.yaml").write_text(as_yaml(common))
    Path("config/cat_config/dmx/cat-1453.yml").write_text(as_yaml(LSTM))
    problems = errors()
    assert len(problems) == wrong
    for problem in problems:
        assert "cat-1453.yml or bmi_dmx.yaml beside it: start_time: found" in problem
        assert "found '1979-07-01 00:00:00', the run starts at 1979-03-01" in problem


DEFAULTS = {"aridity": 0.9, "latitude": 42.0}


@pytest.mark.parametrize(("day", "wrong"), [("07/15", True), ("03/01", False)])
def test_a_start_with_strokes_is_compared(folder, bundle, day, wrong):
    common = {"bundle": str(bundle), "attribute_defaults": DEFAULTS}
    Path("config/cat_config/dmx/bmi_dmx.yaml").write_text(as_yaml(common))
    dhbv = {
        "catchment_id": "cat-1453", "meanP": 1100.0, "meanelevation": 500.0,
        "meanslope": 3.0, "start_time": f"1979/{day} 00",
    }  # fmt: skip
    Path("config/cat_config/dmx/cat-1453.yml").write_text(as_yaml(dhbv))
    problems = errors()
    assert len(problems) == wrong
    for problem in problems:
        assert f"start_time: found '1979/{day} 00', the run starts at" in problem


def test_a_start_of_another_module_is_compared(realize, params, domain, forcing):
    Path("module.yml").write_text("start_time: 2015/07/15 00")
    findings = [f for f in check(realize(), domain) if f.level == "error"]
    assert "start_time: found '2015/07/15 00', the run starts at" in findings[0].problem


# The main output


def test_a_store_as_main_output_is_warned_of(folder):
    change_params(main_output_variable="snowpack__leq_depth")
    (finding,) = checked()
    assert finding.level == "warning"
    assert "'snowpack__leq_depth' is what is stored" in finding.problem
    assert "land_surface_water__runoff_depth" in finding.cure


def test_a_store_of_another_module_is_warned_of(
    realize, params, domain, forcing, monkeypatch
):
    name = "soil_water__storage"
    monkeypatch.setattr(modules.Module, "outputs", {name: "m"})
    monkeypatch.setattr(modules, "RUNOFF", name)
    params |= {"main_output_variable": name, "init_config": "/dev/null"}
    (finding,) = check(realize(), domain)
    assert (finding.level, "is what is stored" in finding.problem) == ("warning", True)


def test_a_catchment_without_a_formulation_is_found(folder):
    def only_one(content):
        entry = dict(content["global"])
        (module,) = entry["formulations"]
        module["params"]["init_config"] = "config/cat_config/dmx/cat-1451.yml"
        del content["global"]["formulations"]
        content["catchments"] = {"cat-1451": entry}

    change_realization(only_one)
    problems = errors()
    assert len(problems) == 2
    assert "catchment 'cat-1453' has no formulation" in problems[0]


def test_units_between_the_modules_of_a_chain_are_compared(
    realize, content, params, domain, forcing, monkeypatch
):
    params["init_config"] = "/dev/null"
    doubler = {**params, "model_type_name": "doubler",
               "python_type": "tests.ngen.modules.Doubler",
               "main_output_variable": "double_rain"}  # fmt: skip
    fed = {**params, "variables_names_map": {modules.RAIN: "double_rain"}}
    multi = {
        "model_type_name": "chain", "main_output_variable": modules.RUNOFF,
        "modules": [{"name": "bmi_python", "params": p} for p in (doubler, fed)],
    }  # fmt: skip
    content["global"]["formulations"] = [{"name": "bmi_multi", "params": multi}]
    assert check(realize(), domain) == []
    monkeypatch.setattr(modules.Doubler, "outputs", {"double_rain": "kg m-2"})
    (finding,) = check(realize(), domain)
    assert finding.level == "error"
    assert (
        "'kg m-2' cannot be converted into 'mm h-1': the raw number" in finding.problem
    )
    assert "let the units of 'double_rain'" in finding.cure


# The headings


def test_headings_in_other_units_than_the_output_are_found(folder):
    assert checked() == []
    change_catchments("cat-1453", units="model")
    found = checked()
    assert [f.level for f in found] == ["warning", "warning"]
    assert "cat-1453: output_header_fields: 'snow_water_equivalent[m]': " in str(found)
    assert "is in 'mm', and the framework writes it as it is" in found[0].problem
    assert "'evaporation[mm h-1]'" in found[1].problem
    assert "is in 'mm d-1'" in found[1].problem


def test_a_depth_in_an_hour_may_be_called_a_rate(folder):
    change_params(output_header_fields=["q [m/h]", "swe (m)", "evaporation, not [?]"])
    assert checked() == []
