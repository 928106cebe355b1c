"""How rare peaks of flow are: annual peaks, and the years after which they return."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST_PEAKS", "annual_peaks", "return_periods", "year_numbers"]

Array = NDArray[np.float64]

OCTOBER = 10
"""Month in which the years begin that peaks are counted by."""

LEAST_PEAKS = 5
"""Fewest peaks that a distribution is fitted to."""

NO_SKEW = 1e-3
"""Skew below which a distribution is taken for normal."""


def year_numbers(
    time: NDArray[np.datetime64], begin: int = OCTOBER
) -> NDArray[np.int64]:
    """Return the year that steps belong to, named after that in which it ends.

    Parameters
    ----------
    time : (T,) array of datetime64
        Steps.
    begin : int
        Month in which years begin.
    """
    months = time.astype("datetime64[M]").astype(np.int64) + 12 * 1970
    shifted: NDArray[np.int64] = (months + (13 - begin) % 12) // 12
    return shifted


def annual_peaks(
    time: NDArray[np.datetime64], flow: NDArray[Any], begin: int = OCTOBER
) -> tuple[NDArray[np.int64], Array]:
    """Return the highest flow of every year that is whole and nearly observed.

    Parameters
    ----------
    time : (T,) array of datetime64
        Steps of a day or a part of it.
    flow : array (T, B)
        NaN where missing.
    begin : int
        Month in which years begin.

    Returns
    -------
    years : (Y,) array of int
        See :func:`year_numbers`.
    peaks : array (Y, B)
        NaN in a year of which a tenth or more is missing.
    """
    number = year_numbers(time, begin)
    years = np.unique(number)
    step = np.diff(time[:2]).astype("timedelta64[s]").astype(np.int64)
    whole = 365 * 86400 // int(step[0] if step.size else 86400)
    peaks = np.full((len(years), flow.shape[1]), np.nan)
    for at, year in enumerate(years):
        part = flow[number == year]
        complete = np.isfinite(part).sum(axis=0) > 0.9 * whole
        peaks[at, complete] = np.nanmax(part[:, complete], axis=0)
    return years, peaks


def return_periods(peaks: Array, fitted: Array) -> Array:
    """Return after how many years peaks return, by a log-Pearson III distribution.

    Moments of the logarithms with the skew of the place, unweighted, and the frequency
    factor of Wilson and Hilferty (Bulletin 17B, Interagency Advisory Committee on Water
    Data 1982; Kite 1977). Neither outliers nor historic floods are treated.

    Parameters
    ----------
    peaks : array (Y, B)
        Peaks to be judged; NaN where unknown.
    fitted : array (F, B)
        Annual peaks that the distribution is fitted to; those of 0 do not enter.

    Returns
    -------
    array (Y, B)
        Years, at least 1; NaN where a peak is unknown, or fewer than five were to be
        fitted.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(fitted > 0.0, np.log10(fitted), np.nan)
        count = np.isfinite(logs).sum(axis=0).astype(np.float64)
        mean = np.nansum(logs, axis=0) / count
        away = logs - mean
        spread = np.sqrt(np.nansum(away**2, axis=0) / (count - 1.0))
        cubes = np.nansum(away**3, axis=0)
        skew = count * cubes / ((count - 1.0) * (count - 2.0) * spread**3)
        factor = (np.log10(np.maximum(peaks, 1e-12)) - mean) / spread
        normal = _normal(factor, np.where(np.isfinite(skew), skew, 0.0))
        exceeded = 0.5 * _erfc(normal / math.sqrt(2.0))
        years = 1.0 / exceeded
    enough = (count >= LEAST_PEAKS) & (spread > 0.0)
    return np.where(np.isfinite(peaks) & enough, years, np.nan)


def _normal(factor: Array, skew: Array) -> Array:
    """Return the normal deviate of a frequency factor (Wilson & Hilferty 1931)."""
    slight = np.abs(skew) < NO_SKEW
    g = np.where(slight, 1.0, skew)
    cube = np.cbrt(np.maximum(g * factor / 2.0 + 1.0, 0.0))
    return np.where(slight, factor, 6.0 / g * (cube - 1.0 + g**2 / 36.0))


_erfc = np.vectorize(math.erfc, otypes=[np.float64])
