from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.assimilation.filters.static import Interpolation, Nudging
from bmi_dmx.assimilation.observation import Observation
from bmi_dmx.errors import ConfigError, DataError
from tests.assimilation.problems import kalman, problem


@pytest.mark.parametrize("members", [1, 4])
def test_every_member_is_a_background_with_the_same_gain(members: int) -> None:
    p = problem(members=members)
    root = np.random.default_rng(1).standard_normal((5, 5))
    background = root @ root.T
    analysis = Interpolation(background, p.operator).analyse(*p.arguments)
    for after, before in zip(analysis, p.ensemble, strict=True):
        mean, _ = kalman(before, background, p.operator, p.observation)
        np.testing.assert_allclose(after, mean, atol=1e-10)


def test_a_taper_multiplies_the_covariance_with_observations() -> None:
    p = problem(members=1)
    taper = np.zeros((5, 3))
    taper[1], taper[2] = 1.0, 0.5
    background = np.eye(5)
    scheme = Interpolation(background, p.operator)
    whole = scheme.analyse(*p.arguments) - p.ensemble
    increments = scheme.analyse(*p.arguments, taper=taper) - p.ensemble
    assert increments[0, 1] == pytest.approx(whole[0, 1])
    assert increments[0, 2] == pytest.approx(0.5 * whole[0, 2])
    assert increments[0, [0, 3, 4]].tolist() == [0.0, 0.0, 0.0]


def test_matrices_that_do_not_fit_are_refused() -> None:
    p = problem()
    with pytest.raises(DataError, match=r"covariance: expected \(n, n\), found \(5,\)"):
        Interpolation(np.ones(5), p.operator)
    with pytest.raises(DataError, match=r"operator: expected \(p, 5\), found \(5, 3\)"):
        Interpolation(np.eye(5), p.operator.T)
    with pytest.raises(DataError, match=r"operator: expected shape \(3, 5\), found"):
        Interpolation(np.eye(5), p.operator[:2]).analyse(*p.arguments)


def test_nudging_removes_a_share_of_the_difference() -> None:
    ensemble = np.array([[1.0, 2.0, 3.0]])
    observation = Observation(np.array([2.0, np.nan, 1.0]), np.ones(3))
    analysis = Nudging(0.25).analyse(ensemble, ensemble, observation)
    assert analysis.tolist() == [[1.25, 2.0, 2.5]]


def test_a_taper_spreads_the_mean_of_differences_around() -> None:
    ensemble = np.zeros((1, 3))
    predicted = np.zeros((1, 2))
    observation = Observation(np.array([2.0, -1.0]), np.ones(2))
    taper = np.array([[1.0, 0.0], [0.5, 1.0], [0.0, 0.0]])
    analysis = Nudging(0.5).analyse(ensemble, predicted, observation, taper=taper)
    assert analysis[0].tolist() == pytest.approx([1.0, 0.5 * (0.5 * 2 - 1) / 1.5, 0.0])


def test_without_a_taper_the_state_has_to_be_what_is_observed() -> None:
    p = problem()
    with pytest.raises(DataError, match=r"the 5 entries of the state.*found 3"):
        Nudging(0.5).analyse(*p.arguments)


@pytest.mark.parametrize("share", [-0.1, 1.1, np.nan])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="Nudging: share: expected 0 to 1"):
        Nudging(share)
