"""Water on its way, at steps of another length."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.models.hydrology.transit import shares

LENGTHS = st.integers(1, 40)
RATIOS = st.sampled_from([24.0, 8.0, 1.0, 1.0 / 24.0, 1.0 / 8.0, 1.5])


@given(before=LENGTHS, after=LENGTHS, ratio=RATIOS)
def test_nothing_is_lost(before: int, after: int, ratio: float) -> None:
    share = shares(before, after, ratio)
    assert (share >= 0.0).all()
    np.testing.assert_allclose(share.sum(axis=0), 1.0, rtol=1e-12)


@given(steps=LENGTHS, ratio=st.sampled_from([2, 8, 24]))
def test_days_are_the_sum_of_their_hours(steps: int, ratio: int) -> None:
    spread = shares(steps, steps * ratio, float(ratio))
    gathered = shares(steps * ratio, steps, 1.0 / ratio)
    np.testing.assert_allclose(gathered @ spread, np.eye(steps), atol=1e-12)


def test_what_leaves_in_a_step_leaves_evenly_through_it() -> None:
    np.testing.assert_allclose(
        shares(2, 6, 2.0) @ [1.0, 3.0], [0.5, 0.5, 1.5, 1.5, 0.0, 0.0]
    )


def test_what_would_leave_later_leaves_with_the_last() -> None:
    np.testing.assert_allclose(shares(3, 2, 1.0) @ [1.0, 2.0, 4.0], [1.0, 6.0])
