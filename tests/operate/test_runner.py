"""Bundles are stepped without BMI, too."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.bundle import Bundle, load_bundle
from bmi_dmx.errors import StateError
from bmi_dmx.operate.attributes import own_attributes
from bmi_dmx.operate.clock import Clock
from bmi_dmx.operate.operation import Operation
from bmi_dmx.operate.runner import Runner
from bmi_dmx.operate.stages import stages

from ..bmi.untrained import START, attributes, dynamic, give, static, weather
from .models import DAY, HOUR, SHARES, TANK, batch, run, running, saved, series

WAYS = {"daily": (DAY, DAY), "hourly": (HOUR, HOUR), "days of hours": (HOUR, DAY)}
SEEN = {
    "sieve": {"process": "sieve"},
    "shares": {
        "network": "lstm", "options": {"hidden": 4}, "forcings": ["murk"],
        "gives": ["share"],
    },
    "tank": {**TANK, "members": 2},
}  # fmt: skip


def alone(bundle: Bundle, seconds: float, inner: float, n: int) -> Runner:
    """Return a runner of a bundle, made as a script would."""
    operation = Operation(bundle, seconds, inner)
    columns = {name: np.array(x) for name, x in attributes(n).items()}
    period = operation.period if operation.gathers else None
    clock = Clock(datetime.fromisoformat(START), None, seconds, 0, period)
    ids = [f"cat-{k}" for k in range(n)]
    arrays = own_attributes(
        operation.required, operation.plan.optional, operation.understood, columns, {},
        ids,
    )  # fmt: skip
    return Runner(stages(operation), ids, arrays, clock)


@pytest.mark.parametrize("spec", [static(), dynamic()], ids=["static", "dynamic"])
@pytest.mark.parametrize("way", WAYS)
def test_a_runner_is_what_a_component_steps(
    way: str, spec: Any, start: Any, bundle_of: Any
) -> None:
    seconds, inner = WAYS[way]
    path = bundle_of(spec)
    runner = alone(load_bundle(path), seconds, inner, 2)
    component = start(2, bundle=str(path), time_step=seconds, mode=inner)
    forcing = weather(60, 2, hours=seconds / HOUR)
    for step in range(60):
        for name, buffer in runner.forcing.items():
            buffer[:] = forcing[name][step]
        runner.advance()
        runner.clock.tick()
        give(component, forcing, step)
        component.update()
        for name, values in runner.output.items():
            np.testing.assert_array_equal(values, component.get_value_ptr(name))
    state = component.state()
    for name, array in runner.save().items():
        np.testing.assert_array_equal(array, state[name], err_msg=name)


def test_a_runner_resumes_what_it_saved(tmp_path: Path) -> None:
    bundle = saved(tmp_path, SEEN, seconds=DAY, steps=[HOUR])
    for seconds, inner in WAYS.values():
        one, other = (running(Operation(bundle, seconds, inner)) for _ in range(2))
        run(one, series(31), range(31))
        other.clock.set(31)
        assert other.restore(one.save()) == []
        outputs = [run(runner, series(60), range(31, 60)) for runner in (one, other)]
        for name, values in outputs[0].items():
            np.testing.assert_array_equal(values, outputs[1][name])


def test_networks_see_what_a_part_computes(tmp_path: Path) -> None:
    bundle = saved(tmp_path, SEEN, seconds=DAY, steps=[HOUR])
    outputs = run(running(Operation(bundle, DAY, DAY)), series(40), range(40))
    expected = batch(bundle, 40).outputs
    for name, values in outputs.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-12, atol=1e-14)
    assert np.ptp(outputs["released"]) > 0.0


def test_networks_see_the_mean_of_what_a_part_computes_in_a_day(
    tmp_path: Path,
) -> None:
    bundle = saved(tmp_path, SEEN, seconds=DAY, steps=[HOUR])
    runner = running(Operation(bundle, HOUR, HOUR))
    shares = []
    hours = series(24 * 6)
    for step in range(24 * 6):
        runner.forcing["supply"][:] = hours["supply"][step]
        runner.advance()
        runner.clock.tick()
        shares.append(runner.parameters.mean["share"].copy())
    by_day = np.array(shares).reshape(6, 24, -1)
    np.testing.assert_array_equal(by_day.min(axis=1), by_day.max(axis=1))
    murk = (1.0 / (1.0 + hours["supply"])).reshape(6, 24, -1).mean(axis=1)
    # A network of days that sees the same: first the mean of its training.
    typical = bundle.statistics["murk"].typical
    lagged_murk = np.concatenate([np.full_like(murk[:1], typical), murk[:-1]])
    daily = running(Operation(bundle, DAY, DAY))
    for day in range(6):
        # The sieve sees what a whole step brings.
        daily.forcing["supply"][:] = (1.0 / lagged_murk[day] - 1.0) / 24.0
        daily.advance()
        daily.clock.tick()
        np.testing.assert_allclose(
            by_day[day, 0], daily.parameters.mean["share"], rtol=1e-11
        )
    assert np.ptp(by_day[1:, 0]) > 1e-6


def test_the_store_that_is_not_finite_is_named(tmp_path: Path) -> None:
    bundle = saved(tmp_path, {"shares": SHARES, "tank": {**TANK, "members": 2}})
    runner = running(Operation(bundle, HOUR, HOUR))
    run(runner, series(3), range(3))
    runner.stores()["tank", "held"][1, 0] = np.nan
    with pytest.raises(StateError, match="store 'held' at 'place 1' is not finite"):
        runner.advance()


def test_places_are_named_by_the_first(tmp_path: Path) -> None:
    bundle = saved(tmp_path, {"shares": SHARES, "tank": TANK})
    operation = Operation(bundle, HOUR, HOUR)
    assert running(operation).place == "place 0 and 2 more"
    assert running(operation, 1).place == "place 0"
