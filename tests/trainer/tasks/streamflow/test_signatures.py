"""How slow and how nervous flow is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.trainer.tasks.streamflow.metrics import score
from bmi_dmx.trainer.tasks.streamflow.signatures import baseflow_index, flashiness


def flows(seed: int, steps: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).gamma(0.5, 4.0, (steps, 3))


def one_pass(flow: list[float]) -> list[float]:
    """The filter of Lyne and Hollick, as a loop over numbers."""
    quick, slow = 0.0, []
    for at, q in enumerate(flow):
        rise = 0.0 if at == 0 else 0.9625 * (q - flow[at - 1])
        quick = max(0.925 * quick + rise, 0.0)
        slow.append(q - min(quick, q))
    return slow


def test_baseflow_is_what_a_plain_loop_leaves() -> None:
    flow = flows(0)[:, :1]
    slow = one_pass(flow[:, 0].tolist())
    slow = one_pass(slow[::-1])[::-1]
    slow = one_pass(slow)
    assert baseflow_index(flow)[0] == pytest.approx(sum(slow) / flow.sum(), rel=1e-12)


def test_constant_flow_is_all_baseflow_and_not_flashy() -> None:
    steady = np.full((50, 1), 2.0)
    assert baseflow_index(steady)[0] == 1.0
    assert flashiness(steady)[0] == 0.0


def test_flashiness_of_a_small_example() -> None:
    flow = np.array([[1.0], [3.0], [2.0], [2.0]])
    assert flashiness(flow)[0] == pytest.approx((2 + 1 + 0) / (3 + 2 + 2))


@given(st.integers(0, 30), st.floats(0.1, 50.0))
def test_neither_depends_on_the_unit(seed: int, factor: float) -> None:
    flow = flows(seed)
    for index in (baseflow_index, flashiness):
        np.testing.assert_allclose(index(factor * flow), index(flow), rtol=1e-9)
    assert ((baseflow_index(flow) >= 0) & (baseflow_index(flow) <= 1)).all()


def test_gaps_split_a_series_and_enter_nothing() -> None:
    flow = flows(1)
    apart = np.concatenate([flow[:100], np.full((1, 3), np.nan), flow[100:]])
    moved = np.abs(np.diff(flow, axis=0))
    moved[99] = 0.0
    expected = moved.sum(axis=0) / (flow[1:].sum(axis=0) - flow[100])
    np.testing.assert_allclose(flashiness(apart), expected, rtol=1e-12)
    assert np.isfinite(baseflow_index(apart)).all()


def test_no_flow_has_no_index() -> None:
    nothing = np.zeros((9, 1))
    assert np.isnan(baseflow_index(nothing)[0])
    assert np.isnan(flashiness(nothing)[0])


def test_scores_are_those_of_the_common_days() -> None:
    observed, simulated = flows(2), flows(3)
    observed[40:50] = np.nan
    scores = score(simulated, observed, ["bfi_error", "flashiness_error"])
    simulated[40:50] = np.nan
    ratio = flashiness(simulated) / flashiness(observed)
    np.testing.assert_allclose(scores["flashiness_error"], 100 * (ratio - 1))
    np.testing.assert_allclose(
        scores["bfi_error"], baseflow_index(simulated) - baseflow_index(observed)
    )
