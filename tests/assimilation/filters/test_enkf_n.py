from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.assimilation.filters.enkf_n import EnkfN, finite_size
from bmi_dmx.assimilation.filters.etkf import Etkf
from bmi_dmx.assimilation.filters.spectrum import Spectrum
from bmi_dmx.assimilation.inflation import inflated
from tests.assimilation.problems import Array, Problem, problem


def stretch(p: Problem, hyperprior: float) -> Array:
    """Return the factor of the anomalies, by the filter."""
    members = p.ensemble.shape[-2]
    anomalies = p.predicted - p.predicted.mean(-2, keepdims=True)
    scaled = anomalies / p.observation.error[..., None, :] / np.sqrt(members - 1)
    innovation = p.observation.value - p.predicted.mean(-2)
    innovation = innovation / p.observation.error / np.sqrt(members - 1)
    return EnkfN(hyperprior=hyperprior).stretch(
        Spectrum.of(scaled, innovation), members
    )


def by_force(p: Problem, hyperprior: float) -> float:
    """Return the factor by trying very many, from the singular values as published."""
    m = p.ensemble.shape[0]
    anomalies = (p.predicted - p.predicted.mean(0)) / p.observation.error
    _, s, across = np.linalg.svd(anomalies, full_matrices=False)
    significant = s > 1e-6 * s[0]
    s, across = s[significant], across[significant]
    d = across @ ((p.observation.value - p.predicted.mean(0)) / p.observation.error)
    e, c = (m + 1) / m, m / (m - 1)
    padded = np.zeros(m)
    padded[: len(s)] = s
    mean = np.mean((m - 1) / (padded**2 + m - 1))
    kappa = np.sqrt((e / c) ** mean)
    e, c = hyperprior * e / kappa, hyperprior * c * kappa

    def cost(factor: Array) -> Array:
        misfit = d**2 / (factor[..., None] ** 2 * s**2 + m - 1)
        return misfit.sum(-1) + e / factor**2 + c * np.log(factor**2)

    low, high = -3.0, 7.0
    for _ in range(6):
        tried = np.linspace(low, high, 4001)
        best = cost(np.exp(tried)).argmin()
        low, high = tried[max(best - 1, 0)], tried[min(best + 1, 4000)]
    return float(np.exp(tried[best]))


@given(
    members=st.integers(2, 12), observed=st.integers(1, 9), seed=st.integers(0, 200),
    far=st.sampled_from([0.1, 1.0, 10.0]), hyperprior=st.sampled_from([1.0, 2.0]),
)  # fmt: skip
def test_the_inflation_is_that_of_the_least_cost(
    members: int, observed: int, seed: int, far: float, hyperprior: float
) -> None:
    p = problem((), members, 5, observed, seed)
    p.observation.value[:] = p.predicted.mean(0) + far * (
        p.observation.value - p.predicted.mean(0)
    )
    # A very flat minimum is found to the root of the precision by comparing costs.
    assert stretch(p, hyperprior) == pytest.approx(by_force(p, hyperprior), rel=1e-6)


def test_the_analysis_is_that_of_the_inflated_forecast() -> None:
    p = problem((2,), members=6)
    factor = stretch(p, 1.0)[:, None, None]
    analysis = EnkfN().analyse(*p.arguments)
    wider = Problem(inflated(p.ensemble, factor), p.operator, p.observation)
    np.testing.assert_allclose(analysis, Etkf().analyse(*wider.arguments), atol=1e-12)


def test_surprises_widen_the_ensemble() -> None:
    p = problem(members=6)
    p.observation.value[:] = p.predicted.mean(0)
    expected = stretch(p, 1.0)
    p.observation.value[:] += 20.0
    assert expected < 1.1
    assert stretch(p, 1.0) > 2.0 * expected


def test_coefficients_of_many_members_are_one() -> None:
    e, c = finite_size(np.ones(3), 10_000, 1.0)
    assert e == pytest.approx(1.0, abs=2e-4)
    assert c == pytest.approx(1.0, abs=2e-4)
