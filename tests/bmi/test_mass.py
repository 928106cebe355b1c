"""NextGen's mass balance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from bmi_dmx.operate.storage import add_up

from .untrained import dynamic, give, run, static, weather

NAMES = ("in", "out", "stored", "leaked")


def mass(component: Any) -> dict[str, float]:
    return {n: float(component.get_value_ptr(f"ngen::mass_{n}")[0]) for n in NAMES}


def residual(m: dict[str, float]) -> float:
    return abs(m["in"] - m["out"] - m["stored"] - m["leaked"])


def test_the_four_answer_as_the_protocol_asks(start: Any) -> None:
    component = start(1, time_step="hourly")
    for name in NAMES:
        whole = f"ngen::mass_{name}"
        assert component.get_var_units(whole) == "mm"
        assert component.get_var_type(whole) == "float64"
        assert component.get_var_itemsize(whole) == component.get_var_nbytes(whole) == 8
        pointer = component.get_value_ptr(whole)
        assert pointer.shape == (1,)
        assert pointer.flags.c_contiguous
        assert component.get_value_ptr(whole) is pointer
        assert whole not in component.get_output_var_names()
        assert whole not in component.names()


@pytest.mark.parametrize("units", ["model", "ngen"])
def test_a_year_of_hours_is_closed_to_twelve_digits(units: str, start: Any) -> None:
    component = start(1, time_step="hourly", units=units)
    hours = 365 * 24
    forcing = weather(hours, 1, hours=1.0)
    names = ("precipitation", "air_temperature")
    worst = 0.0
    for step in range(hours):
        give(component, forcing, step, names)
        component.update()
        if step == 4000:
            more = component.get_value_ptr("lower_zone") + 0.01
            component.set_value("soil_moisture", more)
        if step == 5000:
            component.set_state_bytes(component.state_bytes())
        if step % 50 == 0:
            worst = max(worst, residual(mass(component)))
    budget = mass(component)
    assert budget["in"] > 400.0
    assert abs(budget["leaked"]) > 1.0
    assert worst <= 1e-12 * budget["in"]


@pytest.mark.parametrize("mode", ["hourly", "daily"])
@pytest.mark.parametrize("spec", [static(), dynamic(), static(routing="none")])
def test_every_way_of_running_is_closed(
    spec: Any, mode: str, start: Any, bundle_of: Any
) -> None:
    settings = {"bundle": str(bundle_of(spec)), "mode": mode}
    component = start(1, time_step="hourly", **settings)
    run(component, weather(480, 1, hours=1.0), range(480), ())
    budget = mass(component)
    assert budget["in"] > 10.0
    assert residual(budget) <= 1e-12 * budget["in"]


def test_a_restored_run_is_not_flagged(start: Any) -> None:
    one, other = start(1, name="a.yaml"), start(1, name="b.yaml")
    run(one, weather(60, 1), range(60), ())
    other.take_state(one.state_bytes(), clock=False)
    assert mass(other) == mass(one)
    run(other, weather(60, 1), range(60), ())
    np.testing.assert_allclose(residual(mass(other)), 0.0, atol=1e-11)


def test_the_sums_are_exact_however_many_steps_were_made(start: Any) -> None:
    """Whereas plain ones go on to lose the last digits of every step."""
    component = start(1, time_step="hourly")
    hours = 30_000
    rain = 0.1 + 24.0 * np.random.default_rng(5).gamma(0.3, 4.0, hours)
    give(component, weather(1, 1, hours=1.0), 0)
    streamflow = component.get_value_ptr("streamflow")
    evaporation = component.get_value_ptr("evaporation")
    outflows = []
    for step in range(hours):
        component.set_value("precipitation", rain[step : step + 1])
        component.update()
        outflows += [streamflow[0] / 24.0, evaporation[0] / 24.0]
        if step == hours // 2:
            component.set_state_bytes(component.state_bytes())
    budget = mass(component)
    entered = math.fsum((rain / 24.0).tolist())
    assert budget["in"] == pytest.approx(entered, rel=2.0**-52, abs=0.0)
    # What the host sees of a flux is rounded itself.
    assert budget["out"] == pytest.approx(math.fsum(outflows), rel=1e-15, abs=0.0)
    # Stores are rounded at every step.
    assert residual(budget) <= 1e-14 * budget["in"]
    plain = component.get_value("mass_in", np.empty(1))[0]
    assert abs(plain - entered) > 10.0 * abs(budget["in"] - entered)


def test_what_is_set_again_and_again_is_added_up_exactly(start: Any) -> None:
    component = start(1)
    give(component, weather(1, 1), 0)
    component.update()
    before = component.get_value("snowpack", np.empty(1))[0]
    for amount in np.random.default_rng(6).uniform(0.0, 300.0, 3000):
        component.set_value("snowpack", np.array([amount]))
    now = component.get_value("snowpack", np.empty(1))[0]
    added = -mass(component)["leaked"]
    assert added == pytest.approx(now - before, rel=1e-13, abs=1e-12)
    assert residual(mass(component)) <= 1e-12


def test_budgets_of_fields_are_added_up_as_exactly() -> None:
    total, compensation = np.zeros(1), np.zeros(1)
    amounts = np.random.default_rng(7).gamma(0.3, 4.0, 20_000)
    for amount in amounts:
        add_up(total, compensation, amount)
    assert (total + compensation)[0] == pytest.approx(
        math.fsum(amounts), rel=2.0**-52, abs=0.0
    )
    assert total[0] == np.add.accumulate(amounts)[-1]
