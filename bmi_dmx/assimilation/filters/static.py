"""Filters whose weights do not come from the ensemble: interpolation and nudging."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import ConfigError, DataError
from ...space.description import Array
from ..observation import Observation
from .ensemble import fitting
from .filter import checked, where_observed

__all__ = ["Interpolation", "Nudging"]


@dataclass(frozen=True, eq=False)
class Interpolation:
    """Optimal interpolation, which is 3D-Var where what is observed is linear.

    Gandin (1963); Lorenc (1986), doi:10.1002/qj.49711247414. Every member is a
    background of its own, with the same covariance, so one is enough.

    Parameters
    ----------
    covariance : ndarray
        (n, n) of the errors of the background, B.
    operator : ndarray
        (p, n) what is observed of a state, H.
    """

    covariance: Array
    operator: Array

    def __post_init__(self) -> None:
        covariance, operator = np.asarray(self.covariance), np.asarray(self.operator)
        if covariance.ndim != 2 or covariance.shape[0] != covariance.shape[1]:
            raise DataError(
                f"Interpolation: covariance: expected (n, n), found {covariance.shape}"
            )
        if operator.ndim != 2 or operator.shape[1] != len(covariance):
            raise DataError(
                f"Interpolation: operator: expected (p, {len(covariance)}), found "
                f"{operator.shape}"
            )

    def analyse(
        self,
        ensemble: Array,
        predicted: Array,
        observation: Observation,
        *,
        taper: Array | None = None,
        generator: np.random.Generator | None = None,
    ) -> Array:
        """Return the analysed ensemble; see :class:`Filter`.

        A taper multiplies the covariance of state and observations.

        Raises
        ------
        DataError
            When the operator is of other observations or another state.
        """
        checked("Interpolation", ensemble, predicted, observation, least=1)
        shape = (predicted.shape[-1], ensemble.shape[-1])
        if self.operator.shape != shape:
            raise DataError(
                f"Interpolation: operator: expected shape {shape}, found "
                f"{self.operator.shape}"
            )
        cross = self.operator @ self.covariance
        valid = observation.valid
        weight = np.divide(
            1.0, observation.error, out=np.zeros(valid.shape), where=valid
        )
        inner = weight[..., :, None] * (cross @ self.operator.T) * weight[..., None, :]
        inner += np.eye(len(self.operator))
        outer = weight[..., None] * cross
        if taper is not None:
            problems = tuple(ensemble.shape[:-2])
            fitting("Interpolation", taper, problems, shape[1], shape[0])
            each = shape[1] // taper.shape[-2]
            outer = outer * np.swapaxes(np.repeat(taper, each, -2), -1, -2)
        departure = _departures(predicted, observation) * weight[..., None, :]
        change = np.linalg.solve(inner, np.swapaxes(departure, -1, -2))
        result = ensemble + np.swapaxes(change, -1, -2) @ outer
        return where_observed(
            ensemble, result.astype(ensemble.dtype), observation, taper
        )


@dataclass(frozen=True, eq=False)
class Nudging:
    """Newtonian relaxation: states are moved towards what is observed.

    Hoke and Anthes (1976), doi:10.1175/1520-0493(1976)104<1551:TIONMB>2.0.CO;2. With a
    taper an entry of the state is moved by the mean of the differences around it,
    weighed by the taper (Cressman 1959,
    doi:10.1175/1520-0493(1959)087<0367:AOOAS>2.0.CO;2).

    Parameters
    ----------
    share : float
        Of the difference that a step removes, 0 to 1.

    Raises
    ------
    ConfigError
        When the share is none.
    """

    share: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise ConfigError(f"Nudging: share: expected 0 to 1, found {self.share}")

    def analyse(
        self,
        ensemble: Array,
        predicted: Array,
        observation: Observation,
        *,
        taper: Array | None = None,
        generator: np.random.Generator | None = None,
    ) -> Array:
        """Return the nudged ensemble; see :class:`Filter`.

        Raises
        ------
        DataError
            When there is no taper and the state is not what is observed, entry by
            entry.
        """
        checked("Nudging", ensemble, predicted, observation, least=1)
        n, p = ensemble.shape[-1], predicted.shape[-1]
        departure = _departures(predicted, observation)
        if taper is None:
            if n != p:
                raise DataError(
                    f"Nudging: predicted: expected the {n} entries of the state where "
                    f"there is no taper, found {p}"
                )
            result = ensemble + self.share * departure
        else:
            fitting("Nudging", taper, tuple(ensemble.shape[:-2]), n, p)
            near = taper * observation.valid[..., None, :]
            total = near.sum(-1, keepdims=True)
            near = np.divide(near, total, out=np.zeros_like(near), where=total > 0)
            near = np.repeat(near, n // near.shape[-2], -2)
            result = ensemble + self.share * (departure @ np.swapaxes(near, -1, -2))
        return where_observed(
            ensemble, result.astype(ensemble.dtype), observation, taper
        )


def _departures(predicted: Array, observation: Observation) -> Array:
    """Return (…, m, p) observed minus predicted; 0 where nothing was observed."""
    difference = observation.value[..., None, :] - predicted
    return np.where(observation.valid[..., None, :], difference, 0.0)
