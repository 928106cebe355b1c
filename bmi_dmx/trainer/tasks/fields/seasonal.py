"""A linear inverse model whose patterns follow each other by the season."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SeasonalInverse", "Waves", "fading", "waves_of"]

Array = NDArray[np.float64]

_ALONE = 0.1
"""How much it counts that patterns do not follow from each other, by the strength of a
pattern; this and what follows was found with stretches of years that were left out
(``scripts/left_out_decades.py``)."""

_STEADY = 0.2
"""How much it counts that what follows does not change with the season."""

_EVEN = 0.1
"""The same for what is left of a cell."""


@dataclass(frozen=True)
class Waves:
    """A mean, a cosine and a sine of the year.

    Parameters
    ----------
    tables : (3, ...) array
        What is the same all year, and what goes with the cosine and the sine.
    """

    tables: Array

    def at(self, season: Array) -> Array:
        """Return values by step, (step, ...), where (step, 3) waves are given."""
        return np.tensordot(season, self.tables, 1)

    def scaled(self, factor: float) -> Waves:
        """Return them larger or smaller."""
        return Waves(factor * self.tables)


def waves_of(turns: Array) -> Array:
    """Return one, cosine and sine of angles of the year, (step, 3)."""
    return np.stack((np.ones_like(turns), np.cos(turns), np.sin(turns)), 1)


@dataclass(frozen=True)
class SeasonalInverse:
    r"""Patterns that go on by :math:`c' = (G_0 + G_1\cos\tau + G_2\sin\tau)\,c`.

    As a cyclostationary linear inverse model (Shin et al. 2021,
    doi:10.1175/JCLI-D-20-0291.1), but with a single wave of the year, found by a
    regression that is drawn to patterns which fade each for itself at all seasons. What
    the patterns leave over fades by cell and season.

    Parameters
    ----------
    patterns, projection : (cell, mode) array
        The patterns, and what coefficients are weighed sums with.
    propagator : Waves
        (mode, mode) G transposed.
    fading : Waves
        (cell,) share of the rest that is left a step later.
    """

    patterns: Array
    projection: Array
    propagator: Waves
    fading: Waves

    @classmethod
    def fit(
        cls, before: Array, after: Array, season: Array, weights: Array, modes: int
    ) -> SeasonalInverse:
        """Return the model of some pairs of steps.

        Parameters
        ----------
        before, after : (pair, cell) array
            Anomalies, without gaps, and those a step later.
        season : (pair, 3) array
            :func:`waves_of` the time of the year of the latter.
        weights : (cell,) array
            How much cells count.
        modes : int
            Number of patterns.
        """
        root = np.sqrt(weights)
        functions = np.linalg.svd(before * root, full_matrices=False)[2][:modes]
        patterns, projection = (functions / root).T, (functions * root).T
        c, later = before @ projection, after @ projection
        rest, later_rest = before - c @ patterns.T, after - later @ patterns.T
        return cls(
            patterns, projection, _propagator(c, later, season),
            fading(rest, later_rest, season),
        )  # fmt: skip

    def step(self, now: Array, season: Array) -> Array:
        """Return anomalies a step later, (step, cell), by their season."""
        c = now @ self.projection
        ahead = np.einsum("tm,tmn->tn", c, self.propagator.at(season))
        rest = now - c @ self.patterns.T
        later: Array = ahead @ self.patterns.T + rest * self.fading.at(season)
        return later

    @property
    def responses(self) -> Waves:
        """(mode, cell) what follows a step later where all else fades alike."""
        ahead = self.propagator.tables @ self.patterns.T
        persistent = self.patterns.T * self.fading.tables[:, None]
        return Waves(ahead - persistent)


def _propagator(c: Array, later: Array, season: Array) -> Waves:
    """Return G transposed by regression, of patterns in units of their own size."""
    size = np.sqrt((c**2).mean(0))
    x, y = c / size, later / size
    modes, pairs = x.shape[1], len(x)
    predictors = (season[:, :, None] * x[:, None]).reshape(pairs, -1)
    alone = np.zeros((3 * modes, modes))
    alone[:modes] = np.diag((x * y).sum(0) / (x**2).sum(0))
    ridge = pairs * np.repeat((_ALONE, _STEADY, _STEADY), modes)
    coefficients = alone + np.linalg.solve(
        predictors.T @ predictors + np.diag(ridge),
        predictors.T @ (y - predictors @ alone),
    )
    tables = coefficients.reshape(3, modes, modes)
    return Waves(tables * size / size[:, None])


def fading(before: Array, after: Array, season: Array) -> Waves:
    """Return what is left a step later, (cell,), by regression in each cell."""
    square, product = before**2, before * after
    outer = np.einsum("ta,tb->tab", season, season).reshape(len(season), 9)
    normal = (square.T @ outer).reshape(-1, 3, 3)
    normal[:, [1, 2], [1, 2]] += _EVEN * square.sum(0)[:, None]
    coefficients = np.linalg.solve(normal, (product.T @ season)[..., None])[..., 0]
    return Waves(coefficients.T)
