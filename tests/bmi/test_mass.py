"""NextGen's mass balance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

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
    found = mass(component)
    assert found["in"] > 400.0
    assert abs(found["leaked"]) > 1.0
    assert worst <= 1e-12 * found["in"]


@pytest.mark.parametrize("mode", ["hourly", "daily"])
@pytest.mark.parametrize("spec", [static(), dynamic(), static(routing="none")])
def test_every_way_of_running_is_closed(
    spec: Any, mode: str, start: Any, bundle_of: Any
) -> None:
    settings = {"bundle": str(bundle_of(spec)), "mode": mode}
    component = start(1, time_step="hourly", **settings)
    run(component, weather(480, 1, hours=1.0), range(480), ())
    found = mass(component)
    assert found["in"] > 10.0
    assert residual(found) <= 1e-12 * found["in"]


def test_a_restored_run_is_not_flagged(start: Any) -> None:
    one, other = start(1, name="a.yaml"), start(1, name="b.yaml")
    run(one, weather(60, 1), range(60), ())
    other.take_state(one.state_bytes(), clock=False)
    assert mass(other) == mass(one)
    run(other, weather(60, 1), range(60), ())
    np.testing.assert_allclose(residual(mass(other)), 0.0, atol=1e-11)
