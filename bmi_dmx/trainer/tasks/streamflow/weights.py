"""Weights by which several simulations together come closest to observations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....errors import DataError

__all__ = ["best_weights"]

Array = NDArray[np.float64]

_STILL = 1e-12
_MOST_ROUNDS = 100_000


def best_weights(simulated: Array, observed: Array) -> Array:
    """Return non-negative weights of sum one with the least squared error.

    Errors of a place count in units of the variance of its observations, so that the
    mean Nash-Sutcliffe efficiency over places is what is made as high as possible.

    Parameters
    ----------
    simulated : array (M, T, B)
        By model.
    observed : array (T, B)
        NaN where missing.

    Returns
    -------
    array (M,)

    Raises
    ------
    DataError
        No place has observations that vary.
    """
    square, cross = _moments(simulated, observed)
    weights = np.full(len(simulated), 1.0 / len(simulated))
    step = 1.0 / np.linalg.eigvalsh(square)[-1]
    for _ in range(_MOST_ROUNDS):
        moved = _on_simplex(weights - step * (square @ weights - cross))
        change = np.abs(moved - weights).max()
        weights = moved
        if change < _STILL:
            break
    return weights


def _moments(simulated: Array, observed: Array) -> tuple[Array, Array]:
    """Return the means over places of products of models, and with observations."""
    count = len(simulated)
    square, cross, places = np.zeros((count, count)), np.zeros(count), 0
    for b in range(observed.shape[1]):
        there = np.isfinite(observed[:, b])
        o = observed[there, b]
        if o.size < 2 or not np.ptp(o):
            continue
        x = simulated[:, there, b].astype(np.float64) - o.mean()
        o = o - o.mean()
        size = float(o @ o)
        square += x @ x.T / size
        cross += x @ o / size
        places += 1
    if not places:
        raise DataError("weights: no place has observations that vary in these days")
    return square / places, cross / places


def _on_simplex(x: Array) -> Array:
    """Return the nearest point with no negative entry and the sum one.

    Held et al. 1974, doi:10.1007/BF01580223.
    """
    ranked = np.sort(x)[::-1]
    excess = (ranked.cumsum() - 1.0) / np.arange(1, len(x) + 1)
    last = np.flatnonzero(ranked > excess)[-1]
    return np.asarray(np.maximum(x - excess[last], 0.0))
