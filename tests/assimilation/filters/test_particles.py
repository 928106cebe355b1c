from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.assimilation.filters.particles import ParticleFilter
from bmi_dmx.assimilation.observation import Observation
from bmi_dmx.errors import ConfigError
from tests.assimilation.problems import Array, problem


class Fixed(np.random.Generator):
    """Starts of the systematic part that are always the same."""

    def __init__(self, start: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.start = start

    def random(self, size: object = None, *_: object, **__: object) -> Array:
        return np.full(size, self.start)


def weights(ensemble: Array, observation: Observation) -> Array:
    misfit = ((observation.value - ensemble) / observation.error) ** 2
    weight = np.exp(-0.5 * misfit.sum(-1))
    return weight / weight.sum()


@pytest.mark.parametrize("start", [0.0, 0.5, 0.999])
def test_members_are_copied_as_often_as_they_weigh(start: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        ensemble = rng.standard_normal((12, 2))
        observation = Observation(rng.standard_normal(2), np.array([0.5, 1.0]))
        analysis = ParticleFilter(jitter=0.0).analyse(
            ensemble, ensemble, observation, generator=Fixed(start)
        )
        copies = np.array([(analysis == x).all(-1).sum() for x in ensemble])
        expected = 12 * weights(ensemble, observation)
        assert copies.sum() == 12
        assert (copies >= np.floor(expected)).all()
        # Of the rests no more than one each, but for the steps of the systematic part.
        assert (copies <= np.floor(expected) + 2).all()


def test_members_are_copied_by_their_weight_on_average() -> None:
    rng = np.random.default_rng(1)
    ensemble = rng.standard_normal((5, 1))
    observation = Observation(np.array([0.7]), np.array([0.8]))
    many = np.broadcast_to(ensemble, (20_000, 5, 1))
    wide = Observation(np.full((20_000, 1), 0.7), np.full((20_000, 1), 0.8))
    analysis = ParticleFilter(jitter=0.0).analyse(many, many, wide, generator=rng)
    share = [(analysis == x).mean() for x in ensemble]
    np.testing.assert_allclose(share, weights(ensemble, observation), atol=0.005)


def test_many_particles_are_the_posterior() -> None:
    rng = np.random.default_rng(2)
    ensemble = 1.0 + 2.0 * rng.standard_normal((40_000, 1))
    observation = Observation(np.array([4.0]), np.array([1.0]))
    for jitter in (0.0, 0.5):
        analysis = ParticleFilter(jitter).analyse(
            ensemble, ensemble, observation, generator=rng
        )
        # Of two normal distributions: variances 4 and 1.
        assert analysis.mean() == pytest.approx(1.0 + 0.8 * 3.0, abs=0.03)
        assert analysis.var() == pytest.approx(0.8, abs=0.04)


def test_copies_are_moved_apart_and_the_first_of_each_stays() -> None:
    p = problem(members=30)
    plain = ParticleFilter(0.0).analyse(*p.arguments, generator=Fixed(0.5))
    analysis = ParticleFilter(0.7).analyse(*p.arguments, generator=Fixed(0.5))
    first = np.r_[True, (np.diff(plain, axis=0) != 0).any(-1)]
    assert np.array_equal(analysis[first], plain[first])
    assert not np.isclose(analysis[~first], plain[~first]).any()
    assert len(np.unique(analysis[:, 0])) == 30
    assert 1 < first.sum() < 30


def test_problems_side_by_side_are_each_resampled_alone() -> None:
    p = problem((2, 3), members=9)
    analysis = ParticleFilter(0.0).analyse(*p.arguments, generator=Fixed(0.3))
    for at in np.ndindex(2, 3):
        observation = Observation(p.observation.value[at], p.observation.error[at])
        alone = ParticleFilter(0.0).analyse(
            p.ensemble[at], p.predicted[at], observation, generator=Fixed(0.3)
        )
        assert np.array_equal(analysis[at], alone)


def test_what_is_missing_weighs_nothing() -> None:
    p = problem((3,))
    value = p.observation.value.copy()
    value[0], value[1, 2] = np.nan, np.nan
    observation = Observation(value, p.observation.error)
    scheme = ParticleFilter(0.0)
    analysis = scheme.analyse(
        p.ensemble, p.predicted, observation, generator=Fixed(0.4)
    )
    assert np.array_equal(analysis[0], p.ensemble[0])
    fewer = Observation(value[1:, :2], p.observation.error[1:, :2])
    expected = scheme.analyse(
        p.ensemble[1:], p.predicted[1:, :, :2], fewer, generator=Fixed(0.4)
    )
    assert np.array_equal(analysis[1], expected[0])


def test_an_observation_far_from_all_leaves_the_nearest() -> None:
    ensemble = np.array([[0.0], [1.0], [2.0]])
    observation = Observation(np.array([1e6]), np.array([1e-3]))
    analysis = ParticleFilter(0.0).analyse(
        ensemble, ensemble, observation, generator=Fixed(0.5)
    )
    assert analysis.tolist() == [[2.0], [2.0], [2.0]]


def test_there_is_no_local_form() -> None:
    p = problem()
    with pytest.raises(ConfigError, match="ParticleFilter: taper"):
        ParticleFilter().analyse(
            *p.arguments, taper=np.ones((5, 3)), generator=Fixed(0.5)
        )
