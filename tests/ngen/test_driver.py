"""A run: files, nexus flow, chains of modules, mass balance."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, ModuleError
from bmi_dmx.ngen import driver
from bmi_dmx.ngen.hydrofabric import read_hydrofabric

from .modules import RAIN, RUNOFF, WARMTH


@pytest.fixture
def run(realize, domain, forcing):
    return lambda **some: driver.run(realize(), domain, **some)


def test_catchment_files_have_the_layout_of_the_framework(run):
    run()
    # The forcing file holds single precision, rates per second.
    depths = [float(np.float32(mm / 3600)) * 3.6 for mm in (3.0, 6.0, 9.0)]
    assert Path("out/cat-3.csv").read_text() == (
        "Time Step,Time,land_surface_water__runoff_depth\n"
        f"0,2015-12-01 00:00:00,{depths[0]:.9g}\n"
        f"1,2015-12-01 01:00:00,{depths[1]:.9g}\n"
        f"2,2015-12-01 02:00:00,{depths[2]:.9g}\n"
    )


def test_a_nexus_collects_the_water_of_its_catchments(run):
    run()
    # (1 mm over 10 km2 + 2 mm over 20 km2) in an hour, in m3 s-1.
    flow = (1e-3 * 10e6 + 2e-3 * 20e6) / 3600
    lines = Path("out/nex-1_output.csv").read_text().splitlines()
    expected = f"0, 2015-12-01 00:00:00, {flow:.6g}"
    assert lines[0] == expected == "0, 2015-12-01 00:00:00, 13.8889"
    assert len(lines) == 3


def test_columns_headings_and_digits_are_as_configured(run, params, content):
    params["output_variables"] = [RUNOFF, RUNOFF]
    params["output_header_fields"] = ["a", "b"]
    content["output"] = {"root": "other", "precision": 3, "nexus": {"enable": False}}
    run(catchments=["cat-1"])
    first, second = Path("other/cat-1.csv").read_text().splitlines()[:2]
    assert first == "Time Step,Time,a,b"
    assert second.endswith(",0.001,0.001")
    assert not list(Path("other").glob("nex-*"))


def test_output_that_cannot_be_made_is_named(run, content):
    Path("out").touch()
    with pytest.raises(ConfigError, match="output: root: out: Not a directory"):
        run()


def test_main_output_in_other_units_of_length_is_converted(run, params, monkeypatch):
    monkeypatch.setattr("tests.ngen.modules.Module.outputs", {RUNOFF: "mm"})
    assert run().runoff["cat-1"] == pytest.approx(6e-6, rel=1e-6)


def test_main_output_that_is_no_length_is_refused(run, params):
    params["python_type"] = "tests.ngen.modules.WrongUnits"
    with pytest.raises(ConfigError, match="'m3 s-1' cannot be converted into 'm'"):
        run()


def test_a_module_of_a_chain_feeds_another(run, content, params):
    chain = [
        {"name": "bmi_python", "params": {**params, "model_type_name": "doubler",
         "python_type": "tests.ngen.modules.Doubler",
         "main_output_variable": "double_rain"}},
        {"name": "bmi_python", "params": {**params,
         "variables_names_map": {RAIN: "double_rain"}}},
    ]  # fmt: skip
    content["global"]["formulations"] = [
        {"name": "bmi_multi", "params": {"model_type_name": "chain", "init_config": "",
         "main_output_variable": RUNOFF, "modules": chain}}
    ]  # fmt: skip
    assert run().runoff["cat-1"] == pytest.approx(12e-3, rel=1e-6)


def chained(content, *modules, **more):
    """Put a chain of modules in the place of the one."""
    multi = {
        "model_type_name": "chain", "main_output_variable": RUNOFF,
        "modules": [{"name": "bmi_python", "params": p} for p in modules], **more,
    }  # fmt: skip
    content["global"]["formulations"] = [{"name": "bmi_multi", "params": multi}]


def test_an_output_has_one_giver(run, content, params):
    second = {**params, "model_type_name": "second"}
    chained(content, params, second)
    message = f"'second': output '{RUNOFF}' is already given by module 'simple'"
    with pytest.raises(ConfigError, match=message):
        run()
    second["variables_names_map"] = {RUNOFF: WARMTH}
    chained(content, params, second)
    with pytest.raises(ConfigError, match=f"'{WARMTH}' is already given by the forc"):
        run()
    second["variables_names_map"] = {RUNOFF: "other"}
    chained(content, params, second, output_variables=["other", RUNOFF])
    run()
    assert (
        Path("out/cat-1.csv").read_text().startswith(f"Time Step,Time,other,{RUNOFF}")
    )


def test_modules_of_a_chain_may_pass_an_end_they_do_not_have(run, content, params):
    never = {**params, "allow_exceed_end_time": False}
    run()  # alone it may
    chained(content, never, {**params, "variables_names_map": {RUNOFF: "other"}})
    with pytest.raises(ConfigError, match=r"'simple': allow_exceed_end_time is not tr"):
        run()


def test_modules_meet_under_the_mapped_name_alone(run, content, params):
    doubler = {**params, "model_type_name": "doubler",
               "python_type": "tests.ngen.modules.Doubler",
               "main_output_variable": "double_rain",
               "variables_names_map": {"double_rain": "twice"}}  # fmt: skip
    chained(content, doubler, {**params, "variables_names_map": {RAIN: "twice"}})
    assert run().runoff["cat-1"] == pytest.approx(12e-3, rel=1e-6)
    chained(content, doubler, {**params, "variables_names_map": {RAIN: "double_rain"}})
    with pytest.raises(ConfigError, match="nothing gives 'double_rain'"):
        run()


def test_a_single_modules_output_may_be_asked_for_by_its_mapped_name(run, params):
    params["variables_names_map"] = {RUNOFF: "Q"}
    params["main_output_variable"] = "Q"
    params["output_variables"] = ["Q", RUNOFF]
    assert run().runoff["cat-1"] == pytest.approx(6e-3, rel=1e-6)
    cells = Path("out/cat-1.csv").read_text().splitlines()[1].split(",")
    assert cells[2] == cells[3] == "0.00100000002"


def test_forcing_may_be_asked_for_by_its_name_in_the_file(run, params):
    params["variables_names_map"] = {RAIN: "precip_rate", WARMTH: "TMP_2maboveground"}
    assert run().runoff["cat-1"] == pytest.approx(6e-3, rel=1e-6)


def test_an_input_from_a_later_module_needs_a_first_value(run, content, params):
    doubler = {**params, "model_type_name": "doubler",
               "python_type": "tests.ngen.modules.Doubler",
               "main_output_variable": "double_rain"}  # fmt: skip
    mapped = {**params, "variables_names_map": {RAIN: "double_rain"}}
    chained(content, mapped, doubler)
    with pytest.raises(ModuleError, match="default_output_values must give the first"):
        run()
    first = [{"name": "double_rain", "value": 0.0}]
    chained(content, mapped, doubler, default_output_values=first)
    # Hours 1 and 2 run on the doubled rain of hours 0 and 1.
    assert run().runoff["cat-1"] == pytest.approx((2 + 4) * 1e-3, rel=1e-6)


def test_compiled_modules_are_refused(run, content, params):
    content["global"]["formulations"] = [{"name": "bmi_c++", "params": params}]
    with pytest.raises(ConfigError, match=r"kind 'bmi_c\+\+'; only Python modules"):
        run()


def test_catchments_may_have_formulations_of_their_own(run, content, params):
    settings = {**params, "model_params": {"gain": 2.0}}
    entry = {
        "formulations": [{"name": "bmi_python", "params": settings}],
        "forcing": content["global"]["forcing"],
    }
    content["catchments"] = {"cat-1": entry}
    runoff = run().runoff
    assert runoff["cat-1"] == pytest.approx(12e-3, rel=1e-6)
    assert runoff["cat-2"] == pytest.approx(12e-3, rel=1e-6)


def test_a_tight_balance_is_reported(run, params):
    params["python_type"] = "tests.ngen.modules.Tight"
    params["mass_balance"] = {"check": True, "tolerance": 1e-9}
    report = run()
    assert (report.mass_watched, report.mass_residual, report.mass_breaches) == (
        3,
        0,
        0,
    )


def test_a_leak_is_counted_or_fatal(run, params, caplog):
    params["python_type"] = "tests.ngen.modules.Leaking"
    params["mass_balance"] = {"check": True, "tolerance": 1e-9, "fatal": False}
    report = run()
    assert report.mass_breaches == 9
    assert report.mass_residual == pytest.approx(1.5)
    assert caplog.text.count("residual 0.5 above the tolerance 1e-09") == 1
    params["mass_balance"]["fatal"] = True
    with pytest.raises(ModuleError, match=r"step 0 .* at cat-1.*residual 0.5"):
        run()


def test_a_module_without_the_protocol_is_warned_of_once(run, params, caplog):
    params["mass_balance"] = {"check": True}
    assert run().mass_watched == 0
    assert caplog.text.count("mass balance is not supported") == 1


def test_terms_of_a_balance_are_single_numbers(run, params, caplog):
    params["python_type"] = "tests.ngen.modules.Twofold"
    params["mass_balance"] = {"check": True}
    assert run().mass_watched == 0
    assert "mass_in: found an array of shape (2,), expected (1,)" in caplog.text


def test_a_folder_of_forcing_needs_a_pattern(run, content):
    Path("csv").mkdir()
    content["global"]["forcing"] = {"path": "csv", "provider": "CsvPerFeature"}
    with pytest.raises(ConfigError, match="csv is a folder: file_pattern is missing"):
        run()


def test_what_was_written_before_a_failure_stays(run, content):
    content["time"]["end_time"] = "2015-12-01 05:00:00"
    with netCDF4.Dataset("forcing.nc", "a") as file:
        file["precip_rate"][0, 3] = np.nan
    with pytest.raises(ModuleError, match=r"step 3 \(2015-12-01 03:00:00\) at cat-1"):
        run()
    assert len(Path("out/cat-2.csv").read_text().splitlines()) == 4


def test_a_period_without_forcing_is_refused_before_anything_is_written(run, content):
    content["time"]["end_time"] = "2015-12-01 08:00:00"
    with pytest.raises(ConfigError, match="is not covered by the forcing of 'cat-1'"):
        run()
    assert not Path("out").exists()


def test_the_frameworks_own_example_runs(realize, content, shared_data):
    folder = shared_data / "ngen"
    content["global"]["forcing"] = {
        "path": str(folder), "provider": "CsvPerFeature",
        "file_pattern": "{{id}}_.*\\.csv",
    }  # fmt: skip
    content["time"]["end_time"] = "2015-12-30 23:00:00"
    domain = read_hydrofabric(
        folder / "catchment_data.geojson", folder / "nexus_data.geojson"
    )
    report = driver.run(realize(), domain)
    assert report.steps == 720
    # All rain runs off: the depth is the sum of the file's rates (mm s-1).
    for name in ("cat-27", "cat-52", "cat-67"):
        (path,) = folder.glob(f"{name}_*.csv")
        rows = path.read_text().splitlines()[1:]
        rates = [float(row.split(",")[-1]) for row in rows]
        assert report.runoff[name] == pytest.approx(sum(rates) * 3.6, rel=1e-9)
    assert len(Path("out/nex-26_output.csv").read_text().splitlines()) == 720
