"""Days of gauges are cut out of the routed flow where they lie."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.errors import ConfigError
from bmi_dmx.trainer.tasks.reaches.shift import Shift

PER_DAY = 24


def means(flow: np.ndarray, begin: float, days: int) -> np.ndarray:
    """Return means of days that begin at a step, by the integral of straight lines."""
    at = np.arange(len(flow), dtype=float)
    total = np.concatenate([[0.0], np.cumsum((flow[1:] + flow[:-1]) / 2)])
    ends = begin + PER_DAY * np.arange(days + 1)
    means: np.ndarray = np.diff(np.interp(ends, at, total)) / PER_DAY
    return means


@given(
    hours=st.lists(st.floats(-20, 20), min_size=1, max_size=4),
    copies=st.integers(1, 3),
)
def test_they_are_the_integral_of_flow_between_their_midnights(
    hours: list[float], copies: int
) -> None:
    warmup, days = 1, 3
    shift = Shift(np.array(hours), PER_DAY)
    rng = np.random.default_rng(0)
    steps = (warmup + days) * PER_DAY + shift.steps_behind
    flow = rng.gamma(1.0, 5.0, (steps + 1, copies * len(hours)))
    averages = shift.days(
        torch.from_numpy(flow[1:]),
        torch.from_numpy(flow[0]),
        np.arange(len(hours)),
        warmup,
    ).numpy()
    assert averages.shape == (days, copies * len(hours))
    for place in range(averages.shape[1]):
        begin = warmup * PER_DAY + hours[place % len(hours)]
        expected = means(flow[:, place], begin, days)
        np.testing.assert_allclose(averages[:, place], expected, rtol=1e-9)


def test_only_the_gauges_of_a_batch_are_read() -> None:
    shift = Shift(np.array([0.0, 6.0, 12.0]), PER_DAY)
    flow = torch.arange(4 * PER_DAY, dtype=torch.float64)[:, None].expand(-1, 2)
    averages = shift.days(flow, flow[0] - 1, np.array([0, 2]), 1)
    assert (averages[:, 1] - averages[:, 0]).tolist() == pytest.approx([12.0, 12.0])


@pytest.mark.parametrize(("hours", "days"), [(-25.0, 2), (-24.0, 1), (0.0, 0)])
def test_days_that_begin_early_need_a_warmup(hours: float, days: int) -> None:
    shift = Shift(np.array([hours]), PER_DAY)
    shift.refuse_short(days)
    if days:
        with pytest.raises(ConfigError, match=f"warmup: found {days - 1}, .* {days} "):
            shift.refuse_short(days - 1)
