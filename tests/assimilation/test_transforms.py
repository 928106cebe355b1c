"""What comes back from the scales of states is within their bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.assimilation.operation.stores import scale_of
from bmi_dmx.assimilation.transforms import Identity, Log1p, Share
from bmi_dmx.variables import State

finite = st.floats(-1e300, 1e300)


@given(scaled=finite, capacity=st.floats(0.0, 1e4))
def test_shares_stay_within_the_capacity(scaled: float, capacity: float) -> None:
    back = Share().backward(np.array([scaled]), np.array([capacity]))
    assert 0.0 <= back[0] <= capacity


@given(scaled=finite)
def test_logarithms_stay_above_nothing(scaled: float) -> None:
    assert 0.0 <= Log1p(1e6).backward(np.array([scaled]), None)[0] <= 1e6
    assert -1.0 <= Identity(-1.0, 2.0).backward(np.array([scaled]), None)[0] <= 2.0


@given(share=st.floats(0.0, 1.0), capacity=st.floats(1e-3, 1e4))
def test_there_and_back_is_the_same(share: float, capacity: float) -> None:
    values, whole = np.array([share * capacity]), np.array([capacity])
    for scale in (Share(), Log1p(), Identity()):
        back = scale.backward(scale.forward(values, whole), whole)
        np.testing.assert_allclose(back, values, rtol=1e-10, atol=1e-10 * capacity)


def test_scales_are_those_of_the_formulas() -> None:
    values, whole = np.array([0.0, 25.0, 100.0]), np.array([100.0])
    np.testing.assert_allclose(
        Log1p().forward(values, None), np.log([1.0, 26.0, 101.0])
    )
    share = (values / 100.0 + 1e-3) / 1.002
    np.testing.assert_allclose(
        Share().forward(values, whole), np.log(share / (1.0 - share))
    )


def test_without_a_capacity_there_is_nothing() -> None:
    scaled = Share().forward(np.zeros(2), np.zeros(2))
    assert np.isfinite(scaled).all()
    assert Share().backward(scaled + 3.0, np.zeros(2)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("bounds", "limited", "expected"),
    [
        (None, False, Identity()),
        ((0.0, 9.0), False, Log1p(9.0)),
        ((-1.0, 9.0), False, Identity(-1.0, 9.0)),
        ((0.0, 9.0), True, Share()),
    ],
)
def test_bounds_decide_on_the_scale(
    bounds: tuple[float, float] | None, limited: bool, expected: object
) -> None:
    assert scale_of(State(name="x", bounds=bounds), limited) == expected
