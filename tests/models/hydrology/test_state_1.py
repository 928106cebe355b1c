"""States that version 0.1 saved are gone on from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from bmi_dmx import Component
from bmi_dmx.errors import StateError

from .old_states import CASES, STEPS, advance, started, to_be_saved

FOLDER = Path(__file__).with_name("states-1")
LSTM = str(Path(__file__).parents[2] / "golden" / "lstm-format-1")
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def rewritten(content: bytes, change: Any) -> bytes:
    """Return a state with other marks, and arrays, that a hash still fits."""
    from bmi_dmx.operate import persistence

    arrays = dict(safetensors.numpy.load(content))
    size = int.from_bytes(content[:8], "little")
    marks = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["bmi_dmx"])
    change(arrays, marks)
    owner = {k: x for k, x in marks.items() if k not in ("format", "sha256")}
    marks["sha256"] = persistence._digest(arrays, owner)
    text = {"bmi_dmx": json.dumps(marks)}
    return bytes(safetensors.numpy.save(arrays, metadata=text))


@pytest.mark.parametrize("case", CASES)
def test_a_state_of_0_1_is_gone_on_from(case: str, tmp_path: Path) -> None:
    whole = to_be_saved(case, LSTM, tmp_path)
    resumed = started(case, LSTM, tmp_path)
    resumed.load_state(FOLDER / f"{case}.state")
    assert resumed.get_current_time() == whole.get_current_time()
    for late in (False, True):
        expected, state = whole.state(), resumed.state()
        assert expected.keys() == state.keys()
        for name, values in expected.items():
            if not late and name.startswith("varying.") and np.isnan(state[name]).all():
                continue  # not kept by 0.1 where the next step answers anew
            np.testing.assert_allclose(state[name], values, **CLOSE, err_msg=name)
        for component in (whole, resumed):
            advance(component, range(STEPS, 2 * STEPS))
    assert (whole.get_value_ptr("streamflow") > 0.0).all()


def test_what_was_set_is_brought_along(tmp_path: Path) -> None:
    resumed = started("lstm-hourly", LSTM, tmp_path)
    resumed.load_state(FOLDER / "lstm-hourly.state")
    np.testing.assert_array_equal(resumed.get_value_ptr("fc"), [210.0, 330.0])


def test_what_0_1_had_in_any_order_stays_as_it_is(tmp_path: Path) -> None:
    """Longitudes are needed by no model here, and have no name in the file."""
    resumed = started("shipped-daily", LSTM, tmp_path)
    resumed.set_value("longitude", np.array([10.0, 20.0]))
    resumed.load_state(FOLDER / "shipped-daily.state")
    np.testing.assert_array_equal(resumed.get_value_ptr("longitude"), [10.0, 20.0])
    np.testing.assert_array_equal(resumed.get_value_ptr("latitude"), [41.1, 33.4])


def test_it_belongs_to_what_saved_it(tmp_path: Path) -> None:
    hourly = started("lstm-hourly", LSTM, tmp_path)
    before = hourly.state_bytes()
    for case, message in {
        "shipped-oudin": "another bundle",
        "lstm-days": "another way of running .* found '1 d, model, periods from 6 h'",
    }.items():
        with pytest.raises(StateError, match=message):
            hourly.load_state(FOLDER / f"{case}.state")
    assert hourly.state_bytes() == before


def test_damage_is_refused(tmp_path: Path) -> None:
    component: Component = started("lstm-hourly", LSTM, tmp_path)
    before = component.state_bytes()
    content = (FOLDER / "lstm-hourly.state").read_bytes()
    with pytest.raises(StateError, match="damaged: its content does not match"):
        component.set_state_bytes(content[:-9] + b"\0" + content[-8:])
    way = "way of running (mode, evaporation, units)"
    changes = {
        "not a whole 'bmi_dmx state 1'": lambda arrays, marks: marks.pop(way),
        "not a whole 'bmi_dmx state 1': .*weekly": (
            lambda arrays, marks: marks.update({way: "weekly, bundle, ngen"})
        ),
        "array 'land.snowpack' is missing": (
            lambda arrays, marks: arrays.pop("process.snowpack")
        ),
    }
    for message, change in changes.items():
        with pytest.raises(StateError, match=message):
            component.set_state_bytes(rewritten(content, change))
    assert component.state_bytes() == before
