"""Ranges of flow: scores against plain loops, and what calibration promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.errors import DataError
from bmi_dmx.operate.spread import quantile, standard_deviation
from bmi_dmx.trainer.tasks.streamflow import probability
from bmi_dmx.trainer.tasks.streamflow.probability import (
    LEVELS,
    Range,
    Residuals,
    coverage,
    crps,
    ranks,
)
from bmi_dmx.trainer.tasks.streamflow.weights import best_weights


def looped(values: np.ndarray, observed: np.ndarray, weights: np.ndarray) -> float:
    """Return the score of one place, pair by pair."""
    scores = []
    for x, o in zip(values.T, observed, strict=True):
        if np.isnan(o):
            continue
        error = sum(w * abs(a - o) for w, a in zip(weights, x, strict=True))
        pairs = sum(
            wa * wb * abs(a - b)
            for wa, a in zip(weights, x, strict=True)
            for wb, b in zip(weights, x, strict=True)
        )
        scores.append(error - pairs / 2.0)
    return float(np.mean(scores))


@given(st.integers(1, 7), st.integers(0, 1000))
def test_the_score_is_that_of_a_plain_loop(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.gamma(1.0, 2.0, (count, 15, 2)).round(1)
    observed = rng.gamma(1.0, 2.0, (15, 2)).round(1)
    observed[::4, 0] = np.nan
    weights = rng.uniform(0.1, 1.0, count)
    weights /= weights.sum()
    scores = crps(values, observed, weights)
    for b in range(2):
        expected = looped(values[:, :, b], observed[:, b], weights)
        assert scores[b] == pytest.approx(expected, rel=1e-12, abs=1e-14)


@given(st.integers(2, 7), st.integers(0, 1000))
def test_the_fair_score_counts_pairs_of_different_simulations_alone(
    count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values, observed = rng.gamma(1.0, 2.0, (count, 15, 1)), rng.gamma(1.0, 2.0, (15, 1))
    pairs = [
        np.abs(values[i] - values[j]).mean(axis=0)
        for i in range(count)
        for j in range(count)
        if i != j
    ]
    error = np.abs(values - observed).mean(axis=(0, 1))
    expected = error - np.mean(pairs, axis=0) / 2.0
    np.testing.assert_allclose(crps(values, observed, fair=True), expected)


def test_the_fair_score_does_not_depend_on_how_many_simulations_there_are() -> None:
    rng = np.random.default_rng(4)
    values, observed = rng.random((40, 3000, 1)), rng.random((3000, 1))
    few, many = (crps(values[:n], observed, fair=True)[0] for n in (2, 40))
    assert few == pytest.approx(many, rel=0.03)
    # Of a uniform distribution: 1/3 of error less half of 1/3.
    assert many == pytest.approx(1.0 / 6.0, rel=0.03)
    assert crps(values[:2], observed)[0] > 1.4 * many


def test_of_one_simulation_there_is_no_fair_score() -> None:
    assert np.isnan(crps(np.ones((1, 4, 2)), np.zeros((4, 2)), fair=True)).all()


def test_a_range_is_the_same_however_many_places_are_sorted_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(5)
    values, observed = rng.random((3, 50, 5)), rng.random((50, 5))
    observed[::3, 2] = np.nan
    whole = Range.scored(values, observed, [1, 2, 3], about="x", sample=True)
    monkeypatch.setattr(probability, "_AT_ONCE", 2 * 3 * 50)
    pieces = Range.scored(values, observed, [1, 2, 3], about="x", sample=True)
    for name, scores in whole.scores.items():
        np.testing.assert_array_equal(pieces.scores[name], scores)
    np.testing.assert_array_equal(pieces.ranks, whole.ranks)


def test_of_one_simulation_it_is_the_mean_absolute_error() -> None:
    rng = np.random.default_rng(0)
    x, o = rng.random((1, 50, 3)), rng.random((50, 3))
    np.testing.assert_allclose(crps(x, o), np.abs(x[0] - o).mean(axis=0), rtol=1e-14)


def test_a_place_without_observations_has_no_score() -> None:
    observed = np.full((4, 1), np.nan)
    assert np.isnan(crps(np.ones((2, 4, 1)), observed)).all()


def test_a_reliable_range_covers_its_share_and_has_flat_ranks() -> None:
    rng = np.random.default_rng(1)
    values, observed = rng.random((19, 4000, 1)), rng.random((4000, 1))
    counts = ranks(values, observed)
    assert counts.sum() == 4000
    assert len(counts) == 20
    assert counts.min() > 140
    assert counts.max() < 260
    assert float(coverage(values, observed)[0]) == pytest.approx(0.86, abs=0.05)


def test_equal_values_have_the_middle_rank() -> None:
    assert ranks(np.ones((4, 10, 1)), np.ones((10, 1))).tolist() == [0, 0, 10, 0, 0]


@given(st.integers(0, 1000))
def test_quantiles_with_equal_weights_are_those_of_hazen(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(int(rng.integers(1, 9)), 3)).round(1)
    for share in (0.05, 0.3, 0.5, 0.95):
        expected = np.quantile(x, share, axis=0, method="hazen")
        np.testing.assert_allclose(quantile(x, share), expected, atol=1e-12)


def test_a_value_of_twice_the_weight_counts_as_two_in_the_spread() -> None:
    twice = standard_deviation([[1.0], [4.0], [4.0]])
    np.testing.assert_allclose(standard_deviation([[1.0], [4.0]], [1, 2]), twice)


def test_calibrated_ranges_cover_their_share_of_other_days_in_every_class() -> None:
    rng = np.random.default_rng(2)
    simulated = rng.gamma(1.0, 3.0, (4000, 4)) + 0.05
    observed = simulated * rng.lognormal(0.1, 0.1 + 0.4 / (1.0 + simulated))
    residuals = Residuals.learned(simulated[:2000], observed[:2000])
    values = residuals.around(simulated[2000:])
    covered = coverage(values, observed[2000:])
    np.testing.assert_allclose(covered, 0.9, atol=0.03)
    counts = ranks(values, observed[2000:])
    assert counts[1:-1].max() < 1.3 * counts[1:-1].min()
    assert values.shape == (len(LEVELS), 2000, 4)
    assert (values >= 0.0).all()
    alone = crps(simulated[None, 2000:], observed[2000:])
    assert (crps(values, observed[2000:]) < alone).all()


def test_too_few_days_to_learn_errors_from_are_refused() -> None:
    with pytest.raises(DataError, match="class 1 of 10"):
        Residuals.learned(np.random.default_rng(0).random((30, 1)), np.ones((30, 1)))


@given(st.integers(0, 200))
def test_weights_are_the_best_on_the_simplex(seed: int) -> None:
    rng = np.random.default_rng(seed)
    observed = rng.gamma(1.0, 2.0, (60, 3))
    observed[::7] = np.nan
    simulated = np.nan_to_num(observed) + rng.normal(0.0, 1.0, (3, 60, 3))
    optimum = best_weights(simulated, observed)

    def loss(weights: np.ndarray) -> float:
        error = (np.tensordot(weights, simulated, 1) - observed) ** 2
        return float((np.nanmean(error, 0) / np.nanvar(observed, 0)).mean())

    assert optimum.sum() == pytest.approx(1.0)
    assert (optimum >= 0.0).all()
    best = loss(optimum)
    for other in rng.dirichlet(np.ones(3), 50):
        assert best <= loss(other) + 1e-9


def test_a_model_that_is_right_gets_all_the_weight() -> None:
    observed = np.random.default_rng(0).random((50, 2))
    optimum = best_weights(np.stack([observed + 1.0, observed]), observed)
    np.testing.assert_allclose(optimum, [0.0, 1.0], atol=1e-9)


def test_weights_need_observations_that_vary() -> None:
    with pytest.raises(DataError, match="no place has observations"):
        best_weights(np.ones((2, 9, 1)), np.full((9, 1), np.nan))
