"""What is saved is what resumes; what does not fit is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from bmi_dmx import Component
from bmi_dmx.errors import ConfigError, DmxError, StateError, TimeError

from .untrained import (
    START,
    attributes,
    dynamic,
    exchanging,
    give,
    run,
    static,
    weather,
)  # fmt: skip

ROOT = Path(__file__).resolve().parents[2]

MODELS = {
    "hbv10 static": (static(process="hbv10"), "daily"),
    "hbv11p static": (static(), "daily"),
    "hbv11p hourly": (static(), "hourly"),
    "hbv11p dynamic": (dynamic(), "daily"),
    "hbv20": (exchanging(), "daily"),
    "hbv20_hourly": (exchanging("hbv20_hourly", time_step="hourly"), "hourly"),
    "hbv21_hourly": (exchanging("hbv21_hourly", time_step="hourly"), "hourly"),
    "without routing": (static(routing="none"), "daily"),
}

CONTINUE = """
import sys
import numpy as np
from bmi_dmx import Component
from tests.bmi.host import run, weather
component = Component()
component.initialize(sys.argv[1])
assert component.get_current_time() == 0.0
run(component, weather(60, 3), range(30, 60), ())
component.save_state(sys.argv[2])
assert "torch" not in sys.modules
"""


@pytest.mark.parametrize(("spec", "time_step"), MODELS.values(), ids=MODELS)
def test_a_new_process_continues_bitwise(
    spec: Any,
    time_step: str,
    start: Any,
    configure: Any,
    bundle_of: Any,
    tmp_path: Path,
) -> None:
    forcing = weather(60, 3)
    settings = {"bundle": str(bundle_of(spec)), "time_step": time_step}
    whole = start(3, **settings)
    run(whole, forcing, range(30), ())
    whole.save_state(tmp_path / "half.state")
    now = np.datetime64(START, "s") + int(whole.get_current_time())
    resumed = configure(
        3, name="resumed.yaml", state="half.state", start_time=str(now), **settings
    )
    command = [sys.executable, "-c", CONTINUE, resumed, tmp_path / "end.state"]
    process = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    run(whole, forcing, range(30, 60), ())
    assert (tmp_path / "end.state").read_bytes() == whole.state_bytes()


@pytest.mark.parametrize("spec", [static(), dynamic()], ids=["static", "dynamic"])
def test_everything_a_host_can_read_is_as_it_was(
    spec: Any, start: Any, bundle_of: Any, tmp_path: Path
) -> None:
    model = str(bundle_of(spec))
    component, other = (start(3, name=n, bundle=model) for n in ("a.yaml", "b.yaml"))
    run(component, weather(20, 3), range(20), ())
    component.save_state(tmp_path / "state")
    other.load_state(tmp_path / "state")
    assert other.get_current_time() == component.get_current_time()
    for name in component.names():
        expected, actual = component.get_value_ptr(name), other.get_value_ptr(name)
        np.testing.assert_array_equal(actual, expected, err_msg=name)


def test_saving_changes_nothing(start: Any) -> None:
    component, undisturbed = start(2, name="a.yaml"), start(2, name="b.yaml")
    forcing = weather(10, 2)
    for step in range(10):
        for model in (component, undisturbed):
            give(model, forcing, step)
            model.update()
        component.state_bytes()
        component.state()["land.lower_zone"][:] = -1.0
    assert component.state_bytes() == undisturbed.state_bytes()


def test_states_of_a_run_are_equally_long(start: Any) -> None:
    component = start(3)
    lengths = {len(component.state_bytes())}
    for step in range(5):
        give(component, weather(5, 3), step)
        component.update()
        lengths.add(len(component.state_bytes()))
    assert len(lengths) == 1


def test_what_policies_hold_is_state(start: Any) -> None:
    one, other = (start(2, name=n, forcing_policy="hold") for n in ("a.yaml", "b.yaml"))
    forcing = weather(10, 2)
    run(one, forcing, range(5), ())
    other.set_state_bytes(one.state_bytes())
    forcing["precipitation"][5:] = np.nan
    for component in (one, other):
        run(component, forcing, range(5, 10), ())
    assert one.state_bytes() == other.state_bytes()
    assert (other.get_value_ptr("repaired_precipitation") == 5.0).all()


def test_a_later_start_takes_over_a_state_of_that_day(start: Any) -> None:
    component = start(1)
    run(component, weather(10, 1), range(10), ())
    later = start(1, name="later.yaml", start_time="1980-10-11")
    later.set_state_bytes(component.state_bytes())
    assert later.get_current_time() == 0.0
    for model in (component, later):
        run(model, weather(20, 1), range(10, 20), ())
    state = later.state()
    for name, array in component.state().items():
        np.testing.assert_array_equal(state[name], array)


def other_components(bundle_of: Any) -> dict[str, tuple[dict[str, Any], str]]:
    return {
        "weights": ({"bundle": str(bundle_of(static(members=3)))}, "another bundle"),
        "step": (
            {"time_step": "hourly", "mode": "daily"},
            "another time step: found '86400 s'",
        ),
        "places": ({"n": 2}, "other places: it has 'cat-2' besides"),
        "time": (
            {"start_time": "1981-01-01"},
            "is of 1980-10-04 00:00:00, 89 d before start_time 1981-01-01",
        ),
    }


@pytest.mark.parametrize("case", ["weights", "step", "places", "time"])
def test_the_state_of_another_component_is_refused(
    case: str, start: Any, configure: Any, bundle_of: Any, tmp_path: Path
) -> None:
    component = start(3)
    run(component, weather(3, 3), range(3), ())
    component.save_state(tmp_path / "own.state")
    changes, message = other_components(bundle_of)[case]
    settings = {"n": 3, "name": "other.yaml", "state": "own.state", **changes}
    with pytest.raises(StateError, match=rf"other.yaml: .*own.state: .*{message}"):
        Component().initialize(str(configure(**settings)))


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    return content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]


def unmarked(content: bytes) -> bytes:
    return bytes(safetensors.numpy.save(safetensors.numpy.load(content)))


def of_version_nine(content: bytes) -> bytes:
    return content.replace(b"bmi_dmx state 2", b"bmi_dmx state 9")


DAMAGES = {
    truncated: "damaged or not a saved state",
    flipped: "damaged: its content does not match its sha256",
    unmarked: "format: found 'no mark', expected 'bmi_dmx state 2'",
    of_version_nine: "format: found 'bmi_dmx state 9', expected 'bmi_dmx state 2'",
    lambda content: b"": "damaged or not a saved state",
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.items())
def test_a_damaged_file_is_refused_and_changes_nothing(
    damage: Any, message: str, start: Any, tmp_path: Path
) -> None:
    component = start(1)
    run(component, weather(3, 1), range(3), ())
    before = component.state_bytes()
    path = tmp_path / "bad.state"
    path.write_bytes(damage(before))
    with pytest.raises(StateError, match=message):
        component.load_state(path)
    assert component.state_bytes() == before


def test_a_file_that_is_not_there_is_named(configure: Any) -> None:
    path = configure(1, state="gone.state")
    with pytest.raises(StateError, match=r"state: .*gone\.state: no such file"):
        Component().initialize(str(path))


def test_a_state_within_a_day_belongs_to_where_days_begin(start: Any) -> None:
    daily = {"time_step": "hourly", "mode": "daily"}
    one = start(1, name="a.yaml", day_start_hour=6, **daily)
    other = start(1, name="b.yaml", **daily)
    message = r"way of running .* found '.*iods from 6 h', .* has '.*iods from 0 h'"
    with pytest.raises(StateError, match=message):
        other.set_state_bytes(one.state_bytes())


def test_an_older_file_survives_a_failed_save(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    component = start(1)
    path = tmp_path / "kept.state"
    component.save_state(path)
    before = path.read_bytes()

    def fail(self: Path, content: bytes) -> int:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="disk full"):
        component.save_state(path)
    assert path.read_bytes() == before
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".state", ".yaml"]


def test_every_error_of_a_state_is_one_of_the_package() -> None:
    assert issubclass(StateError, DmxError)


def test_a_state_of_another_day_is_no_beginning(start: Any, tmp_path: Path) -> None:
    component = start(1)
    run(component, weather(3, 1), range(3), ())
    component.save_state(tmp_path / "a.state")
    for begin, apart in (("1980-10-01", "3 d after"), ("1980-10-05", "1 d before")):
        message = (
            rf"a\.state: is of 1980-10-04 00:00:00, {apart} start_time {begin} "
            "00:00:00: begin with the state of that time, or set start_time: state"
        )
        with pytest.raises(StateError, match=message):
            start(1, name="b.yaml", state="a.state", start_time=begin)
    later = start(1, name="b.yaml", state="a.state", start_time="1980-10-04")
    assert later.get_current_time() == 0.0


@pytest.mark.parametrize("way", ["file", "bytes", "load"])
def test_a_run_begins_at_the_time_of_its_state(
    way: str, start: Any, tmp_path: Path
) -> None:
    whole, forcing = start(1), weather(20, 1)
    run(whole, forcing, range(8), ())
    whole.save_state(tmp_path / "a.state")
    from_file = {"state": "a.state"} if way == "file" else {}
    later = start(
        1, name="b.yaml", start_time="state", end_time="1980-10-21", **from_file
    )
    if way == "bytes":
        later.set_state_bytes(whole.state_bytes())
    elif way == "load":
        later.load_state(tmp_path / "a.state")
    assert later.start_time == datetime(1980, 10, 9)
    assert later.get_current_time() == 0.0
    assert later.get_end_time() == 12 * 86400.0
    for component in (whole, later):
        run(component, forcing, range(8, 20), ())
    assert later.state_bytes() == whole.state_bytes()
    with pytest.raises(TimeError, match=r"^cat-0: time .* is after the end"):
        later.update()


@pytest.mark.parametrize("state", ["cold", "equilibrium"])
def test_without_a_state_there_is_no_time_of_one(state: str, start: Any) -> None:
    places = {"ids": ["cat-0"], "attributes": {**attributes(1), "t_mean": 8.0}}
    component = start(1, start_time="state", state=state, locations=places)
    give(component, weather(1, 1), 0)
    message = "start_time: state, but no state is there to go on from"
    for ask in (component.update, component.state_bytes):
        with pytest.raises(StateError, match=message):
            ask()
    assert component.get_current_time() == 0.0


def test_the_end_is_not_before_the_time_of_a_state(start: Any, tmp_path: Path) -> None:
    component = start(1)
    run(component, weather(3, 1), range(3), ())
    component.save_state(tmp_path / "a.state")
    settings = {"start_time": "state", "state": "a.state", "end_time": "1980-10-02"}
    with pytest.raises(ConfigError, match=r"end_time: 1980-10-02 .* 1980-10-04"):
        start(1, name="b.yaml", **settings)


def test_no_spin_up_follows_a_saved_state(start: Any, tmp_path: Path) -> None:
    start(1).save_state(tmp_path / "a.state")
    settings = {"state": "a.state", "spin_up": {"file": "a.csv"}}
    with pytest.raises(ConfigError, match="spin_up: does not follow a saved state"):
        start(1, name="b.yaml", **settings)


def test_a_state_of_before_the_first_step_is_what_that_starts_from(start: Any) -> None:
    climate = {"p_mean": 3.0, "t_mean": 8.0}
    places = {"ids": ["cat-0"], "attributes": {**attributes(1), **climate}}
    one = start(1, state="equilibrium", locations=places)
    other = start(1, name="cold.yaml", locations=places)
    other.set_state_bytes(one.state_bytes())
    for component in (one, other):
        run(component, weather(5, 1), range(5), ())
    assert one.state_bytes() == other.state_bytes()
    assert one.get_value_ptr("streamflow") > 0.01


def test_what_was_set_is_state(start: Any, caplog: pytest.LogCaptureFixture) -> None:
    one, other = (start(2, name=n) for n in ("a.yaml", "b.yaml"))
    one.set_value("fc", np.array([200.0, 300.0]))
    one.set_value("elevation", np.array([100.0, 900.0]))
    forcing = weather(20, 2)
    run(one, forcing, range(10), ())
    other.set_state_bytes(one.state_bytes())
    message = (
        r"WARNING .* cat-0 and 1 more: the state brings settings of its own, which now "
        r"hold: elevation \(100, here [\d.]+, at 'cat-0' and at 1 more\), "
        r"fc \(200, here nothing, at 'cat-0' and at 1 more\); state_parameters: "
        r"configured would keep those configured"
    )
    assert re.search(message, caplog.text)
    for component in (one, other):
        run(component, forcing, range(10, 20), ())
    assert one.state_bytes() == other.state_bytes()
    np.testing.assert_array_equal(other.get_value_ptr("fc"), [200.0, 300.0])


def test_what_was_set_and_is_not_in_the_state_holds_no_longer(start: Any) -> None:
    one, other = (start(1, name=n) for n in ("a.yaml", "b.yaml"))
    run(one, weather(5, 1), range(5), ())
    other.set_value("fc", np.array([200.0]))
    other.set_state_bytes(one.state_bytes())
    for component in (one, other):
        run(component, weather(9, 1), range(5, 9), ())
    assert one.state_bytes() == other.state_bytes()


def test_a_state_does_not_depend_on_what_is_done_with_bad_forcing(start: Any) -> None:
    one = start(1)
    run(one, weather(5, 1), range(5), ())
    other = start(1, name="b.yaml", forcing_policy="hold")
    other.set_state_bytes(one.state_bytes())
    assert other.state_bytes() == one.state_bytes()


@pytest.mark.parametrize("marks", ["[1]", "5", "null"])
def test_marks_that_are_no_marks_are_damage(marks: str, start: Any) -> None:
    component = start(1)
    arrays = safetensors.numpy.load(component.state_bytes())
    content = safetensors.numpy.save(arrays, metadata={"bmi_dmx": marks})
    with pytest.raises(StateError, match="state: damaged or not a saved state: marks"):
        component.set_state_bytes(content)


def test_attributes_may_be_configured_in_any_order(start: Any) -> None:
    turned = dict(reversed(attributes(1).items()))
    assert list(turned) != sorted(turned)
    one = start(1)
    places = {"ids": ["cat-0"], "attributes": turned}
    other = start(1, name="b.yaml", locations=places)
    run(one, weather(3, 1), range(3), ())
    other.set_state_bytes(one.state_bytes())
    for name in turned:
        assert other.get_value_ptr(name) == one.get_value_ptr(name)
    assert other.state_bytes() == one.state_bytes()


def test_a_state_belongs_to_the_attributes_that_are_known(start: Any) -> None:
    one = start(1)
    properties = {n: x for n, x in attributes(1).items() if n != "longitude"}
    places = {"ids": ["cat-0"], "attributes": {**properties, "t_mean": 4.0}}
    other = start(1, name="b.yaml", locations=places)
    before = other.state_bytes()
    message = "another set of attributes: found '.*, longitude', .* has '.*, t_mean'"
    with pytest.raises(StateError, match=message):
        other.set_state_bytes(one.state_bytes())
    assert other.state_bytes() == before
