from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.assimilation.error_model import Autoregression
from bmi_dmx.errors import DataError


def test_the_share_of_red_noise_is_found_in_spite_of_gaps() -> None:
    rng = np.random.default_rng(0)
    share = np.array([0.9, 0.3, -0.5])
    errors = np.zeros((20_000, 3))
    for k in range(1, len(errors)):
        errors[k] = share * errors[k - 1] + rng.standard_normal(3)
    errors[rng.random(errors.shape) < 0.5] = np.nan
    estimate = Autoregression.fitted(errors).share
    np.testing.assert_allclose(estimate, share, atol=0.03)


def test_the_share_is_that_of_least_squares() -> None:
    estimate = Autoregression.fitted(np.array([1.0, 2.0, np.nan, 3.0, -1.0])).share
    assert estimate == pytest.approx((1 * 2 + 3 * -1) / (1 + 9))


def test_nothing_known_is_no_share_and_growth_is_none() -> None:
    errors = np.array([[np.nan, 1.0], [1.0, 2.0], [np.nan, 4.0]])
    assert Autoregression.fitted(errors).share.tolist() == [0.0, 1.0]


def test_a_correction_decays_with_lead_and_age() -> None:
    forecast = np.zeros((3, 2))
    error = np.array([8.0, np.nan])
    correction = Autoregression(np.array([0.5, 0.5])).corrected(forecast, error)
    assert correction.tolist() == [[4.0, 0.0], [2.0, 0.0], [1.0, 0.0]]
    older = Autoregression(0.5).corrected(forecast, error, age=np.array([1, 0]))
    assert older[:, 0].tolist() == [2.0, 1.0, 0.5]
    assert correction.dtype == np.float64
    single = Autoregression(0.5).corrected(forecast.astype(np.float32), error)
    assert single.dtype == np.float32


@pytest.mark.parametrize("share", [1.1, np.nan, np.array([0.5, -2.0])])
def test_shares_that_are_none_are_refused(share: object) -> None:
    with pytest.raises(DataError, match="share: expected -1 to 1"):
        Autoregression(share)
