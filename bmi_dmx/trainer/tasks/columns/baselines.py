"""What a run of a column is worth more than: forecasts without a model.

All of them are made of the years that are learned from alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .experiment import Years
from .record import Array, ObservedMeans, years_inside
from .samples import Runs

__all__ = ["BASELINES", "Climatology", "baselines"]

_HARMONICS = 3

BASELINES = {
    "climatology": "mean and three harmonics of the year",
    "persistence": "what differs from it at the beginning stays",
    "damped": "it fades, by level and lead",
}
"""Forecasts without a model, and what they are."""


@dataclass(frozen=True)
class Climatology:
    """What is usual at a time of the year.

    Parameters
    ----------
    coefficients : (2 * harmonics + 1, level) array
        Of the waves of :func:`_waves`.
    """

    coefficients: Array

    @classmethod
    def fit(cls, observed: ObservedMeans, years: Sequence[Years]) -> Climatology:
        """Return what is usual in some stretches of years, level by level."""
        inside = years_inside(observed.begins[:-1], years)
        waves = _waves(observed.season()[inside])
        values = observed.values[inside]
        coefficients = np.empty((waves.shape[1], values.shape[1]))
        for k, x in enumerate(values.T):
            valid = np.isfinite(x)
            coefficients[:, k] = np.linalg.lstsq(waves[valid], x[valid], rcond=None)[0]
        return cls(coefficients)

    def at(self, season: Array) -> Array:
        """Return usual values, (…, level), at parts of the year."""
        usual: Array = _waves(season) @ self.coefficients
        return usual


def baselines(runs: Runs, years: Sequence[Years]) -> dict[str, Array]:
    """Return the forecasts of :data:`BASELINES`, (lead, run, level).

    Parameters
    ----------
    runs : Runs
        What is forecast.
    years : sequence of (int, int)
        Stretches to learn from.
    """
    observed = runs.record.observed
    climatology = Climatology.fit(observed, years)
    season = observed.season()
    anomalies = observed.values - climatology.at(season)
    ahead = runs.first + 1 + np.arange(runs.leads)[:, None]
    usual = climatology.at(season[ahead])
    now = anomalies[runs.first]
    learned = years_inside(observed.begins[:-1], years)
    inside = np.where(learned[:, None], anomalies, np.nan)
    fading = np.stack([_left(inside, lead + 1) for lead in range(runs.leads)])
    return {
        "climatology": usual,
        "persistence": usual + now,
        "damped": usual + fading[:, None] * now,
    }


def _left(anomalies: Array, lead: int) -> Array:
    """Return what is left of anomalies, by regression through 0, (level,)."""
    product = anomalies[:-lead] * anomalies[lead:]
    square = np.where(np.isfinite(product), anomalies[:-lead] ** 2, np.nan)
    fading: Array = np.nansum(product, 0) / np.nansum(square, 0)
    return fading


def _waves(season: Array) -> Array:
    """Return mean, cosines and sines at parts of the year, (…, wave)."""
    turns = 2.0 * np.pi * np.arange(1, _HARMONICS + 1) * season[..., None]
    return np.concatenate(
        (np.ones_like(season)[..., None], np.cos(turns), np.sin(turns)), -1
    )
