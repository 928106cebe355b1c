"""Days made into steps keep their means."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bmi_dmx.errors import DataError
from bmi_dmx.models.rivers.disaggregation import (
    interpolated,
    repeated,
    responding,
    shaped,
)  # fmt: skip

STEPS = 24
flows = st.one_of(st.just(0.0), st.floats(1e-3, 1e4))
series = st.integers(1, 6).flatmap(lambda n: arrays(float, (n, 2), elements=flows))


def rain(days: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    wet = rng.random((days * STEPS, 2)) < 0.1
    return np.where(wet, rng.exponential(2.0, wet.shape), 0.0)


WAYS: dict[str, Callable[[Any], Any]] = {
    "repeated": repeated,
    "interpolated": interpolated,
    "shaped": lambda daily: shaped(daily, like(daily, rain(len(daily)))),
    "responding": lambda daily: responding(
        daily, like(daily, rain(len(daily))), 6.0, 0.8
    ),
}


def like(daily: Any, x: np.ndarray) -> Any:
    return torch.from_numpy(x) if isinstance(daily, torch.Tensor) else x


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@given(daily=series)
def test_days_keep_their_means_and_sign(
    way: Callable[[Any], Any], daily: np.ndarray
) -> None:
    flow = way(daily)
    assert flow.shape == (len(daily) * STEPS, 2)
    assert (flow >= 0.0).all()
    means = flow.reshape(len(daily), STEPS, 2).mean(1)
    np.testing.assert_allclose(means, daily, rtol=1e-12)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_tensors_give_the_numbers_of_arrays(way: Callable[[Any], Any]) -> None:
    daily = np.random.default_rng(1).gamma(0.5, 4.0, (5, 2))
    flow = way(torch.from_numpy(daily))
    np.testing.assert_allclose(flow.numpy(), way(daily), rtol=1e-14)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_the_inflow_of_days_has_the_gradient_of_differences(
    way: Callable[[Any], Any],
) -> None:
    daily = torch.rand(4, 2, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(way, (daily,))


def test_dry_days_have_finite_gradients() -> None:
    daily = torch.tensor([[0.0], [0.0], [2.0], [0.0], [0.0]]).requires_grad_()
    for way in (repeated, interpolated):
        (gradient,) = torch.autograd.grad(way(daily).sum(), daily)
        assert gradient.isfinite().all()
    nothing = torch.zeros(5 * STEPS, 1, requires_grad=True)
    (gradient,) = torch.autograd.grad(shaped(daily, nothing).sum(), nothing)
    assert gradient.isfinite().all()


def test_straight_lines_lead_from_day_to_day() -> None:
    # A rise that is steady over the days is steady over the hours of the inner ones.
    flow = interpolated(np.arange(1.0, 7.0)[:, None])[:, 0]
    inner = flow[STEPS:-STEPS].reshape(4, STEPS)
    np.testing.assert_allclose(np.diff(inner.ravel()), 1.0 / STEPS, rtol=1e-9)


def test_a_day_beside_a_negative_one_is_constant() -> None:
    flow = interpolated(np.array([1.0, -2.0, 3.0, 5.0])[:, None])[:, 0]
    np.testing.assert_array_equal(flow[: 3 * STEPS], np.repeat([1.0, -2.0, 3.0], STEPS))


def test_precipitation_drains_from_a_linear_store() -> None:
    """Restated step by step, over days that begin with what the last one left."""
    precipitation, daily = rain(6, 3), np.full((6, 2), 3.0)
    time, share = 9.0, 0.7
    flow = responding(daily, precipitation, time, share)
    store, course = np.zeros(2), []
    for row in precipitation:
        store = store * np.exp(-1.0 / time) + row
        course.append(store)
    by_day = np.array(course).reshape(6, STEPS, 2)
    mean = by_day.mean(1, keepdims=True)
    shape = np.where(mean > 0.0, by_day / np.where(mean > 0.0, mean, 1.0), 1.0)
    expected = 3.0 * (1.0 - share + share * shape)
    np.testing.assert_allclose(flow, expected.reshape(-1, 2), rtol=1e-12)


def test_response_and_share_can_be_learned() -> None:
    daily = torch.rand(3, 2, dtype=torch.float64)
    water = torch.from_numpy(rain(3)) + 0.01
    time = torch.tensor([3.0, 12.0], dtype=torch.float64, requires_grad=True)
    share = torch.tensor([0.3, 0.9], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda t, s: responding(daily, water, t, s), (time, share)
    )


def test_weights_that_do_not_fill_the_days_are_refused() -> None:
    with pytest.raises(DataError, match="found 47, expected as many for each of 2 d"):
        shaped(np.ones((2, 1)), np.ones((47, 1)))


def test_arrays_need_no_pytorch() -> None:
    code = (
        "import sys; from numpy import ones; "
        "from bmi_dmx.models.rivers.disaggregation import interpolated; "
        "interpolated(ones((3, 2))); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
