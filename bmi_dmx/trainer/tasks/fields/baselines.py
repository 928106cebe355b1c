"""What a forecast of fields is worth more than: forecasts without a model.

All of them are made of the years that are learned from alone. Fields are (time, cell),
of the cells that belong to the system.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BASELINES", "DampedPersistence", "LinearInverse", "baselines"]

Array = NDArray[np.float64]

Forecast = Callable[[Array, int], Array]
"""From anomalies, (time, cell), and a lead to those so many steps later."""


@dataclass(frozen=True)
class DampedPersistence:
    """Anomalies that fade away, by a share for each cell and lead.

    Parameters
    ----------
    anomalies : (T, cell) array
        Of the years to learn from.
    """

    anomalies: Array

    def __call__(self, now: Array, lead: int) -> Array:
        """Return forecasts by regression through 0 on the state so long before."""
        return now * self.share(lead)

    def share(self, lead: int) -> Array:
        """Return what is left of anomalies after some steps, (cell,)."""
        before, after = self.anomalies[:-lead], self.anomalies[lead:]
        share: Array = (before * after).sum(0) / (before**2).sum(0)
        return share


@dataclass(frozen=True)
class LinearInverse:
    r"""A linear inverse model of the leading patterns (Penland and Sardeshmukh 1995).

    Coefficients of empirical orthogonal functions go on by :math:`c' = G c`, where G is
    found by regression over one step; what the patterns leave over fades in each cell
    by its own correlation from one step to the next, or is forgotten.

    Parameters
    ----------
    patterns : (cell, mode) array
        The patterns.
    projection : (cell, mode) array
        What coefficients are weighed sums with.
    propagator : (mode, mode) array
        G transposed: rows of coefficients are multiplied by it from the right.
    fading : (cell,) array
        Share of the rest that is left a step later; 0 where it is forgotten.
    """

    patterns: Array
    projection: Array
    propagator: Array
    fading: Array

    @classmethod
    def fit(
        cls, anomalies: Array, weights: Array, modes: int, *, residual: bool
    ) -> LinearInverse:
        """Return the model of some years.

        Parameters
        ----------
        anomalies : (T, cell) array
            Of the years to learn from, without gaps.
        weights : (cell,) array
            How much cells count.
        modes : int
            Number of patterns.
        residual : bool
            Whether what they leave over fades or is forgotten.
        """
        root = np.sqrt(weights)
        functions = np.linalg.svd(anomalies * root, full_matrices=False)[2][:modes]
        patterns, projection = (functions / root).T, (functions * root).T
        c = anomalies @ projection
        propagator = np.linalg.lstsq(c[:-1], c[1:], rcond=None)[0]
        rest = anomalies - c @ patterns.T
        fading = (rest[:-1] * rest[1:]).sum(0) / (rest[:-1] ** 2).sum(0)
        return cls(patterns, projection, propagator, fading * residual)

    def __call__(self, now: Array, lead: int) -> Array:
        """Return forecasts so many steps ahead."""
        c = now @ self.projection
        rest = now - c @ self.patterns.T
        ahead = c @ np.linalg.matrix_power(self.propagator, lead) @ self.patterns.T
        forecast: Array = ahead + rest * self.fading**lead
        return forecast

    @property
    def responses(self) -> Array:
        """(mode, cell) what follows a step later where all else fades alike."""
        ahead = self.propagator @ self.patterns.T
        responses: Array = ahead - self.patterns.T * self.fading
        return responses


BASELINES = {
    "climatology": "what is usual",
    "persistence": "the anomaly stays",
    "damped": "it fades, by cell and lead",
    "lim20": "linear inverse model of 20 patterns",
    "lim15": "of 15 patterns, and the rest fades by cell",
}
"""Forecasts without a model, and what they are."""


def baselines(anomalies: Array, weights: Array) -> dict[str, Forecast]:
    """Return the forecasts of :data:`BASELINES`.

    Parameters
    ----------
    anomalies : (T, cell) array
        Of the years to learn from.
    weights : (cell,) array
        How much cells count.
    """
    fit = LinearInverse.fit
    most = min(len(anomalies) - 1, anomalies.shape[1])
    return {
        "climatology": lambda now, lead: np.zeros_like(now),
        "persistence": lambda now, lead: now,
        "damped": DampedPersistence(anomalies),
        "lim20": fit(anomalies, weights, min(20, most), residual=False),
        "lim15": fit(anomalies, weights, min(15, most), residual=True),
    }
