from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.assimilation.leads import (
    by_lead,
    damped_anomaly,
    error_curve,
    persistence,
)
from bmi_dmx.errors import DataError


def red_noise(share: float, times: int = 20_000) -> np.ndarray:
    rng = np.random.default_rng(0)
    series = np.zeros((times, 2))
    for k in range(1, times):
        series[k] = share * series[k - 1] + rng.standard_normal(2)
    return series


def test_a_series_is_arranged_by_start_and_lead() -> None:
    series = np.arange(6.0)
    assert by_lead(series, 2).tolist() == [[1, 2], [2, 3], [3, 4], [4, 5]]
    for leads in (0, 6):
        with pytest.raises(DataError, match=f"expected 1 to 5 for 6.*found {leads}"):
            by_lead(series, leads)


def test_a_perfect_forecast_has_no_error_and_gaps_do_not_count() -> None:
    series = red_noise(0.5, 50)
    forecast = by_lead(series, 3).copy()
    assert error_curve(forecast, series).tolist() == [[0.0, 0.0]] * 3
    forecast[:, 1] += 2.0
    forecast[::2, 2] = np.nan
    series[7, 0] = np.nan
    np.testing.assert_allclose(error_curve(forecast, series)[:, 0], [0.0, 2.0, 0.0])
    forecast[:, 2] = np.nan
    assert np.isnan(error_curve(forecast, series)[2]).all()


def test_errors_of_persistence_are_those_of_red_noise() -> None:
    # Var(x(t+k) − x(t)) = 2(1 − ρᵏ)/(1 − ρ²).
    series = red_noise(0.8)
    errors = error_curve(persistence(series, 4), series).mean(1)
    expected = np.sqrt(2 * (1 - 0.8 ** np.arange(1, 5)) / (1 - 0.64))
    np.testing.assert_allclose(errors, expected, rtol=0.03)


def test_damped_anomalies_are_the_best_of_red_noise() -> None:
    climatology = 10.0 + 3.0 * np.sin(np.arange(20_000) / 50)[:, None] * np.ones(2)
    series = climatology + red_noise(0.8)
    forecast = damped_anomaly(series, climatology, 4, slice(0, 10_000))
    errors = error_curve(forecast, series).mean(1)
    expected = np.sqrt((1 - 0.8 ** (2 * np.arange(1, 5))) / (1 - 0.64))
    np.testing.assert_allclose(errors, expected, rtol=0.03)


def test_a_damped_anomaly_is_unknown_where_the_last_observation_is() -> None:
    series = red_noise(0.8, 100)
    series[10] = np.nan
    forecast = damped_anomaly(series, np.zeros_like(series), 2, slice(None))
    assert np.isnan(forecast[10]).all()
    assert np.isfinite(np.delete(forecast, 10, axis=0)).all()
