"""Ensemble Kalman filters by gains: with perturbed observations, and deterministic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...space.description import Array
from .ensemble import EnsembleFilter
from .filter import Departures, drawing

__all__ = ["DEnkf", "Enkf", "regressed"]


def regressed(anomalies: Array, scaled: Array) -> Array:
    """Return (SᵀS + I)⁻¹SᵀA: what a unit of every scaled observation adds.

    Solved in the space of observations or of members, whichever is smaller.

    Parameters
    ----------
    anomalies, scaled : ndarray
        A, (…, m, q), and S, (…, m, p).

    Returns
    -------
    ndarray
        (…, p, q).
    """
    members, observations = scaled.shape[-2:]
    across = np.swapaxes(scaled, -1, -2)
    if observations <= members:
        inner = across @ scaled + np.eye(observations, dtype=scaled.dtype)
        return np.linalg.solve(inner, across @ anomalies)
    inner = scaled @ across + np.eye(members, dtype=scaled.dtype)
    gain: Array = across @ np.linalg.solve(inner, anomalies)
    return gain


@dataclass(frozen=True)
class Enkf(EnsembleFilter):
    """Ensemble Kalman filter with perturbed observations.

    Burgers et al. (1998), doi:10.1175/1520-0493(1998)126<1719:ASITEK>2.0.CO;2. The
    perturbations of an observation are centred over members.
    """

    def _noise(
        self, departures: Departures, generator: np.random.Generator | None
    ) -> Array:
        *problems, members, observations = departures.scaled.shape
        # Observations come first, so that one more leaves the draws of others alone.
        drawn = drawing(self._name, generator).standard_normal(
            (observations, *problems, members)
        )
        drawn -= drawn.mean(-1, keepdims=True)
        noise = np.moveaxis(drawn, 0, -1) / np.sqrt(members - 1)
        return np.asarray(noise, dtype=departures.scaled.dtype)

    def _deviations(
        self, anomalies: Array, scaled: Array, innovation: Array, noise: Array | None
    ) -> Array:
        departure = innovation[..., None, :] - scaled
        departure = departure if noise is None else departure + noise
        change: Array = departure @ regressed(anomalies, scaled)
        return anomalies + change


@dataclass(frozen=True)
class DEnkf(EnsembleFilter):
    """Deterministic ensemble Kalman filter.

    Sakov and Oke (2008), doi:10.1111/j.1600-0870.2007.00299.x: the mean moves by the
    whole gain, anomalies by half of it.
    """

    def _deviations(
        self, anomalies: Array, scaled: Array, innovation: Array, noise: Array | None
    ) -> Array:
        departure = innovation[..., None, :] - 0.5 * scaled
        change: Array = departure @ regressed(anomalies, scaled)
        return anomalies + change
