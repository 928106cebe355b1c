"""Small problems whose answers are known otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bmi_dmx.assimilation.observation import Observation

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Problem:
    """Ensembles with linear predictions of what was observed."""

    ensemble: Array
    operator: Array
    observation: Observation

    @property
    def predicted(self) -> Array:
        return self.ensemble @ self.operator.T

    @property
    def arguments(self) -> tuple[Array, Array, Observation]:
        return self.ensemble, self.predicted, self.observation


def problem(
    shape: tuple[int, ...] = (),
    members: int = 8,
    entries: int = 5,
    observed: int = 3,
    seed: int = 0,
) -> Problem:
    """Return problems of random numbers."""
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.5, 2.0, entries)
    mixing = rng.standard_normal((entries, entries))
    ensemble = 3.0 + rng.standard_normal((*shape, members, entries)) @ mixing * scale
    # The same whatever the ensemble, for filters that are told of it.
    operator = np.random.default_rng(seed).standard_normal((observed, entries))
    value = 3.0 + 2.0 * rng.standard_normal((*shape, observed))
    error = rng.uniform(0.4, 1.5, (*shape, observed))
    return Problem(ensemble, operator, Observation(value, error))


def covariance(ensemble: Array) -> Array:
    """Return the covariance of the members of one problem."""
    return np.cov(ensemble, rowvar=False)


def kalman(
    mean: Array, covariance: Array, operator: Array, observation: Observation
) -> tuple[Array, Array]:
    """Return mean and covariance after the update of Kalman (1960)."""
    error = np.diag(observation.error**2)
    inner = operator @ covariance @ operator.T + error
    gain = covariance @ operator.T @ np.linalg.inv(inner)
    identity = np.eye(len(mean))
    updated = mean + gain @ (observation.value - operator @ mean)
    return updated, (identity - gain @ operator) @ covariance
