"""Members differ as they were told to, around what the host gave."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bmi_dmx.assimilation.operation.perturbations import generator_of

from .twins import block, follow, made


def drawn(start: Any, steps: int = 300, **forcing: Any) -> np.ndarray:
    """Return the precipitation or temperature of members, (step, member, place)."""
    settings = block(
        members=12, observed={}, perturbations={"forcing": forcing}, seed=4
    )
    component = start(4, assimilation=settings)
    weather = made(steps, 4)
    weather["precipitation"] = np.full((steps, 4), 6.0)
    weather["air_temperature"] = np.full((steps, 4), 9.0)
    (name,) = forcing
    series = follow(component, weather, range(steps), names=(f"{name}__ensemble",))
    return series[f"{name}__ensemble"].reshape(steps, 12, 4)


def test_multipliers_have_the_mean_of_the_host_and_the_spread_asked_for(
    start: Any,
) -> None:
    rain = drawn(start, precipitation={"kind": "lognormal", "std": 0.3})
    np.testing.assert_allclose(rain.mean(1), 6.0, rtol=1e-12)
    assert rain.std(1, ddof=1).mean() / 6.0 == pytest.approx(0.3, rel=0.05)
    later = np.corrcoef(rain[1:].ravel(), rain[:-1].ravel())[0, 1]
    assert abs(later) < 0.05


def test_additions_last_as_long_as_asked_for(start: Any) -> None:
    temperature = drawn(start, air_temperature={"std": 1.5, "correlation_time": "4 d"})
    np.testing.assert_allclose(temperature.mean(1), 9.0, rtol=1e-12)
    deviations = temperature - 9.0
    assert deviations.std(1, ddof=1).mean() == pytest.approx(1.5, rel=0.1)
    later = (deviations[1:] * deviations[:-1]).mean() / (deviations**2).mean()
    assert later == pytest.approx(np.exp(-0.25), abs=0.05)


def test_what_is_bounded_stays_within_bounds(start: Any) -> None:
    rain = drawn(start, 100, precipitation={"std": 20.0})
    assert rain.min() == 0.0
    assert rain.max() > 20.0


def test_one_member_alone_is_what_the_host_gave(start: Any) -> None:
    one = start(2, name="one.yaml")
    settings = block(members=1, filter={"name": "none"})
    alone = start(2, name="alone.yaml", assimilation=settings)
    for component in (one, alone):
        follow(component, made(50, 2), range(50))
    np.testing.assert_array_equal(
        one.get_value_ptr("streamflow"), alone.get_value_ptr("streamflow")
    )


def test_parameters_are_drawn_once_within_their_bounds(start: Any) -> None:
    settings = block(
        observed={},
        perturbations={"parameters": {"fc": {"std": 300.0},
                                      "k1": {"kind": "lognormal", "std": 0.3}}},
    )  # fmt: skip
    component = start(3, assimilation=settings)
    follow(component, made(3, 3), range(3))
    runner = component.runner
    for name, low, high in (("fc", 50.0, 1000.0), ("k1", 0.01, 0.5)):
        values = runner.members.parameter("land", name).reshape(8, 3, 4)
        nominal = runner.parameter("land", name)
        assert low <= values.min() < values.max() <= high
        assert (np.ptp(values, axis=0) > 0.0).all()
        assert np.abs(values.mean(0) / nominal - 1.0).max() < 0.6
    before = runner.members.parameter("land", "fc").copy()
    follow(component, made(6, 3), range(3, 6))
    np.testing.assert_array_equal(runner.members.parameter("land", "fc"), before)


def test_random_numbers_of_steps_and_purposes_are_their_own() -> None:
    draws = [
        tuple(generator_of(seed, step, purpose).standard_normal(3))
        for seed in (0, 1) for step in (0, 1, 2) for purpose in (2000, 2001)
    ]  # fmt: skip
    assert len(set(draws)) == len(draws)
    assert tuple(generator_of(1, 2, 2001).standard_normal(3)) == draws[-1]
