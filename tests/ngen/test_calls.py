"""Which functions of a module are called, how often, and what they may answer."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, ModuleError
from bmi_dmx.ngen import driver
from bmi_dmx.ngen.formulation import Formulation
from bmi_dmx.ngen.providers import providers

from .files import write_netcdf
from .modules import RAIN, RUNOFF, WARMTH, Daily, Module, Wide


def counted(kind: type[Module], run: Any) -> Counter[str]:
    """Return the calls of one step: those of three steps less those of two."""
    totals = []
    for end in ("01", "02"):
        kind.calls = Counter()
        run(end)
        totals.append(kind.calls)
    few, many = totals
    many.subtract(few)
    return +many


@pytest.fixture
def run(realize, content, domain, forcing):
    def until(end: str) -> driver.Report:
        content["time"]["end_time"] = f"2015-12-01 {end}:00:00"
        return driver.run(realize(), domain, catchments=["cat-1"])

    return until


def test_two_inputs_and_one_column_take_46_calls(run):
    calls = counted(Module, run)
    assert sum(calls.values()) == 46
    assert calls == {
        "get_current_time": 2, "get_time_step": 1, "update": 1, "set_value": 2,
        "get_input_item_count": 3, "get_input_var_names": 3,
        "get_output_item_count": 2, "get_output_var_names": 2,
        "get_var_itemsize": 10, "get_var_units": 4, "get_var_type": 10,
        "get_var_nbytes": 4, "get_value_at_indices": 2,
    }  # fmt: skip


def test_every_input_takes_9_calls_and_every_column_11(run, params):
    params["python_type"] = "tests.ngen.modules.Wide"
    zeros = np.zeros((1, 6))
    fields = {"precip_rate": ("mm s-1", zeros), "T2D": ("K", zeros)}
    fields |= {f"other_{k}": ("1", zeros) for k in range(6)}
    Path("forcing.nc").unlink()
    write_netcdf(Path("forcing.nc"), ["cat-1"], fields)
    assert sum(counted(Wide, run).values()) == 6 + 9 * 8 + 11 * 4


def test_cached_metadata_of_inputs_are_not_asked_for_again(run, params):
    params["cache_input_variable_metadata"] = True
    assert sum(counted(Module, run).values()) == 4 + 5 * 2 + 11 * 2


def test_the_end_time_is_asked_for_unless_it_may_be_passed(run, params):
    params["allow_exceed_end_time"] = False
    assert counted(Module, run)["get_end_time"] == 1


def test_a_module_with_another_step_is_brought_to_a_time(run, params):
    params["python_type"] = "tests.ngen.modules.Daily"
    calls = counted(Daily, run)
    assert calls["update_until"] == 1
    assert calls["update"] == 0


def test_inputs_are_converted_and_looked_up_at_the_modules_own_time(
    realize, domain, forcing
):
    realization = realize()
    module = realization.module("cat-2")
    with providers(realization, ["cat-2"]) as sources:
        formulation = Formulation(module, "cat-2", {}, sources["cat-2"], set())
        model = formulation.adapters[0].model
        depths = [formulation.step(realization.period.start, k) for k in range(2)]
        # A clock that was set back brings the forcing of that hour again.
        model.time = 0.0
        formulation.step(realization.period.start, 2)
    assert depths == pytest.approx([2e-3, 4e-3], rel=1e-6)
    assert [s[RAIN] for s in model.seen] == pytest.approx([2.0, 4.0, 2.0], rel=1e-6)
    assert [s[WARMTH] for s in model.seen] == pytest.approx([5.0] * 3, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("OddType", r"cat-1.*'simple': input .* type 'torch.float64' of 8 bytes"),
        ("WrongSize", r"type 'float32' of 8 bytes is not known"),
        ("Epochal", "get_time_units: found 'seconds since 2000-01-01', a date"),
        ("Drifting", r"step 1 .*get_current_time answers 3599\.9999, 3599 s after"),
        ("Miscounting", "get_input_item_count answers 1, but there are 2 names"),
        ("Nameless", "get_output_var_names answers None, expected names"),
        ("Timeless", r"step 0 .*: get_current_time answers None, expected a number"),
        ("Unitless", "get_var_units raised KeyError"),
        ("Exiting", r"step 0 .*: update raised SystemExit: 3"),
        ("Failing", r"step 0 \(2015-12-01 00:00:00\) at cat-1: .*no luck"),
    ],
)
def test_what_the_framework_cannot_work_with_is_named(run, params, name, message):
    params["python_type"] = f"tests.ngen.modules.{name}"
    with pytest.raises(ModuleError, match=message):
        run("02")


@pytest.mark.parametrize("name", ["Hours", "Late"])
def test_forcing_is_that_of_the_time_since_the_modules_own_start(run, params, name):
    params["python_type"] = f"tests.ngen.modules.{name}"
    assert run("02").runoff["cat-1"] == pytest.approx((1 + 2 + 3) * 1e-3, rel=1e-6)


def test_only_what_is_written_into_the_given_array_counts(run, params):
    params["python_type"] = "tests.ngen.modules.Answering"
    assert run("02").runoff["cat-1"] == 0.0


def test_the_balance_is_looked_at_before_the_columns(run, params):
    params["python_type"] = "tests.ngen.modules.Leaking"
    params["mass_balance"] = {"check": True, "tolerance": 1e-9, "fatal": True}
    with pytest.raises(ModuleError, match=r"residual 0\.5"):
        run("02")
    assert len(Path("out/cat-1.csv").read_text().splitlines()) == 1


def test_an_input_without_room_is_refused(run, params):
    params["python_type"] = "tests.ngen.modules.Lazy"
    with pytest.raises(ConfigError, match="has 0 items, expected 1: an empty array"):
        run("02")
    assert not Path("out").exists()


def test_an_input_that_loses_its_room_is_refused(run, params):
    params["python_type"] = "tests.ngen.modules.Shrinking"
    with pytest.raises(ModuleError, match=r"step 1 .* has 0 items, expected 1"):
        run("02")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "python_type",
            "tests.ngen.modules.Modul",
            "no class 'Modul'; did you mean 'Module'",
        ),
        ("python_type", "nowhere.Module", "'nowhere.Module' cannot be imported"),
        ("python_type", "Module", "expected package.Class"),
        ("init_config", "{{id}}.yml", "cat-1: init_config: cat-1.yml: no such file"),
        ("module_path", "lib", "module_path: lib: no such folder"),
    ],
)
def test_what_cannot_be_started_is_named(run, params, key, value, message):
    params[key] = value
    with pytest.raises(ConfigError, match=message):
        run("02")


def test_an_output_that_is_not_there_is_named(run, params):
    params["main_output_variable"] = "land_surface_water__runof_depth"
    with pytest.raises(ConfigError, match=f"did you mean '{RUNOFF}'"):
        run("02")


def test_parameters_come_from_realization_and_hydrofabric(run, params, caplog):
    params["model_params"] = {"gain": {"source": "hydrofabric", "from": "areasqkm"}}
    assert run("00").runoff["cat-1"] == pytest.approx(10e-3, rel=1e-6)
    params["model_params"] = {"gain": [3.0, 4.0]}
    assert run("00").runoff["cat-1"] == pytest.approx(3e-3, rel=1e-6)
    for wrong in ("text", True, {"source": "hydrofabric", "from": "nothing"}):
        params["model_params"] = {"gain": wrong}
        caplog.clear()
        assert run("00").runoff["cat-1"] == pytest.approx(1e-3, rel=1e-6)
        assert "gain" in caplog.text


@pytest.mark.parametrize("value", [1.0, "text"])
def test_a_parameter_the_module_does_not_have_is_an_error(run, params, value):
    params["model_params"] = {"unknown": value}
    message = r"model_params: unknown raised KeyError: 'unknown'"
    with pytest.raises(ModuleError, match=message):
        run("00")


def test_a_parameter_comes_from_the_hydrofabric_or_nowhere(run, params):
    params["model_params"] = {"gain": {"source": "table", "from": "areasqkm"}}
    message = "model_params: gain: source: found 'table', expected 'hydrofabric'"
    with pytest.raises(ModuleError, match=message):
        run("00")
