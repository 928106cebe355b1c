"""Inflow that is summed up, and shifted, stands beside every model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.trainer.tasks.reaches.baselines import (
    LAGGED,
    SUMMED,
    Lag,
    lagged,
    summed,
)
from bmi_dmx.trainer.tasks.reaches.data import RiverData

from .conftest import with_gauges


def test_the_sum_is_of_all_reaches_above_the_gauge(river: RiverData) -> None:
    flow = summed(river)
    np.testing.assert_allclose(flow[:, 0], river.inflow.sum(1), rtol=1e-6)
    np.testing.assert_allclose(flow[:, 1], river.inflow[:, :3].sum(1), rtol=1e-6)


def test_what_enters_below_a_gauge_is_not_in_it(river: RiverData) -> None:
    flow = summed(with_gauges(river, share=np.array([0.0, 0.5])))
    np.testing.assert_allclose(flow[:, 0], river.inflow[:, :6].sum(1), rtol=1e-6)


@given(hours=st.integers(-30, 60), per_day=st.sampled_from([1, 4, 24]))
def test_a_lag_moves_what_is_held_hour_by_hour(hours: int, per_day: int) -> None:
    rng = np.random.default_rng(1)
    series = rng.gamma(1.0, 3.0, (8 * per_day, 2))
    hourly = np.repeat(series, 24 // per_day, axis=0)
    late = hourly[np.clip(np.arange(len(hourly)) - hours, 0, len(hourly) - 1)]
    expected = late.reshape(-1, 24, 2).mean(1)
    np.testing.assert_allclose(lagged(series, per_day, hours), expected, rtol=1e-10)


def test_the_lag_is_that_of_the_training_days(river: RiverData) -> None:
    observed = lagged(summed(river), 1, 31.0).astype(np.float32)
    observed[40:] = lagged(summed(river), 1, 3.0)[40:]
    lag = Lag(replace(river, observed=observed), slice(0, 40))
    assert lag.hours.tolist() == [31.0, 31.0]
    flow = lag.flow()
    np.testing.assert_allclose(flow[LAGGED][:40], observed[:40], rtol=1e-5)
    np.testing.assert_allclose(flow[SUMMED], summed(river))


def test_a_gauge_without_training_days_gets_the_lag_of_the_others(
    river: RiverData,
) -> None:
    observed = lagged(summed(river), 1, 12.0).astype(np.float32)
    observed[:40, 1] = np.nan
    lag = Lag(replace(river, observed=observed), slice(0, 40))
    assert lag.plain(river.gauges.ids) == {"A": 12.0, "B": pytest.approx(12.0)}
