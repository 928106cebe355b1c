"""States set from outside, attributes that come late, and the water balance."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from bmi_dmx import load_bundle
from bmi_dmx.errors import DataError
from bmi_dmx.operate.operation import Operation
from bmi_dmx.operate.parameters import check_attribute

from .untrained import attributes, dynamic, give, run, static, weather

STORES = ("snowpack", "meltwater", "soil_moisture", "upper_zone", "lower_zone")


def late_winter(n: int) -> dict[str, np.ndarray]:
    """Return forcing that leaves water in every store: frost, then rain on snow."""
    forcing = weather(62, n)
    forcing["air_temperature"][:60] = -8.0
    forcing["air_temperature"][60:] = 4.0
    forcing["precipitation"][60:] = 80.0
    return forcing


def balance(component: Any) -> dict[str, np.ndarray]:
    names = ("in", "out", "adjusted", "stored")
    return {n: component.get_value_ptr(f"mass_{n}").copy() for n in names}


def residual(component: Any) -> np.ndarray:
    m = balance(component)
    return (m["in"] - m["out"] + m["adjusted"] - m["stored"]) / np.abs(m["in"]).max()


@pytest.mark.parametrize("name", STORES)
def test_a_state_is_set_to_a_mean_in_proportion(name: str, start: Any) -> None:
    component = start(3)
    run(component, late_winter(3), range(62), ())
    before = component.state()[f"land.{name}"]
    targets = np.array([5.0, 50.0, 0.0])
    component.set_value(name, targets)
    after = component.state()[f"land.{name}"]
    np.testing.assert_array_equal(component.get_value_ptr(name), targets)
    np.testing.assert_allclose(after.mean(axis=1), targets, rtol=1e-14)
    share = before / before.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(after, share * targets[:, None], rtol=1e-13)
    assert np.ptp(after[1]) > 0.0


def test_empty_members_all_get_the_mean(start: Any) -> None:
    component = start(1)
    component.set_value("snowpack", np.zeros(1))
    component.set_value("snowpack", np.array([8.0]))
    assert (component.state()["land.snowpack"] == 8.0).all()


def test_other_locations_stay_as_they_are_to_the_last_digit(start: Any) -> None:
    component = start(5)
    run(component, weather(30, 5), range(30), ())
    before = component.state()["land.soil_moisture"]
    component.set_value_at_indices("soil_moisture", np.array([3]), np.array([40.0]))
    after = component.state()["land.soil_moisture"]
    assert [*(before == after).all(axis=1)] == [True, True, True, False, True]


def test_a_state_outside_its_bounds_is_refused(start: Any) -> None:
    component = start(3)
    before = component.state_bytes()
    for value in (-0.1, 2e6, np.nan, np.inf):
        with pytest.raises(
            DataError,
            match=r"store 'upper_zone' at 'cat-1' cannot be set to .* expected 0 to",
        ):
            component.set_value("upper_zone", np.array([1.0, value, 1.0]))
    assert component.state_bytes() == before


def test_a_state_that_was_set_is_the_one_that_steps(start: Any) -> None:
    component, other = start(1, name="a.yaml"), start(1, name="b.yaml")
    component.set_value("lower_zone", np.array([300.0]))
    flows = [run(m, weather(3, 1), range(3), ("baseflow",)) for m in (component, other)]
    assert (flows[0]["baseflow"] > flows[1]["baseflow"]).all()


@pytest.mark.parametrize("spec", [static(), dynamic(), static(routing="none")])
def test_water_is_accounted_for(spec: Any, start: Any, bundle_of: Any) -> None:
    component = start(4, bundle=str(bundle_of(spec)))
    run(component, weather(400, 4), range(200), ())
    component.set_value("soil_moisture", np.array([0.0, 10.0, 100.0, 900.0]))
    component.set_value_at_indices("lower_zone", np.array([2]), np.array([77.0]))
    run(component, weather(400, 4), range(200, 400), ())
    np.testing.assert_allclose(residual(component), 0.0, atol=1e-12)
    assert (np.abs(balance(component)["adjusted"]) > 1.0).all()
    rain = weather(400, 4)["precipitation"].sum(axis=0)
    np.testing.assert_allclose(balance(component)["in"], rain, rtol=1e-12)


def test_water_is_accounted_for_over_hours(start: Any) -> None:
    component = start(2, time_step="hourly")
    steps = 24 * 60
    run(component, weather(steps, 2, hours=1.0), range(steps), ())
    np.testing.assert_allclose(residual(component), 0.0, atol=1e-12)
    rain = weather(steps, 2, hours=1.0)["precipitation"].sum(axis=0) / 24.0
    np.testing.assert_allclose(balance(component)["in"], rain, rtol=1e-12)


def test_parameters_can_be_read_before_the_first_step(start: Any) -> None:
    component = start(3)
    beta = component.get_value_ptr("beta")
    assert ((beta > 1.0) & (beta < 6.0)).all()
    assert np.ptp(beta) > 0.0
    give(component, weather(1, 3), 0)
    before = beta.copy()
    component.update()
    np.testing.assert_array_equal(component.get_value_ptr("beta"), before)


def test_attributes_set_after_initialize_count_from_the_first_step(
    start: Any,
) -> None:
    late, expected = start(2, name="a.yaml"), attributes(2)
    properties = {**attributes(2), "aridity": None, "area_km2": None}
    places = {"ids": ["a", "b"], "attributes": properties}
    component = start(2, name="b.yaml", locations=places)
    for name in ("aridity", "area_km2"):
        component.set_value(name, np.array(expected[name]))
    outputs = ("streamflow", "runoff_volume", "beta")
    runs = [run(m, weather(5, 2), range(5), outputs) for m in (component, late)]
    for name in outputs:
        np.testing.assert_array_equal(runs[0][name], runs[1][name])


def test_an_attribute_set_during_a_run_counts_from_the_next_step(start: Any) -> None:
    component = start(1)
    forcing = weather(2, 1)
    run(component, forcing, range(1), ())
    before = component.get_value_ptr("beta").copy()
    component.set_value("aridity", np.array([3.5]))
    assert component.get_value_ptr("beta") != before


def test_an_attribute_never_set_is_an_error_at_the_first_step(start: Any) -> None:
    properties = {**attributes(2), "aridity": [1.0, None]}
    component = start(2, locations={"ids": ["a", "b"], "attributes": properties})
    give(component, weather(1, 2), 0)
    with pytest.raises(DataError, match="attribute 'aridity' at 'b' is nan; expected"):
        component.update()
    assert component.get_current_time() == 0.0


def test_an_attribute_outside_its_bounds_is_refused(start: Any) -> None:
    component = start(1)
    component.set_value("latitude", np.array([97.0]))
    with pytest.raises(DataError, match=r"'latitude' at 'cat-0' is 97; .* -90 to 90"):
        component.get_value_ptr("beta")


def test_parameters_that_are_no_numbers_are_refused(start: Any, bundle_of: Any) -> None:
    path = bundle_of(static(transforms={"aridity": "log"}))
    component = start(1, bundle=str(path))
    component.set_value("aridity", np.array([0.0]))
    with pytest.raises(DataError, match=r"at 'cat-0' is not a number.*aridity = 0"):
        component.get_value_ptr("beta")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("p_mean", 1100.0, "0 to 50"),  # mm of a year
        ("elevation_mean", 70_000.0, "-500 to 9000"),  # centimetres
        ("area_km2", 0.0, "1e-09 to 1e+09"),
    ],
)
def test_attributes_that_do_not_occur_are_refused(
    name: str, value: float, expected: str
) -> None:
    day = 86400.0
    operation = Operation(load_bundle("dhbv-conus-daily"), day, day)
    message = f"attribute {name!r} at 'cat-27' is {value:g}; expected {expected}"
    with pytest.raises(DataError, match=re.escape(message)):
        check_attribute(operation.understood[name], np.array([value]), ["cat-27"])
