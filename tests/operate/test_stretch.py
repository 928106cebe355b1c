"""Many steps with few calls have the numbers of one step after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bmi_dmx.bundle import load_bundle
from bmi_dmx.errors import StateError
from bmi_dmx.operate import stretch
from bmi_dmx.operate.runner import Runner
from bmi_dmx.operate.stretch import Stretch

from ..bmi.untrained import dynamic, static, weather
from .test_runner import DAY, HOUR, alone

STEPS = 400
WATCHED = ("snowpack", "meltwater", "soil_moisture")


def given(runner: Runner, places: int, warmth: float) -> dict[str, np.ndarray]:
    forcing = weather(STEPS, places)
    series = {name: np.ascontiguousarray(forcing[name]) for name in runner.forcing}
    series["air_temperature"] = series["air_temperature"] + warmth
    days = np.arange(STEPS) % 365.0 + 1.0
    return series | {
        name: np.repeat(days[:, None], places, axis=1) for name in runner.dates
    }


def step_by_step(runner: Runner, series: dict[str, Any]) -> list[np.ndarray]:
    names = [name for name in WATCHED if name in runner.stages.shown]
    stores = runner.storage.stores(names)
    least = [np.full_like(store, np.inf) for store in stores]
    arrays = {**runner.forcing, **runner.dates}
    for step in range(STEPS):
        for name, values in series.items():
            arrays[name][:] = values[step]
        runner.advance()
        least = [np.minimum(*pair) for pair in zip(least, stores, strict=True)]
    return least


@pytest.mark.parametrize("places", [1, 3, 20])
@pytest.mark.parametrize("warmth", [0.0, -25.0], ids=["seasons", "frost"])
@pytest.mark.parametrize("numbers", [1 << 19, 1500], ids=["at once", "in pieces"])
@pytest.mark.parametrize("spec", [static(), dynamic()], ids=["static", "dynamic"])
def test_a_stretch_has_the_numbers_of_its_steps(
    spec: Any, numbers: int, warmth: float, places: int, bundle_of: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(stretch, "_NUMBERS", numbers)
    bundle = load_bundle(bundle_of(spec))
    one, other = (alone(bundle, DAY, DAY, places) for _ in range(2))
    series = given(one, places, warmth)
    many = Stretch(one, series, WATCHED)
    steps = {network.every for network in one.operation.plan.networks}
    assert many.in_kernels == (steps == {"once"} and places < 20)
    for _ in range(2):
        lowest, expected = many.run(), step_by_step(other, series)
        for low, target in zip(lowest, expected, strict=True):
            np.testing.assert_array_equal(low, target)
        for name, array in other.stores().items():
            np.testing.assert_array_equal(one.stores()[name], array, err_msg=str(name))
        for name, array in other.output.items():
            np.testing.assert_array_equal(one.output[name], array, err_msg=name)


def test_what_is_not_finite_is_found_in_a_stretch(bundle_of: Any) -> None:
    runner = alone(load_bundle(bundle_of(static())), DAY, DAY, 1)
    series = given(runner, 1, 0.0)
    series["precipitation"][7] = np.nan
    with pytest.raises(StateError, match=r"store .* at 'cat-0' is not finite"):
        Stretch(runner, series, ()).run()


def test_steps_that_wait_for_others_are_made_one_by_one(bundle_of: Any) -> None:
    runner = alone(load_bundle(bundle_of(static())), HOUR, DAY, 1)
    assert not Stretch(runner, given(runner, 1, 0.0), ()).in_kernels
