from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.assimilation.filters.enkf import DEnkf, Enkf
from tests.assimilation.problems import covariance, kalman, problem


@pytest.mark.parametrize("observed", [1, 3, 12])
@pytest.mark.parametrize("members", [2, 7])
def test_the_mean_is_that_of_kalman(members: int, observed: int) -> None:
    p = problem((), members, 5, observed)
    mean, _ = kalman(
        p.ensemble.mean(0), covariance(p.ensemble), p.operator, p.observation
    )
    for scheme in (Enkf(), DEnkf()):
        # Perturbations are centred, and leave the mean alone.
        analysis = scheme.analyse(*p.arguments, generator=np.random.default_rng(1))
        np.testing.assert_allclose(analysis.mean(0), mean, rtol=1e-10, atol=1e-10)


def test_the_covariance_of_many_members_is_that_of_kalman() -> None:
    p = problem((), 40_000)
    prior = covariance(p.ensemble)
    _, after = kalman(p.ensemble.mean(0), prior, p.operator, p.observation)
    analysis = Enkf().analyse(*p.arguments, generator=np.random.default_rng(1))
    # Random errors of covariances fall as the root of the number of members.
    tolerance = 4 * np.abs(prior).max() / np.sqrt(40_000)
    np.testing.assert_allclose(covariance(analysis), after, atol=tolerance)


def test_members_differ_from_those_of_perturbed_observations_by_rounding() -> None:
    p = problem((), 6)
    rng = np.random.default_rng(1)
    drawn = rng.standard_normal((3, 6))
    noise = (drawn - drawn.mean(1, keepdims=True)).T * p.observation.error
    prior = covariance(p.ensemble)
    inner = p.operator @ prior @ p.operator.T + np.diag(p.observation.error**2)
    gain = prior @ p.operator.T @ np.linalg.inv(inner)
    expected = p.ensemble + (p.observation.value + noise - p.predicted) @ gain.T
    analysis = Enkf().analyse(*p.arguments, generator=np.random.default_rng(1))
    np.testing.assert_allclose(analysis, expected, atol=1e-10)


def test_half_the_gain_makes_the_deterministic_covariance() -> None:
    p = problem((), 9)
    prior = covariance(p.ensemble)
    inner = p.operator @ prior @ p.operator.T + np.diag(p.observation.error**2)
    half = np.eye(5) - 0.5 * prior @ p.operator.T @ np.linalg.inv(inner) @ p.operator
    analysis = DEnkf().analyse(*p.arguments)
    np.testing.assert_allclose(covariance(analysis), half @ prior @ half.T, atol=1e-10)
