from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.assimilation.observation import Observation, limited, screened
from bmi_dmx.errors import DataError


def test_an_error_is_broadcast_to_all_values() -> None:
    observation = Observation(np.zeros((2, 3)), np.float64(0.5))
    assert observation.error.shape == (2, 3)
    assert observation.valid.all()


def test_a_missing_value_needs_no_error() -> None:
    observation = Observation(np.array([1.0, np.nan]), np.array([1.0, np.nan]))
    assert observation.valid.tolist() == [True, False]


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_an_error_that_is_none_is_refused_with_its_place(bad: float) -> None:
    with pytest.raises(DataError, match=r"error: found .* at \(1,\), expected a pos"):
        Observation(np.ones(2), np.array([1.0, bad]))


def test_an_infinite_value_is_refused() -> None:
    with pytest.raises(DataError, match=r"value: found inf at \(0, 1\)"):
        Observation(np.array([[1.0, np.inf]]), np.ones((1, 2)))


def test_errors_of_another_shape_are_refused() -> None:
    with pytest.raises(DataError, match=r"error: expected shape \(3,\).*found \(2,\)"):
        Observation(np.zeros(3), np.ones(2))


def test_what_is_too_far_from_the_forecast_is_left_out() -> None:
    # Members spread by 3 and errors of 4 make a standard deviation of 5.
    predicted = np.array([[-1.0], [1.0]]) * np.sqrt(9.0 / 2.0) * np.ones((2, 3))
    observation = Observation(np.array([19.9, 20.1, -20.1]), np.full(3, 4.0))
    usable = screened(observation, predicted, limit=4.0)
    assert usable.valid.tolist() == [True, False, False]
    assert usable.value[0] == 19.9
    assert (usable.error == 4.0).all()


def test_a_single_member_is_screened_by_the_error_alone() -> None:
    usable = screened(Observation(np.array([3.9, 4.1]), np.ones(2)), np.zeros((1, 2)))
    assert usable.valid.tolist() == [True, False]


def test_screening_leaves_missing_values_missing() -> None:
    observation = Observation(np.array([np.nan, 0.0]), np.array([np.nan, 1.0]))
    assert screened(observation, np.zeros((3, 2))).valid.tolist() == [False, True]


def test_what_is_far_away_counts_as_much_as_what_is_at_the_limit() -> None:
    # Members of standard deviation 3 about 10, errors of 4: five is the unit.
    predicted = np.array([[7.0, 7.0, 7.0, 7.0], [10.0] * 4, [13.0] * 4])
    observation = Observation(np.array([24.9, 99.0, -80.0, np.nan]), np.full(4, 4.0))
    near = limited(observation, predicted, [3.0] * 4)
    np.testing.assert_allclose(near.value, [24.9, 25.0, -5.0, np.nan])
    assert near.value[0] == 24.9
    one = limited(observation, predicted, [None, 1.0, None, 2.0])
    np.testing.assert_allclose(one.value, [24.9, 15.0, -80.0, np.nan])
    assert limited(observation, predicted, [None] * 4) is observation
