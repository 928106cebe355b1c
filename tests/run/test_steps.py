"""Steps that nobody looks at in between have the numbers of one after the other."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.bmi import Component
from bmi_dmx.bmi.settings import LocationSettings, Settings
from bmi_dmx.bundle import load_bundle
from bmi_dmx.errors import DataError
from bmi_dmx.operate import passages
from bmi_dmx.operate.passages import Passages
from bmi_dmx.run.steps import Steps

from ..bmi.untrained import attributes, weather

PLACES, STEPS = 3, 130
NAMES = ("streamflow", "snowpack", "runoff", "potential_evaporation")
WAYS = {
    "daily": {"time_step": 86400.0},
    "hourly": {"time_step": 3600.0},
    # Begins and ends amid a day of the physics.
    "days of hours": {
        "time_step": 3600.0, "mode": 86400.0, "day_start_hour": 6,
        "start_time": datetime(1981, 2, 27, 9),
    },
    "thirds of days": {"time_step": 28800.0, "mode": 86400.0},
}  # fmt: skip


def started(bundle: Path, **changes: Any) -> Component:
    settings = {
        "start_time": datetime(1980, 12, 25),
        "locations": LocationSettings(ids=tuple("abc")),
        "state": "cold",
        **changes,
    }
    component = Component()
    columns = {name: np.array(x) for name, x in attributes(PLACES).items()}
    component.start(Settings(**settings), load_bundle(bundle), columns)
    return component


def forcing_of(component: Component) -> dict[str, Any]:
    series = weather(STEPS, PLACES)
    return {f.name: series[f.name] for f in component.runner.operation.forcings}


def one_by_one(component: Component, forcing: dict[str, Any]) -> dict[str, Any]:
    outputs: dict[str, list[Any]] = {name: [] for name in NAMES}
    for step in range(STEPS):
        for name, values in forcing.items():
            component.set_value(name, values[step])
        component.update()
        for name, values in outputs.items():
            values.append(component.get_value_ptr(name).copy())
    return {name: np.array(values) for name, values in outputs.items()}


def together(
    component: Component, forcing: dict[str, Any], rows: int
) -> dict[str, Any]:
    def read(first: int, count: int) -> dict[str, Any]:
        return {n: x[first : first + count].copy() for n, x in forcing.items()}

    parts = [x for _, x in Steps(component, read, NAMES).blocks(STEPS, rows)]
    return {name: np.concatenate([part[name] for part in parts]) for name in NAMES}


@pytest.mark.parametrize("way", WAYS)
def test_blocks_have_the_numbers_states_and_budgets_of_steps(
    bundle: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, at_once = started(bundle, **WAYS[way]), Passages._at_once
    expected, calls = one_by_one(one, forcing_of(one)), []

    def counted(*arguments: Any) -> None:
        calls.append(arguments)
        at_once(*arguments)

    monkeypatch.setattr(Passages, "_at_once", counted)
    monkeypatch.setattr(passages, "_NUMBERS", 11 * PLACES)
    state = one.state_bytes()
    for rows in (STEPS, 79, 1):
        many = started(bundle, **WAYS[way])
        calls.clear()
        outputs = together(many, forcing_of(many), rows)
        assert bool(calls) == (rows > 1)
        for name, values in expected.items():
            np.testing.assert_array_equal(outputs[name], values, err_msg=name)
        assert many.get_current_time() == one.get_current_time()
        assert many.state_bytes() == state
        for name in ("mass_in", "mass_out", "mass_stored"):
            whole = f"ngen::{name}"
            np.testing.assert_array_equal(
                many.get_value_ptr(whole), one.get_value_ptr(whole)
            )


def test_forcing_that_is_held_or_refused_is_so_at_its_step(bundle: Path) -> None:
    one, many = (started(bundle, forcing_policy="hold") for _ in range(2))
    forcing = forcing_of(one)
    forcing["precipitation"] = forcing["precipitation"].copy()
    forcing["precipitation"][[50, 51], [0, 2]] = np.nan
    expected, outputs = one_by_one(one, forcing), together(many, forcing, 40)
    for name, values in expected.items():
        np.testing.assert_array_equal(outputs[name], values)
    assert many.state_bytes() == one.state_bytes()
    with pytest.raises(DataError, match=r"precipitation' at 'a' .* \(step 50\)"):
        together(started(bundle), forcing, 40)


def test_what_is_found_when_it_is_asked_for_is_asked_for_at_every_step(
    bundle: Path,
) -> None:
    component = started(bundle, outputs=("streamflow", "mass_stored"))
    forcing = forcing_of(component)
    steps = Steps(component, lambda first, count: forcing, ["mass_stored"])
    ((_, outputs),) = steps.blocks(STEPS, STEPS)
    stored = outputs["mass_stored"]
    assert stored.shape == (STEPS, PLACES)
    assert (np.diff(stored, axis=0) != 0.0).any(axis=0).all()
