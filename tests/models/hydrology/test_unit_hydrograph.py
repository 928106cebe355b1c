"""The unit hydrograph as a state against plain convolution."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from bmi_dmx.errors import ConfigError
from bmi_dmx.models.hydrology.unit_hydrograph import UnitHydrograph, gamma_weights
from bmi_dmx.program.trace import trace_step


def column(values):
    return torch.as_tensor(values, dtype=torch.float64)


@pytest.fixture
def runoff():
    rng = np.random.default_rng(1)
    return torch.from_numpy(rng.exponential(3.0, (90, 4)))


@pytest.fixture
def weight():
    a = column([[0.0], [0.5], [2.0], [2.9]])
    b = column([[0.0], [6.5], [1.0], [6.5]])
    return gamma_weights(a, b, 15)


def test_streamflow_is_the_convolution_of_runoff(run, runoff, weight):
    routed = run(UnitHydrograph(), None, {"runoff": runoff}, {"weight": weight})
    for i in range(runoff.shape[1]):
        whole = np.convolve(runoff[:, i].numpy(), weight[:, i, 0].numpy())
        np.testing.assert_allclose(
            routed.outputs["streamflow"][:, i, 0], whole[: len(runoff)], rtol=1e-12
        )
        # What is still in transit is the tail of the convolution.
        np.testing.assert_allclose(
            routed.state["in_transit"][:, i, 0], whole[len(runoff) :], rtol=1e-12
        )


def test_chunks_give_the_numbers_of_the_whole(run, runoff, weight):
    process = UnitHydrograph()
    whole = run(process, None, {"runoff": runoff}, {"weight": weight})
    state, parts = None, []
    for chunk in runoff.split(7):
        part = run(process, state, {"runoff": chunk}, {"weight": weight})
        state = part.state
        parts.append(part.outputs["streamflow"])
    assert torch.equal(torch.cat(parts), whole.outputs["streamflow"])
    assert torch.equal(state["in_transit"], whole.state["in_transit"])


def test_water_is_kept_when_the_weights_change_with_time(run, runoff, residual):
    process = UnitHydrograph()
    rng = np.random.default_rng(2)
    weight = torch.from_numpy(rng.dirichlet(np.ones(15), (90, 4, 1))).movedim(-1, 0)
    routed = run(process, None, {"runoff": runoff}, {"weight": weight})
    assert residual(process, {}, {"runoff": runoff}, routed) < 1e-14


@pytest.mark.parametrize("length", [2, 3, 15])
def test_any_length_releases_all_water_in_time(run, length):
    pulse = torch.zeros(length + 2, 1, dtype=torch.float64)
    pulse[0] = 10.0
    weight = gamma_weights(column([[1.0]]), column([[2.0]]), length)
    process = UnitHydrograph({"days": length})
    routed = run(process, None, {"runoff": pulse}, {"weight": weight})
    flow = routed.outputs["streamflow"][:, 0, 0]
    torch.testing.assert_close(flow[:length], 10.0 * weight[:, 0, 0])
    assert (flow[length:] == 0.0).all()
    assert (run(process, routed.state, {"runoff": 0 * pulse},
                {"weight": weight}).outputs["streamflow"] == 0.0).all()  # fmt: skip


def test_a_single_step_is_refused():
    with pytest.raises(ConfigError, match="do not fill the 1 days of the unit hydro"):
        UnitHydrograph({"days": 1})


@pytest.mark.parametrize("dt", [1.0, 1 / 24])
def test_parameters_become_weights_once(run, runoff, dt):
    process = UnitHydrograph({"days": 5})
    shape, scale = column([0.0, 0.5, 2.0, 2.9]), column([0.0, 6.5, 1.0, 6.5])
    forcing = {"runoff": runoff}
    parameters = {"routing_a": shape, "routing_b": scale}
    weight = gamma_weights(shape, scale, round(5 / dt), dt)
    first = run(process, None, forcing, parameters, dt=dt)
    second = run(process, None, forcing, {"weight": weight}, dt=dt)
    assert first.state["in_transit"].shape == (round(5 / dt) - 1, 4, 1)
    for name, x in second.state.items():
        assert torch.equal(first.state[name], x)
    assert torch.equal(first.outputs["streamflow"], second.outputs["streamflow"])


@pytest.mark.parametrize("dt", [1.0, 1.0 / 24.0])
def test_shares_of_each_step_are_those_that_are_prepared(run, runoff, dt):
    rng = np.random.default_rng(2)
    p = {
        "routing_a": column(rng.uniform(0.0, 2.9, (90, 4, 1))),
        "routing_b": column(rng.uniform(0.0, 6.5, (90, 4, 1))),
    }
    varying = UnitHydrograph({"varying": True}).at(dt)
    each = run(varying, None, {"runoff": runoff}, p, dt=dt)
    length = varying.length()
    weight = gamma_weights(p["routing_a"], p["routing_b"], length, dt)
    shares = {"weight": weight}
    once = run(UnitHydrograph().at(dt), None, {"runoff": runoff}, shares, dt=dt)
    torch.testing.assert_close(
        each.outputs["streamflow"], once.outputs["streamflow"], rtol=1e-12, atol=1e-14
    )


def test_one_object_serves_all_who_ask_for_a_step():
    assert UnitHydrograph().at(0.25) is UnitHydrograph({"days": 15}).at(0.25)
    assert UnitHydrograph({"days": 10}).at(0.25) is not UnitHydrograph().at(0.25)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weights_are_shares(dtype):
    grid = torch.meshgrid(
        torch.linspace(-1.0, 5.0, 13, dtype=dtype),
        torch.linspace(-1.0, 12.0, 13, dtype=dtype),
        indexing="ij",
    )
    weight = gamma_weights(*grid, 15)
    assert weight.shape == (15, 13, 13)
    assert (weight >= 0.0).all()
    torch.testing.assert_close(weight.sum(0), torch.ones(13, 13, dtype=dtype))


def test_weights_follow_the_gamma_density():
    a, b = 2.4, 1.1
    density = [
        t**1.5 * math.exp(-t / 1.6) / (math.gamma(2.5) * 1.6**2.5)
        for t in np.arange(15) + 0.5
    ]
    expected = np.array(density) / np.sum(density)
    np.testing.assert_allclose(gamma_weights(column(a), column(b), 15), expected)


def test_the_mean_time_of_travel_is_shape_times_scale():
    """At little truncation: A theta, less half a day at any step."""
    for dt in (1.0, 0.2, 1 / 24):
        length = round(40 / dt)
        weight = gamma_weights(column(2.9), column(0.5), length, dt)
        assert weight.sum().item() == pytest.approx(1.0, rel=1e-12)
        delay = (weight * torch.arange(length) * dt).sum().item()
        assert delay == pytest.approx(3.0 * 1.0 - 0.5, abs=0.03)


def test_hourly_flow_arrives_with_daily_flow(run):
    """One day's runoff, hour by hour and at once: same water, same mean time."""
    a, b = column([[2.5]]), column([[0.5]])
    days = torch.zeros(30, 1, dtype=torch.float64)
    days[2] = 24.0
    hours = days.repeat_interleave(24, 0)
    by_day = run(
        UnitHydrograph(), None, {"runoff": days}, {"weight": gamma_weights(a, b, 15)}
    ).outputs["streamflow"][:, 0, 0]  # fmt: skip
    by_hour = run(
        UnitHydrograph(), None, {"runoff": hours},
        {"weight": gamma_weights(a, b, 360, 1 / 24)}, dt=1 / 24,
    ).outputs["streamflow"][:, 0, 0].reshape(30, 24).mean(1)  # fmt: skip
    assert by_hour.sum().item() == pytest.approx(by_day.sum().item(), rel=1e-12)
    shift = ((by_hour - by_day) * torch.arange(30)).sum() / 24.0
    assert shift.item() == pytest.approx(0.0, abs=0.05)


def test_water_in_transit_can_be_changed_and_arrives(run):
    """The state is water: what an assimilation adds flows out on its day."""
    weight = gamma_weights(column([[1.0]]), column([[1.0]]), 4)
    added = column([0.0, 5.0, 0.0]).reshape(3, 1, 1)
    dry = torch.zeros(3, 1, dtype=torch.float64)
    routed = run(UnitHydrograph({"days": 4}), {"in_transit": added}, {"runoff": dry},
                 {"weight": weight})  # fmt: skip
    assert routed.outputs["streamflow"][:, 0, 0].tolist() == [0.0, 5.0, 0.0]


def test_the_step_can_be_compiled():
    program = trace_step(UnitHydrograph({"days": 3}))
    assert set(program.outputs) == {"s.in_transit.0", "s.in_transit.1", "q.streamflow"}
