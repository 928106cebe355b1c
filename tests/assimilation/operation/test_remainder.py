"""What remains of an error is estimated as a Kalman filter of one number would."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from bmi_dmx.assimilation.operation.inbox import Inbox
from bmi_dmx.assimilation.operation.remainder import Remainder
from bmi_dmx.assimilation.operation.settings import (
    Error,
    ObservedQuantity,
    RemainderSettings,
)
from bmi_dmx.errors import ConfigError

from .twins import block, follow, made

DAY = 86400.0
ALL = np.array([True])
HERE = np.array([0])


def remainder(memory: str = "0 d", **settings: Any) -> Remainder:
    """Return that of one place, daily."""
    options = {"std": 2.0, "correlation_time": "4 d", **settings}
    return Remainder(RemainderSettings(memory=memory, **options), 1, DAY)


def test_mean_and_variance_are_those_of_a_kalman_filter() -> None:
    model, share = remainder(), math.exp(-0.25)
    mean, variance = 0.0, 4.0
    for observed in (1.0, -0.5, math.nan, 3.0):
        model.step()
        mean, variance = share * mean, share**2 * variance + (1 - share**2) * 4.0
        if not math.isnan(observed):
            gain = variance / (variance + 0.3**2 + 0.4**2)
            innovation = observed - mean
            error = np.sqrt(model.variance + 0.4**2)
            model.update(HERE, np.array([innovation]), np.array([0.3]), error, ALL)
            mean, variance = mean + gain * innovation, (1 - gain) * variance
        assert model.mean[0] == pytest.approx(mean, rel=1e-12)
        assert model.variance[0] == pytest.approx(variance, rel=1e-12)


def test_share_and_variance_follow_an_error_of_first_order() -> None:
    model, rng = remainder("1000 d", std=0.1, correlation_time="0 d"), np.random
    draw = rng.default_rng(3).standard_normal
    error, share, std = 0.0, 0.8, 1.5
    for _ in range(4000):
        error = share * error + math.sqrt(1 - share**2) * std * draw()
        model.step()
        innovation = error - model.mean
        model.update(HERE, innovation, np.zeros(1), np.sqrt(model.variance), ALL)
    assert model.share[0] == pytest.approx(share, abs=0.05)
    model.mean[:], model.variance[:] = 0.0, 0.0
    model.step()
    fresh = (1 - model.share[0] ** 2) * std**2
    assert model.variance[0] == pytest.approx(fresh, rel=0.2)


def test_days_without_an_observation_teach_nothing() -> None:
    model = remainder("100 d")
    before = model.share.copy()
    for _ in range(50):
        model.step()
    np.testing.assert_array_equal(model.share, before)
    assert model.variance[0] == pytest.approx(4.0)


def test_pairs_of_days_that_follow_each_other_teach() -> None:
    model = remainder("100 d")
    before = model.share.copy()
    for observed in (3.0, None, -3.0, None, None, 3.0):
        model.step()
        if observed is not None:
            error = np.sqrt(model.variance)
            model.update(HERE, observed - model.mean, np.zeros(1), error, ALL)
    np.testing.assert_array_equal(model.share, before)
    model.step()
    model.update(HERE, 3.0 - model.mean, np.zeros(1), np.sqrt(model.variance), ALL)
    assert model.share[0] > before[0]


def test_a_run_goes_on_bitwise(start: Any) -> None:
    remaining = {"std": 0.5, "correlation_time": "20 d", "memory": "50 d"}
    settings = block(
        observed={
            "streamflow": {
                "error": {"absolute": 0.01}, "scale": "root", "remaining": remaining,
            }
        }
    )  # fmt: skip
    forcing = made(40, 2)
    flow = np.array(forcing["precipitation"])
    flow[::3] = np.nan
    whole, other = (start(2, name=f"{k}.yaml", assimilation=settings) for k in "ab")
    follow(whole, forcing, range(20), flow)
    other.set_state_bytes(whole.state_bytes())
    names = ("streamflow__expected", "streamflow__ensemble", "streamflow__analysis")
    series, again = (
        follow(one, forcing, range(20, 40), flow, names) for one in (whole, other)
    )
    for name in names:
        np.testing.assert_array_equal(series[name], again[name])
    assert whole.state_bytes() == other.state_bytes()


@pytest.mark.parametrize("scale", ["linear", "log", "root"])
def test_scales_lead_back(scale: Any) -> None:
    settings = ObservedQuantity(error=Error(relative=0.1, absolute=0.05), scale=scale)
    box = Inbox("flow", settings, 2, 3, DAY)
    values = np.array([0.0, 0.7, 30.0])
    np.testing.assert_allclose(box.unscaled(box.scaled(values)), values, atol=1e-12)
    small = 1e-6
    slope = (box.scaled(values + small) - box.scaled(values)) / small
    box.value[:] = values
    box.predict(np.ones((2, 3)))
    batch = box.take(0.0)
    expected = slope * np.hypot(0.1 * values, 0.05)
    np.testing.assert_allclose(batch.error, expected, rtol=1e-4)


def test_what_is_expected_carries_the_error_on(start: Any) -> None:
    """The model alone is 40 % too low; nothing is changed in it."""
    settings = block(
        members=2, filter={"name": "none"}, perturbations={},
        observed={
            "streamflow": {
                "error": {"absolute": 0.01}, "scale": "root",
                "remaining": {"std": 0.5, "correlation_time": "20 d"},
            }
        },
    )  # fmt: skip
    forcing = made(120, 2)
    alone = follow(start(2, name="a.yaml"), forcing, range(120))["streamflow"]
    component = start(2, assimilation=settings)
    real = alone / 0.6
    names = ("streamflow", "streamflow__expected")
    series = follow(component, forcing, range(120), real, names)
    np.testing.assert_allclose(series["streamflow"], alone)
    errors = [np.abs(series[name] - real)[60:].mean() for name in names]
    assert errors[1] < 0.4 * errors[0]


def test_a_scale_needs_something_to_be_added() -> None:
    with pytest.raises(ConfigError, match=r"scale: root needs error\.absolute above 0"):
        ObservedQuantity(error=Error(relative=0.1), scale="root")
    with pytest.raises(ConfigError, match="std: found 0"):
        RemainderSettings(std=0.0, correlation_time="1 d")
