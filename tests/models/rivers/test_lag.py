"""Lateral inflow that is late."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.errors import ConfigError
from bmi_dmx.models.rivers.lag import InflowLag
from bmi_dmx.scan import ScanResult, scan

HOUR = 3600.0


def late(
    inflow: Tensor, lag: Tensor | float, dt: float = HOUR, **more: float
) -> ScanResult:
    lag = torch.as_tensor(lag, dtype=torch.float64).reshape(-1, 1)
    lag = lag.expand(inflow.shape[1], 1)
    return scan(
        InflowLag(more), None, {"land_inflow": inflow}, {"inflow_lag": lag}, dt=dt
    )


INFLOW = torch.rand(60, 3, dtype=torch.float64)


@pytest.mark.parametrize("lag", [0.0, 1.0, 7.0, 24.0])
def test_whole_hours_move_the_series(lag: float) -> None:
    inflow = late(INFLOW, lag).outputs["lateral_inflow"].squeeze(-1)
    hours = int(lag)
    torch.testing.assert_close(inflow[hours:], INFLOW[: 60 - hours])
    assert (inflow[:hours] == 0.0).all()


def test_parts_of_hours_lie_between() -> None:
    inflow = late(INFLOW, 3.25).outputs["lateral_inflow"].squeeze(-1)
    expected = 0.75 * INFLOW[1:-3] + 0.25 * INFLOW[:-4]
    torch.testing.assert_close(inflow[4:], expected)


@pytest.mark.parametrize("dt", [HOUR / 2, HOUR, 6 * HOUR])
def test_the_mean_delay_is_the_lag_at_any_step(dt: float) -> None:
    pulse = torch.zeros(round(30 * HOUR / dt), 1, dtype=torch.float64)
    pulse[0] = 1.0
    for lag in (0.0, 2.5, 13.3, 18.0):
        inflow = late(pulse, lag, dt).outputs["lateral_inflow"].flatten()
        time = torch.arange(len(inflow)) * dt / HOUR
        assert float((inflow * time).sum()) == pytest.approx(lag)
        assert float(inflow.sum()) == pytest.approx(1.0)


def test_no_water_is_lost_when_the_lag_changes() -> None:
    lag = torch.rand(60, 3, 1, dtype=torch.float64) * 24.0
    shares = [InflowLag().prepare(SimpleNamespace(inflow_lag=x)) for x in lag]
    weights = torch.stack([share["weight"] for share in shares], 1)
    run = scan(InflowLag(), None, {"land_inflow": INFLOW}, {"weight": weights}, dt=HOUR)
    arrived = run.outputs["lateral_inflow"].sum(0) * HOUR
    waiting = run.state["in_transit"].sum(0)
    torch.testing.assert_close(arrived + waiting, INFLOW.sum(0)[:, None] * HOUR)


def test_the_lag_can_be_learned() -> None:
    inflow = INFLOW[:20].clone().requires_grad_()
    lag = torch.tensor([0.4, 5.3, 11.7], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda q, t: late(q, t).outputs["lateral_inflow"], (inflow, lag)
    )


def test_a_run_in_two_parts_is_the_run_in_one() -> None:
    lag = {"inflow_lag": torch.full((3, 1), 5.5, dtype=torch.float64)}
    whole, first = (
        scan(InflowLag(), None, {"land_inflow": x}, lag, dt=HOUR)
        for x in (INFLOW, INFLOW[:25])
    )
    second = scan(InflowLag(), first.state, {"land_inflow": INFLOW[25:]}, lag, dt=HOUR)
    both = [run.outputs["lateral_inflow"] for run in (first, second)]
    assert torch.equal(torch.cat(both), whole.outputs["lateral_inflow"])


@pytest.mark.parametrize("hours", [0.0, -1.0, np.inf])
def test_a_longest_lag_of_less_than_a_step_is_refused(hours: float) -> None:
    with pytest.raises(ConfigError, match="hours: found"):
        InflowLag({"hours": hours})


def test_one_step_of_lag_is_enough() -> None:
    inflow = late(INFLOW, 0.5, hours=1.0).outputs["lateral_inflow"].squeeze(-1)
    torch.testing.assert_close(inflow[1:], 0.5 * (INFLOW[1:] + INFLOW[:-1]))
