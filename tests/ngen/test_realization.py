"""Realization files: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmi_dmx.errors import ConfigError
from bmi_dmx.ngen.realization import MassBalance
from bmi_dmx.ngen.realization_file import read_realization


def test_the_name_of_the_catchment_is_put_in(realize, params, content):
    params["init_config"] = "./cat_config/{{id}}.yml"
    content["global"]["forcing"] = {
        "path": "csv", "provider": "CsvPerFeature", "file_pattern": "{{id}}.*\\.csv"
    }  # fmt: skip
    found = realize()
    assert found.module("cat-7").init_config == "./cat_config/cat-7.yml"
    assert found.source("cat-7").file_pattern == "cat-7.*\\.csv"


def test_both_ends_of_the_period_are_beginnings_of_hours(realize):
    period = realize().period
    assert period.steps == 3
    assert period.start == 1448928000


def test_defaults_are_those_of_the_framework(realize, params):
    params["mass_balance"] = {"check": True}
    found = realize()
    assert found.module("cat-1").mass_balance == MassBalance(
        check=True, tolerance=1e-16, frequency=1, fatal=False
    )
    assert not found.module("cat-1").cache_input_variable_metadata
    assert found.output.precision == 9


def test_the_output_block_goes_before_the_older_keys(realize, content):
    content["disable_catchment_output"] = True
    assert not realize().output.catchments
    content["output"] = {"root": "new", "precision": 12}
    output = realize().output
    assert (output.root, output.precision, output.catchments) == ("new", 12, True)


def test_keys_that_are_not_understood_are_kept_to_be_told(realize, params):
    params["alow_exceed_end_time"] = True
    assert realize().module("cat-1").ignored == ("alow_exceed_end_time",)


def test_catchments_without_a_formulation_are_named(realize, content):
    entry = {
        "formulations": content["global"].pop("formulations"),
        "forcing": content["global"]["forcing"],
    }
    content["catchments"] = {"cat-1": entry}
    found = realize()
    assert found.module("cat-1").model_type_name == "simple"
    with pytest.raises(ConfigError, match=r"'cat-11' has no formulation.*'cat-1'"):
        found.module("cat-11")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("global", "formulations"), [], "global: formulations: missing"),
        (("global", "forcing", "provider"), "netcdf",
         "provider: unknown value 'netcdf'; did you mean 'NetCDF'"),
        (("time", "start_time"), "1 December", "time: start_time: found '1 December'"),
        (("time", "end_time"), "2015-11-30 00:00:00", "end_time: found 2015-11-30"),
        (("time", "end_time"), "2015-12-01 01:30:00", "a whole number of hours"),
        (("time", "output_interval"), 0, "output_interval: found 0, expected 3600"),
        (("time", "start_time"), "2015-12-01T00:00:00", "start_time: found '2015-12-0"),
        (("output",), {"nexus": {"format": "netcdf"}}, "nexus: format: found 'netcdf'"),
        (("per_formulation_nexus_files",), True, "nexus_files: found True, only one"),
        (("output",), {"precision": "six"}, "output: precision: found 'six'"),
        (("catchments",), [], None),
        (("catchments",), {"cat-1": {}}, "catchments: cat-1: formulations: missing"),
    ],
)  # fmt: skip
def test_a_wrong_key_is_named(realize, content, place, value, message):
    *path, last = place
    data = content
    for key in path:
        data = data[key]
    data[last] = value
    message = message or "catchments: expected an object, found \\[\\]"
    with pytest.raises(ConfigError, match=f"realization.json: .*{message}"):
        realize()


@pytest.mark.parametrize(
    "key", ["init_config", "main_output_variable", "python_type", "model_type_name"]
)
def test_a_missing_key_is_named(realize, params, key):
    del params[key]
    with pytest.raises(ConfigError, match=f"bmi_python: params: {key}: missing"):
        realize()


def test_a_catchment_of_its_own_takes_nothing_from_the_global_part(
    realize, params, content
):
    own = {"formulations": [{"name": "bmi_python", "params": params}]}
    content["catchments"] = {"cat-1": own}
    with pytest.raises(ConfigError, match="catchments: cat-1: forcing: missing"):
        realize()
    own["forcing"] = content["global"]["forcing"]
    params["init_config"] = "{{id}}.yml"
    with pytest.raises(ConfigError, match=r"cat-1: init_config: .*\}\}.*; write cat-1"):
        realize()


def test_the_output_interval_has_no_default(realize, content):
    del content["time"]["output_interval"]
    with pytest.raises(ConfigError, match="time: output_interval: missing"):
        realize()


def test_what_is_no_json_is_refused():
    with pytest.raises(ConfigError, match=r"none\.json: no such file"):
        read_realization(Path("none.json"))
    Path("a.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"a\.json: not valid JSON"):
        read_realization(Path("a.json"))
