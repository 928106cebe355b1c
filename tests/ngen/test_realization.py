"""Realization files: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmi_dmx.errors import ConfigError
from bmi_dmx.ngen.realization import MassBalance
from bmi_dmx.ngen.realization_file import read_realization

ENTRY = {
    "direction": "save", "label": "l", "path": "p", "type": "FilePerUnit",
    "when": "EndOfRun",
}  # fmt: skip


def test_the_name_of_the_catchment_is_put_in(realize, params, content):
    params["init_config"] = "./cat_config/{{id}}.yml"
    content["global"]["forcing"] = {
        "path": "csv", "provider": "CsvPerFeature", "file_pattern": "{{id}}.*\\.csv"
    }  # fmt: skip
    realization = realize()
    assert realization.module("cat-7").init_config == "./cat_config/cat-7.yml"
    assert realization.source("cat-7").file_pattern == "cat-7.*\\.csv"


def test_both_ends_of_the_period_are_beginnings_of_hours(realize):
    period = realize().period
    assert period.steps == 3
    assert period.start == 1448928000


def test_defaults_are_those_of_the_framework(realize, params):
    params["mass_balance"] = {"check": True}
    realization = realize()
    assert realization.module("cat-1").mass_balance == MassBalance(
        check=True, tolerance=1e-16, frequency=1, fatal=False
    )
    assert not realization.module("cat-1").cache_input_variable_metadata
    assert realization.output.precision == 9


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
    realization = realize()
    assert realization.module("cat-1").model_type_name == "simple"
    with pytest.raises(ConfigError, match=r"'cat-11' has no formulation.*'cat-1'"):
        realization.module("cat-11")


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
        (("output",), {"nexus": {"format": "hdf"}}, "found 'hdf', expected csv or net"),
        (("output",), {"catchment": {"format": "netcdf"}}, "'netcdf', expected csv"),
        (("output",), {"catchment": {"grouping": "all"}}, "per_feature or per_f"),
        (("catchments",), {"cat-1": {"formulations": "wett"}},
         "cat-1: formulations: no group 'wett'; none are known"),
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
    entry = {"formulations": [{"name": "bmi_python", "params": params}]}
    content["catchments"] = {"cat-1": entry}
    with pytest.raises(ConfigError, match="catchments: cat-1: forcing: missing"):
        realize()
    entry["forcing"] = content["global"]["forcing"]
    params["init_config"] = "{{id}}.yml"
    assert realize().module("cat-1").init_config == "cat-1.yml"


def test_formulations_and_forcings_of_groups_are_shared(realize, params, content):
    params["init_config"] = "{{id}}.yml"
    content["formulation_groups"] = {"wet": content["global"].pop("formulations")}
    content["forcing_groups"] = {"station": content["global"].pop("forcing")}
    entry = {"formulations": "wet", "forcing": "station"}
    content["catchments"] = {"cat-1": entry, "cat-2": entry}
    realization = realize()
    assert realization.module("cat-2").init_config == "cat-2.yml"
    assert realization.source("cat-1").path == "forcing.nc"
    assert realization.groups == ("wet", "station")
    content["catchments"]["cat-2"] = {**entry, "forcing": "stations"}
    with pytest.raises(ConfigError, match=r"cat-2: forcing: no group .*mean 'station'"):
        realize()


@pytest.mark.parametrize(
    ("output", "otherwise"),
    [
        ({"output": {"catchment": {"grouping": "per_formulation"}}},
         "output: catchment: grouping: per_formulation"),
        ({"output": {"nexus": {"format": "netcdf"}}}, "output: nexus: format: netcdf"),
        ({"per_formulation_nexus_files": True}, "per_formulation_nexus_files: true"),
    ],
)  # fmt: skip
def test_what_only_the_framework_writes_is_kept_to_be_told(
    realize, content, output, otherwise
):
    content.update(output)
    assert realize().output.otherwise == (otherwise,)


def test_numbers_and_truths_may_be_text(realize, params, content):
    content["time"]["output_interval"] = "3600"
    content["output"] = {"precision": "12", "nexus": {"enable": "false"}}
    params["allow_exceed_end_time"] = "true"
    params["mass_balance"] = {"check": "true", "tolerance": "1e-6", "frequency": "2"}
    realization = realize()
    assert (realization.period.output_interval, realization.output.precision) == (
        3600,
        12,
    )
    assert not realization.output.nexuses
    module = realization.module("cat-1")
    assert module.allow_exceed_end_time
    assert module.mass_balance == MassBalance(tolerance=1e-6, frequency=2)


def test_a_mark_of_the_byte_order_is_passed_over(realize, content):
    expected = realize()
    path = Path("realization.json")
    path.write_text("\ufeff" + path.read_text(), encoding="utf-8")
    assert read_realization(path) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("// mine\n{}", "comments are not possible"),
        ('{"a": 1, /* mine */ "b": 2}', "comments are not possible"),
        ('{"a": 1,}', "there is a comma before '}'"),
        ('{"a": [1, ]}', "there is a comma before ']'"),
        ('{"a": NaN}', "NaN is no number of JSON"),
        ('{"a": {"b": 1, "b": 2}}', "key 'b' is given twice"),
        ("{", "Expecting property name"),
        ("[]", "expected an object"),
    ],
)
def test_what_is_no_realization_is_refused_with_the_reason(text, message):
    path = Path("a.json")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"a\.json: .*{message}"):
        read_realization(path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("serialization", [], "serialization: found .*expected an object"),
        (
            "serialization",
            {"save": {"check": True}},
            "serialization: save: path: missi",
        ),
        ("state_saving", {"path": "x"}, "state_saving: found .*expected a list"),
        ("state_saving", [{}], r"state_saving\[0\]: direction: missing"),
        ("state_saving", [ENTRY | {"direction": "both"}], "expected save or load"),
        (
            "state_saving",
            [ENTRY | {"when": "StartOfRun"}],
            "expected EndOfRun or Check",
        ),
        ("state_saving", [ENTRY | {"when": "Checkpoint"}], "frequency: found 0"),
    ],
)
def test_a_wrong_setting_of_saved_states_is_named(
    realize, content, key, value, message
):
    content[key] = value
    with pytest.raises(ConfigError, match=f"realization.json: .*{message}"):
        realize()


def test_how_states_are_saved_and_restored_is_understood(realize, params, content):
    params["serialization"] = {
        "path": "a", "save": {"frequency": 24}, "restore": {"path": "b", "stepp": 1},
    }  # fmt: skip
    content["state_saving"] = [
        ENTRY,
        ENTRY | {"direction": "load", "when": "StartOfRun"},
    ]
    realization = realize()
    entries = [
        (s.direction, s.path, s.ignored) for s in realization.module("cat-1").saving
    ]
    assert entries == [
        ("save", "a", ()),
        ("restore", "b", ("'stepp'; did you mean 'step'?",)),
    ]
    assert [s.direction for s in realization.saving] == ["save", "restore"]
    params["serialization"]["save"]["frequency"] = 0
    params["serialization"]["restore"]["check"] = False
    assert realize().module("cat-1").saving == ()


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
