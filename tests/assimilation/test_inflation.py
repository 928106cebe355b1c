from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.assimilation.inflation import inflated, rtpp, rtps


def ensembles(dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    forecast = 5.0 + 2.0 * rng.standard_normal((3, 7, 4))
    return (forecast + 1.0).astype(dtype) * 0.5, forecast.astype(dtype)


def anomalies(ensemble: np.ndarray) -> np.ndarray:
    return ensemble - ensemble.mean(-2, keepdims=True)


def test_inflation_keeps_the_mean_and_multiplies_the_spread() -> None:
    analysis, _ = ensembles()
    wider = inflated(analysis, 1.3)
    np.testing.assert_allclose(wider.mean(-2), analysis.mean(-2), rtol=1e-14)
    np.testing.assert_allclose(wider.std(-2), 1.3 * analysis.std(-2), rtol=1e-13)


def test_problems_may_be_inflated_each_by_its_own_factor() -> None:
    analysis, _ = ensembles()
    wider = inflated(analysis, np.array([1.0, 1.1, 1.2])[:, None, None])
    for k, factor in enumerate((1.0, 1.1, 1.2)):
        np.testing.assert_array_equal(wider[k], inflated(analysis[k], factor))


def test_relaxed_perturbations_are_a_mean_of_both() -> None:
    analysis, forecast = ensembles()
    mixed = rtpp(analysis, forecast, 0.3)
    expected = 0.7 * anomalies(analysis) + 0.3 * anomalies(forecast)
    np.testing.assert_allclose(anomalies(mixed), expected, atol=1e-14)
    np.testing.assert_allclose(mixed.mean(-2), analysis.mean(-2), rtol=1e-14)


def test_relaxed_spread_is_a_mean_of_both() -> None:
    analysis, forecast = ensembles()
    relaxed = rtps(analysis, forecast, 0.4)
    expected = 0.6 * analysis.std(-2) + 0.4 * forecast.std(-2)
    np.testing.assert_allclose(relaxed.std(-2), expected, rtol=1e-13)
    # Anomalies keep their pattern.
    ratio = anomalies(relaxed) / anomalies(analysis)
    np.testing.assert_allclose(ratio, ratio[:, :1].repeat(7, axis=1), rtol=1e-10)


@pytest.mark.parametrize("relax", [rtpp, rtps])
def test_no_relaxation_changes_nothing(relax: object) -> None:
    analysis, forecast = ensembles()
    np.testing.assert_allclose(relax(analysis, forecast, 0.0), analysis, rtol=1e-14)


def test_an_entry_without_spread_stays_as_it_is() -> None:
    analysis, forecast = ensembles()
    analysis[:, :, 2] = 1.5
    np.testing.assert_array_equal(rtps(analysis, forecast, 0.9)[..., 2], 1.5)


@pytest.mark.parametrize("share", [0.5, np.full((3, 1, 1), 0.5)])
def test_the_type_of_the_ensemble_is_kept(share: object) -> None:
    analysis, forecast = ensembles(np.float32)
    for result in (
        inflated(analysis, share),
        rtpp(analysis, forecast, share),
        rtps(analysis, forecast, share),
    ):
        assert result.dtype == np.float32
