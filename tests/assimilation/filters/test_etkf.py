from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.assimilation.filters import etkf
from bmi_dmx.assimilation.filters.etkf import Etkf, Letkf
from bmi_dmx.assimilation.localisation import on_ring, taper
from bmi_dmx.assimilation.observation import Observation
from tests.assimilation.problems import covariance, kalman, problem


@given(
    members=st.integers(2, 12), entries=st.integers(1, 6), observed=st.integers(1, 8),
    seed=st.integers(0, 50),
)  # fmt: skip
def test_mean_and_covariance_are_those_of_kalman(
    members: int, entries: int, observed: int, seed: int
) -> None:
    p = problem((), members, entries, observed, seed)
    analysis = Etkf().analyse(*p.arguments)
    prior = np.atleast_2d(covariance(p.ensemble))
    mean, after = kalman(p.ensemble.mean(0), prior, p.operator, p.observation)
    np.testing.assert_allclose(analysis.mean(0), mean, rtol=1e-10, atol=1e-10)
    scale = np.abs(prior).max()
    np.testing.assert_allclose(
        covariance(analysis), after.squeeze(), atol=1e-10 * scale
    )


@pytest.mark.parametrize("rotate", [False, True])
def test_a_linear_system_is_filtered_as_by_kalman(rotate: bool) -> None:
    rng = np.random.default_rng(5)
    entries, observed, members = 4, 2, 9
    turn, _ = np.linalg.qr(rng.standard_normal((entries, entries)))
    model = 1.02 * turn
    operator = rng.standard_normal((observed, entries))
    ensemble = rng.standard_normal((members, entries))
    mean, matrix = ensemble.mean(0), covariance(ensemble)
    for _ in range(30):
        ensemble = ensemble @ model.T
        mean, matrix = model @ mean, model @ matrix @ model.T
        value = rng.standard_normal(observed)
        observation = Observation(value, np.array([0.7, 1.3]))
        ensemble = Etkf(rotate).analyse(
            ensemble, ensemble @ operator.T, observation, generator=rng
        )
        mean, matrix = kalman(mean, matrix, operator, observation)
        np.testing.assert_allclose(ensemble.mean(0), mean, atol=1e-10)
        np.testing.assert_allclose(covariance(ensemble), matrix, atol=1e-10)


def test_the_root_is_the_symmetric_one() -> None:
    # Of all roots it moves members least: T = (I + SSᵀ)^(-1/2).
    p = problem(members=4, entries=6, observed=9)
    analysis = Etkf().analyse(*p.arguments)
    anomalies = p.ensemble - p.ensemble.mean(0)
    scaled = anomalies @ p.operator.T / p.observation.error / np.sqrt(3)
    value, vector = np.linalg.eigh(np.eye(4) + scaled @ scaled.T)
    root = vector @ np.diag(value**-0.5) @ vector.T
    np.testing.assert_allclose(
        analysis - analysis.mean(0), root @ anomalies, atol=1e-12
    )


@pytest.mark.parametrize("shape", [(), (3,)])
@pytest.mark.parametrize(("entries", "observed"), [(6, 4), (40, 40), (60, 90)])
def test_the_local_kernel_is_the_analysis_by_eigenvectors(
    shape: tuple[int, ...], entries: int, observed: int
) -> None:
    p = problem(shape, 7, entries, observed)
    points = np.arange(entries) / entries
    weights = taper(on_ring(points, np.arange(observed) / observed, 1.0), 0.06)
    analysis = Letkf().analyse(*p.arguments, taper=weights)
    expected = Etkf().analyse(*p.arguments, taper=weights)
    np.testing.assert_allclose(analysis, expected, rtol=1e-11, atol=1e-11)


def test_without_a_kernel_the_local_filter_takes_eigenvectors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    p = problem((2,), 7)
    weights = np.ones((5, 3))
    monkeypatch.setattr(etkf, "applied_roots", lambda *_: None)
    analysis = Letkf().analyse(*p.arguments, taper=weights)
    expected = Etkf().analyse(*p.arguments, taper=weights)
    assert np.array_equal(analysis, expected)


def test_problems_without_an_observation_are_not_turned() -> None:
    p = problem((2,))
    value = p.observation.value.copy()
    value[0] = np.nan
    analysis = Etkf(rotate=True).analyse(
        p.ensemble, p.predicted, Observation(value, p.observation.error),
        generator=np.random.default_rng(0),
    )  # fmt: skip
    assert np.array_equal(analysis[0], p.ensemble[0])
    assert not np.allclose(analysis[1], Etkf().analyse(*p.arguments)[1])
