"""How good forecasts of fields are, and whether one is better than another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Difference",
    "correlation",
    "mean_square",
    "moving_block_bootstrap",
    "pattern_correlation",
    "zonal_spectrum",
]

Array = NDArray[np.float64]


def mean_square(errors: Array, weights: Array) -> Array:
    """Return the weighted mean squared error of each forecast.

    Parameters
    ----------
    errors : (forecast, cell) array
        Forecast less observation.
    weights : (cell,) array
        How much cells count; their sum is one.
    """
    squares: Array = (errors**2) @ weights
    return squares


def pattern_correlation(forecast: Array, observed: Array, weights: Array) -> float:
    """Return the mean correlation of anomalies over cells, weighted and not centred.

    Parameters
    ----------
    forecast, observed : (forecast, cell) array
        Anomalies.
    weights : (cell,) array
        How much cells count.
    """
    product = (forecast * observed) @ weights
    size = np.sqrt((forecast**2 @ weights) * (observed**2 @ weights))
    varying = size > 0.0
    return float((product[varying] / size[varying]).mean()) if varying.any() else 0.0


def correlation(one: Array, other: Array) -> float:
    """Return the correlation of two series; 0 where one does not change."""
    a, b = one - one.mean(), other - other.mean()
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / size) if size > 0.0 else 0.0


def zonal_spectrum(fields: Array, mask: NDArray[np.bool_], y: Array) -> Array:
    """Return the variance along rows by wavenumber, rows weighted by cos y.

    Parameters
    ----------
    fields : (forecast, row, column) array
        Land counts as 0, so that spectra are compared, and not read by themselves.
    mask : (row, column) array of bool
        Cells that count.
    y : (row,) array
        Latitudes in degrees.

    Returns
    -------
    (column // 2 + 1,) array
    """
    weights = np.cos(np.radians(y)) * mask.mean(1)
    waves = np.fft.rfft(np.where(mask, fields, 0.0), axis=-1) / fields.shape[-1]
    power = (np.abs(waves) ** 2).mean(0)
    spectrum: Array = weights @ power / weights.sum()
    spectrum[1:] *= 2.0
    return spectrum


@dataclass(frozen=True)
class Difference:
    """A difference of root mean squared errors, and where it likely lies.

    Parameters
    ----------
    value, low, high : float
        The difference and the ends of its interval of 95 %.
    """

    value: float
    low: float
    high: float


def moving_block_bootstrap(
    one: Array, other: Array, block: int, draws: int = 2000, seed: int = 0
) -> Difference:
    """Return how much smaller the error of one forecast is than that of another.

    Blocks of forecasts that follow each other are drawn for both together (Künsch 1989,
    doi:10.1214/aos/1176347265), for neighbours in time go wrong alike. The error of
    several models that are one but for their seeds is the mean of their errors; all are
    drawn alike.

    Parameters
    ----------
    one, other : (forecast,) or (seed, forecast) array
        Mean squared errors of the same forecasts, in order of time.
    block : int
        Forecasts in a block.
    draws, seed : int
        Number of draws, and seed of their random numbers.
    """
    pair = [np.atleast_2d(x) for x in (one, other)]
    n = pair[0].shape[-1]
    length = min(block, n)
    rng = np.random.default_rng(seed)
    starts = rng.integers(n - length + 1, size=(draws, -(-n // length)))
    at = (starts[..., None] + np.arange(length)).reshape(draws, -1)[:, :n]
    drawn = [np.sqrt(x[:, at].mean(-1)).mean(0) for x in pair]
    low, high = np.quantile(drawn[0] - drawn[1], (0.025, 0.975))
    whole = [np.sqrt(x.mean(-1)).mean() for x in pair]
    return Difference(float(whole[0] - whole[1]), float(low), float(high))
