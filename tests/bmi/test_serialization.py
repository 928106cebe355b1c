"""State through the values of a component, in both dialects of NextGen."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.errors import StateError, VariableError

from .host import attributes, load, run, save, weather
from .untrained import dynamic, static

ROOT = Path(__file__).resolve().parents[2]

SIGNALS = {
    "ngen::serialization_create": ("int32", 4, 4, "ngen::trigger"),
    "ngen::serialization_free": ("int32", 4, 4, "ngen::trigger"),
    "ngen::serialization_size": ("int64", 8, 8, "bytes"),
    "ngen::serialization_state": ("uint8", 1, None, "ngen::opaque"),
    "serialization_create": ("uint64", 8, 8, "ngen::trigger"),
    # From memory that was never filled: as many items as announced, so none.
    "serialization_free": ("int32", 4, 0, "ngen::trigger"),
    "serialization_size": ("uint64", 8, 8, "bytes"),
    "serialization_state": ("uint8", 1, None, "ngen::opaque"),
    "reset_time": ("float64", 8, 8, "s"),
}
PREFIXES = ("ngen::", "")
HOUR = {"time_step": "hourly"}


@pytest.mark.parametrize(("name", "expected"), SIGNALS.items())
def test_signals_are_exactly_as_agreed(name: str, expected: Any, start: Any) -> None:
    component = start(1, **HOUR)
    kind, itemsize, nbytes, units = expected
    assert component.get_var_type(name) == kind
    assert component.get_var_itemsize(name) == itemsize
    assert component.get_var_units(name) == units
    size = len(component.state_bytes())
    assert component.get_var_nbytes(name) == (size if nbytes is None else nbytes)
    for function in (component.get_var_grid, component.get_var_location):
        with pytest.raises(VariableError, match="is a signal of the host"):
            function(name)
    assert name not in component.names()
    published = (*component.get_input_var_names(), *component.get_output_var_names())
    assert name not in published


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_length_is_announced_before_anything_is_saved(
    prefix: str, start: Any
) -> None:
    component = start(1, **HOUR)
    name = f"{prefix}serialization_state"
    announced = component.get_var_nbytes(name)
    for step in range(30):
        run(component, weather(30, 1, hours=1.0), range(step, step + 1), ())
        saved = save(component, prefix)
        assert component.get_var_nbytes(name) == announced == saved.size


@pytest.mark.parametrize("prefix", PREFIXES)
def test_saving_does_not_touch_the_model(prefix: str, start: Any) -> None:
    one, other = (start(1, name=f"{k}.yaml", **HOUR) for k in "ab")
    forcing = weather(60, 1, hours=1.0)
    for step in range(60):
        run(one, forcing, range(step, step + 1), ())
        run(other, forcing, range(step, step + 1), ())
        save(one, prefix)
    assert one.get_current_time() == 60 * 3600.0
    assert one.state_bytes() == other.state_bytes()


CONTINUE = """
import sys
import numpy as np
from bmi_dmx import Component
from tests.bmi.host import load, run, weather
component = Component()
component.initialize(sys.argv[1])
component.set_value("area_km2", np.array([77.0]))
load(component, sys.argv[4], np.fromfile(sys.argv[2], np.uint8))
steps = range(500, 1000)
outputs = ("land_surface_water__runoff_depth", "ngen::mass_in", "soil_moisture")
found = run(component, weather(1000, 1, hours=1.0), steps, outputs)
np.save(sys.argv[3], np.stack([found[name] for name in outputs]))
assert "torch" not in sys.modules
"""


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("spec", [static(), dynamic()], ids=["static", "dynamic"])
def test_hour_500_restored_in_another_process_is_bitwise_the_uninterrupted_run(
    spec: Any, prefix: str, start: Any, configure: Any, bundle_of: Any, tmp_path: Path
) -> None:
    settings = {"bundle": str(bundle_of(spec)), **HOUR}
    whole = start(1, **settings)
    whole.set_value("area_km2", np.array([77.0]))
    forcing = weather(1000, 1, hours=1.0)
    run(whole, forcing, range(500), ())
    save(whole, prefix).tofile(tmp_path / "payload")
    # 500 hours later, as the host that restores it begins.
    later = configure(
        1, name="later.yaml", start_time="1980-10-21 20:00:00", **settings
    )
    command = [sys.executable, "-c", CONTINUE, later, "payload", "found.npy", prefix]
    command[4:6] = [tmp_path / "payload", tmp_path / "found.npy"]
    process = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    outputs = ("land_surface_water__runoff_depth", "ngen::mass_in", "soil_moisture")
    expected = run(whole, forcing, range(500, 1000), outputs)
    stacked = np.stack([expected[name] for name in outputs])
    assert np.load(tmp_path / "found.npy").tobytes() == stacked.tobytes()


def advanced(start: Any) -> np.ndarray:
    component = start(1, name="saved.yaml", **HOUR)
    run(component, weather(30, 1, hours=1.0), range(30), ())
    return save(component, "")


def test_with_prefix_the_clock_stays_where_it_is(start: Any) -> None:
    payload = advanced(start)
    component = start(1, **HOUR)
    load(component, "ngen::", payload)
    assert component.get_current_time() == 0.0


def test_without_prefix_the_clock_is_the_saved_one_until_it_is_reset(
    start: Any,
) -> None:
    payload = advanced(start)
    component = start(1, **HOUR)
    load(component, "", payload)
    assert component.get_current_time() == 30 * 3600.0
    component.set_value("reset_time", np.zeros(1))
    assert component.get_current_time() == 0.0


def test_a_free_after_a_restore_resets_the_clock_and_one_after_a_save_does_not(
    start: Any,
) -> None:
    payload = advanced(start)
    component = start(1, **HOUR)
    load(component, "", payload)
    save(component, "")
    assert component.get_current_time() == 30 * 3600.0
    load(component, "", payload)
    component.set_value("serialization_free", np.empty(0, "int32"))
    assert component.get_current_time() == 0.0


def test_a_state_of_before_the_start_is_taken_and_the_clock_left(start: Any) -> None:
    payload = advanced(start)
    component = start(1, start_time="1999-01-01", **HOUR)
    load(component, "", payload)
    assert component.get_current_time() == 0.0
    stored = component.state()["balance.mass_in"]
    assert stored > 0.0


@pytest.mark.parametrize("prefix", PREFIXES)
def test_what_does_not_belong_is_refused(
    prefix: str, start: Any, bundle_of: Any
) -> None:
    payload = advanced(start)
    others = {
        "another bundle": {"bundle": str(bundle_of(static(members=3)))},
        r"another way of running .*found '1 h, model', .* '1 d, model": {
            "mode": "daily"
        },
        "another way of running": {"units": "ngen"},
        "other places: it lacks 'cat-9'": {"locations": None},
    }
    for message, changes in others.items():
        settings = {**HOUR, **changes}
        if "locations" in settings:
            state = start(1, name="c.yaml", **HOUR).state()
            assert state
            settings["locations"] = {
                "ids": ["cat-9"],
                "attributes": {
                    "p_mean": 3.0, "aridity": 1.0, "elevation": 9.0, "latitude": 40.0
                },
            }  # fmt: skip
        component = start(1, name="other.yaml", **settings)
        before = component.state_bytes()
        name = f"{prefix}serialization_state"
        with pytest.raises(StateError, match=message):
            component.set_value(name, payload)
        assert component.state_bytes() == before


@pytest.mark.parametrize("prefix", PREFIXES)
def test_damage_is_refused_with_a_reason(prefix: str, start: Any) -> None:
    payload = advanced(start)
    component = start(1, **HOUR)
    name = f"{prefix}serialization_"
    with pytest.raises(StateError, match="cat-0: damaged"):
        component.set_value(f"{name}state", payload[:-8])
    with pytest.raises(StateError, match="found 12 bytes, a state of this component"):
        component.set_value(f"{name}size", np.array([12]))
    with pytest.raises(StateError, match="found float64, expected bytes"):
        component.set_value(f"{name}state", payload.astype(float))
    with pytest.raises(StateError, match="there is no saved state"):
        component.get_value_ptr(f"{name}state")


def test_a_free_some_steps_after_a_restore_leaves_the_clock(start: Any) -> None:
    payload = advanced(start)
    component = start(1, **HOUR)
    load(component, "", payload)
    run(component, weather(30, 1, hours=1.0), range(2), ())
    component.set_value("serialization_free", np.empty(0, "int32"))
    assert component.get_current_time() == 32 * 3600.0


def test_a_state_of_another_date_is_taken_and_told(
    start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    payload = advanced(start)
    component = start(1, **HOUR)
    load(component, "ngen::", payload)
    message = (
        "the state is of 1980-10-02 06:00:00, 30 h after 1980-10-01 00:00:00, at which"
    )
    assert message in caplog.text
    assert "start_time: state goes on at the time of the state" in caplog.text
    caplog.clear()
    later = start(1, name="later.yaml", start_time="1980-10-02 06:00:00", **HOUR)
    load(later, "ngen::", payload)
    assert "the state is of" not in caplog.text


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_run_that_is_to_begin_with_a_state_has_its_date(
    prefix: str, start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    payload = advanced(start)
    component = start(1, start_time="state", **HOUR)
    load(component, prefix, payload)
    assert component.get_current_time() == 0.0
    assert component.start_time == datetime(1980, 10, 2, 6)
    assert "the state is of" not in caplog.text


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_size_is_one_array_for_life(prefix: str, start: Any) -> None:
    component = start(1, **HOUR)
    name = f"{prefix}serialization_size"
    first = component.get_value_ptr(name)
    component.set_value(f"{prefix}serialization_create", np.zeros(1, "int32"))
    assert component.get_value_ptr(name) is first


def test_the_size_is_told_without_a_warm_up(start: Any) -> None:
    climate = {"p_mean": 3.0, "t_mean": 8.0}
    places = {"ids": ["cat-0"], "attributes": {**attributes(1), **climate}}
    component = start(1, state="equilibrium", locations=places, **HOUR)
    component.get_value_ptr("ngen::serialization_size")
    component.set_value("p_mean", np.array([6.0]))
    stored = component.state()["land.soil_moisture"].mean()
    dry = start(1, state="equilibrium", locations=places, **HOUR)
    assert stored > dry.state()["land.soil_moisture"].mean()
