from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.assimilation.observation import Observation
from bmi_dmx.assimilation.scores import (
    crps,
    divergence_rate,
    flatness,
    innovation_consistency,
    rank_histogram,
    rmse,
    spread,
    spread_skill,
)
from bmi_dmx.errors import DataError


def test_the_error_is_over_entries_and_leaves_gaps_out() -> None:
    estimate = np.array([[1.0, 2.0, 5.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    truth = np.array([[1.0, 4.0, np.nan], [3.0, 0.0, 0.0], [np.nan] * 3])
    errors = rmse(estimate, truth)
    assert errors[:2].tolist() == pytest.approx([np.sqrt(2.0), np.sqrt(3.0)])
    assert np.isnan(errors[2])


def test_spread_accounts_for_the_finite_ensemble() -> None:
    ensemble = np.array([[0.0, 1.0], [2.0, 5.0]])
    # Variances of two members are 2 and 8.
    assert spread(ensemble) == pytest.approx(np.sqrt(5.0 * 1.5))
    with pytest.raises(DataError, match="spread: expected at least 2 members, found 1"):
        spread(ensemble[:1])


def reliable(
    members: int, times: int, seed: int = 0, factor: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return members and truths of the same distribution, whose width changes."""
    rng = np.random.default_rng(seed)
    width = rng.uniform(0.5, 3.0, (times, 1, 3))
    middle = rng.standard_normal((times, 1, 3))
    both = middle + width * rng.standard_normal((times, members + 1, 3))
    truth = both[:, 0]
    ensemble = both[:, 1:]
    mean = ensemble.mean(1, keepdims=True)
    return mean + factor * (ensemble - mean), truth


@pytest.mark.parametrize("members", [3, 20])
def test_spread_equals_error_where_truth_is_like_a_member(members: int) -> None:
    ensemble, truth = reliable(members, 20_000)
    skill = spread_skill(ensemble, truth, classes=5)
    assert skill.ratio == pytest.approx(1.0, abs=0.02)
    assert (np.diff(skill.spread) > 0).all()
    if members == 20:
        # Many members know when they are good.
        np.testing.assert_allclose(skill.error, skill.spread, rtol=0.12)
    narrow, _ = reliable(members, 20_000, factor=0.5)
    assert spread_skill(narrow, truth).ratio == pytest.approx(0.5, abs=0.02)


def test_classes_of_spread_need_values() -> None:
    ensemble, truth = reliable(3, 2)
    with pytest.raises(DataError, match=r"expected at least 10 values.*found 6"):
        spread_skill(ensemble, truth)


@given(members=st.integers(2, 9), seed=st.integers(0, 99))
def test_the_fair_crps_is_its_double_sum(members: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ensemble = rng.standard_normal((3, members, 2))
    truth = rng.standard_normal((3, 2))
    pairs = np.abs(ensemble[:, :, None] - ensemble[:, None]).sum((1, 2))
    expected = np.abs(ensemble - truth[:, None]).mean(1)
    expected -= pairs / (2 * members * (members - 1))
    np.testing.assert_allclose(crps(ensemble, truth), expected, atol=1e-13)


def test_the_fair_crps_does_not_depend_on_the_number_of_members() -> None:
    scores = [crps(*reliable(m, 60_000, seed=m)).mean() for m in (2, 10)]
    assert scores[0] == pytest.approx(scores[1], rel=0.02)
    # Of a normal distribution that is known, σ/√π on average.
    assert scores[1] == pytest.approx(1.75 / np.sqrt(np.pi), rel=0.02)


def test_the_crps_of_one_member_is_its_error() -> None:
    scores = crps(np.array([[1.0, 2.0]]), np.array([3.0, np.nan]))
    assert scores[0] == 2.0
    assert np.isnan(scores[1])


def test_ranks_of_a_reliable_ensemble_are_flat() -> None:
    rng = np.random.default_rng(0)
    ensemble, truth = reliable(5, 3000)
    counts = rank_histogram(ensemble, truth, rng)
    assert counts.sum() == 9000
    assert flatness(counts) < 3.0
    narrow, _ = reliable(5, 3000, factor=0.5)
    outside = rank_histogram(narrow, truth, rng)
    assert outside[0] + outside[-1] > 1.3 * (counts[0] + counts[-1])
    assert flatness(outside) > 50.0


def test_ranks_count_members_below() -> None:
    ensemble = np.array([[1.0], [2.0], [3.0]])
    rng = np.random.default_rng(0)
    for value, rank in ((0.0, 0), (1.5, 1), (2.5, 2), (9.0, 3)):
        counts = rank_histogram(ensemble, np.array([value]), rng)
        assert counts.tolist() == np.eye(4, dtype=int)[rank].tolist()
    assert rank_histogram(ensemble, np.array([np.nan]), rng).sum() == 0


def test_ranks_among_equals_are_drawn() -> None:
    # As many dry members as wet ones: zero is equal to three of them.
    ensemble = np.tile(np.array([[0.0], [0.0], [0.0], [1.0]]), (8000, 1, 1))
    counts = rank_histogram(ensemble, np.zeros((8000, 1)), np.random.default_rng(0))
    assert counts[4] == 0
    np.testing.assert_allclose(counts[:4] / 8000, 0.25, atol=0.02)


def test_flatness_is_the_known_statistic() -> None:
    assert flatness(np.array([10, 10, 10])) == 0.0
    assert flatness(np.array([14, 10, 6])) == pytest.approx((16 + 16) / 10 / 2)
    with pytest.raises(DataError, match="flatness: expected counts"):
        flatness(np.zeros(3))


def test_innovations_of_known_covariances_are_consistent() -> None:
    rng = np.random.default_rng(0)
    members, cases, observed = 400, 3000, 3
    mixing = rng.standard_normal((2, observed))
    predicted = rng.standard_normal((cases, members, 2)) @ mixing
    error = np.array([0.5, 1.0, 2.0])
    truth = rng.standard_normal((cases, 2)) @ mixing
    value = truth + error * rng.standard_normal((cases, observed))
    value[::2, 1] = np.nan
    consistency = innovation_consistency(predicted, Observation(value, error))
    assert consistency.mean() == pytest.approx(1.0, abs=0.04)
    twice = innovation_consistency(predicted, Observation(value, 0.5 * error))
    assert twice.mean() > 1.5


def test_innovations_are_weighed_by_their_covariance() -> None:
    predicted = np.array([[1.0, 0.0], [3.0, 4.0]])
    observation = Observation(np.array([5.0, 5.0]), np.array([1.0, 3.0]))
    matrix = np.cov(predicted, rowvar=False) + np.diag([1.0, 9.0])
    d = np.array([3.0, 3.0])
    expected = d @ np.linalg.inv(matrix) @ d / 2
    assert innovation_consistency(predicted, observation) == pytest.approx(expected)
    blank = Observation(np.full(2, np.nan), np.ones(2))
    assert np.isnan(innovation_consistency(predicted, blank))


def test_a_run_has_diverged_when_it_is_lost_for_long() -> None:
    errors = np.full((4, 1000), 0.3)
    errors[1, :10] = 5.0
    errors[2, :11] = 5.0
    errors[3, 500:] = np.nan
    assert divergence_rate(errors) == 0.5
