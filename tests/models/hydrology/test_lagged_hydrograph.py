"""Lagged hydrographs: shifted weights, all of the water, at any step."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.errors import ConfigError
from bmi_dmx.models.hydrology.lagged_hydrograph import LaggedUnitHydrograph, lagged

WHOLE, LONGEST = 72, 48
HOUR = 1.0 / 24.0


def column(*values):
    return torch.tensor(values, dtype=torch.float64)


def restated(a, b, tau):
    """Return the hydrograph of one pair by hours, in plain numbers."""
    shape, scale = a + 0.1, b + 0.5
    time = [k + 0.5 for k in range(WHOLE)]
    weight = [t ** (shape - 1.0) * math.exp(-t / scale) for t in time]
    weight = [w / math.fsum(weight) for w in weight] + [0.0] * (LONGEST + 2)
    k = int(tau)
    rest = tau - k
    shifted = []
    for t in range(WHOLE + LONGEST + 1):
        now = weight[t - k] if t >= k else 0.0
        before = weight[t - k - 1] if t >= k + 1 else 0.0
        shifted.append((1.0 - rest) * now + rest * before)
    return shifted


@settings(max_examples=50)
@given(a=st.floats(0.0, 5.0), b=st.floats(0.0, 12.0), tau=st.floats(0.0, 48.0))
def test_weights_are_those_restated_and_lose_nothing(a, b, tau):
    process = LaggedUnitHydrograph().at(HOUR)
    parameters = {"routing_a": a, "routing_b": b, "routing_lag": tau}
    pair = {name: column(x) for name, x in parameters.items()}
    (weight,) = process.prepare(type("P", (), pair)()).values()
    assert weight.shape == (121, 1) == (process.length(), 1)
    assert weight.sum().item() == pytest.approx(1.0, abs=1e-14)
    np.testing.assert_allclose(weight[:, 0], restated(a, b, tau), rtol=1e-9, atol=1e-15)


def test_flow_is_the_convolution_with_the_lagged_weights(run):
    rng = np.random.default_rng(1)
    runoff = torch.from_numpy(rng.exponential(0.3, (300, 3)))
    a, b, tau = (0.0, 2.0, 5.0), (0.0, 4.0, 12.0), (0.0, 7.3, 48.0)
    parameters = {"routing_a": column(*a), "routing_b": column(*b)}
    parameters["routing_lag"] = column(*tau)
    ran = run(LaggedUnitHydrograph(), None, {"runoff": runoff}, parameters, dt=HOUR)
    for i in range(3):
        whole = np.convolve(runoff[:, i].numpy(), restated(a[i], b[i], tau[i]))
        flow = ran.outputs["streamflow"][:, i, 0]
        np.testing.assert_allclose(flow, whole[:300], rtol=1e-9, atol=1e-12)
        waiting = ran.state["in_transit"][:, i, 0] * 24.0
        np.testing.assert_allclose(waiting, whole[300:], rtol=1e-9, atol=1e-12)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 999),
    dt=st.sampled_from([1.0, 0.25, 3.0, 24.0]),
    hours=st.sampled_from([48.0, 72.0]),
    longest=st.sampled_from([5.5, 48.0]),
)
def test_no_water_is_made_or_lost_at_any_step(
    run, parameters, residual, seed, dt, hours, longest
):
    process = LaggedUnitHydrograph({"hours": hours, "longest_lag": longest})
    rain = np.random.default_rng(seed).exponential(0.5, (40, 4))
    forcing = {"runoff": torch.from_numpy(rain)}
    drawn = parameters(process, seed, 4, corners=0.3)
    step = dt * HOUR
    ran = run(process, None, forcing, drawn, dt=step)
    assert residual(process.at(step), {}, forcing, ran, step) < 1e-13


def test_the_lag_moves_the_mean_arrival_by_itself():
    weight = torch.rand(10, 4, dtype=torch.float64)
    weight = weight / weight.sum(0)
    lag = column(0.0, 1.0, 3.7, 6.0)
    moved = lagged(weight, lag, 6)
    arrival = (moved * torch.arange(len(moved))[:, None]).sum(0)
    before = (weight * torch.arange(10)[:, None]).sum(0)
    torch.testing.assert_close(arrival - before, lag)


def test_gradients_pass_finite_differences():
    parameters = [column(1.2, 3.0), column(2.0, 7.0), column(3.3, 40.6)]
    names = ("routing_a", "routing_b", "routing_lag")

    def weights(*values):
        space = type("P", (), dict(zip(names, values, strict=True)))()
        return LaggedUnitHydrograph().at(HOUR).prepare(space)["weight"]

    assert torch.autograd.gradcheck(weights, [x.requires_grad_() for x in parameters])


def test_hours_and_days_bring_the_same_water_within_a_day_of_each_other(run):
    hours = torch.zeros(24 * 12, 1, dtype=torch.float64)
    hours[:24] = 2.0
    days = hours.reshape(12, 24, 1).mean(1)
    parameters = {"routing_a": 2.0, "routing_b": 6.0, "routing_lag": 30.0}
    parameters = {name: column(x) for name, x in parameters.items()}
    by_hour = run(LaggedUnitHydrograph(), None, {"runoff": hours}, parameters, dt=HOUR)
    by_day = run(LaggedUnitHydrograph(), None, {"runoff": days}, parameters)
    fine = by_hour.outputs["streamflow"][:, 0, 0].reshape(12, 24).mean(1)
    coarse = by_day.outputs["streamflow"][:, 0, 0]
    assert fine.sum().item() == pytest.approx(2.0, rel=1e-12)
    assert coarse.sum().item() == pytest.approx(2.0, rel=1e-12)
    shift = ((fine - coarse) * torch.arange(12)).sum() / 2.0
    assert 0.0 < shift.item() < 0.6  # a day counts as arrived from its beginning


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hours": 30.0}, "steps of 24.0 hours do not fill the 30 hours"),
        ({"longest_lag": 0.0}, "longest_lag: expected above 0 to 1000 h, found 0"),
        ({"longest_leg": 5}, "longest_leg: unknown key; did you mean 'longest_lag'"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ConfigError, match=message):
        LaggedUnitHydrograph(options)
