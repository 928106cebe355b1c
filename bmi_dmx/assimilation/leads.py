"""Forecasts of several steps ahead: scores by lead, and what they have to beat."""

from __future__ import annotations

import numpy as np

from ..errors import DataError
from ..space.description import Array

__all__ = ["by_lead", "damped_anomaly", "error_curve", "persistence"]


def by_lead(observed: Array, leads: int) -> Array:
    """Return a series as forecasts are arranged: by where they start and their lead.

    Parameters
    ----------
    observed : ndarray
        (time, …).
    leads : int
        How many steps ahead.

    Returns
    -------
    ndarray
        (start, lead, …): at start s and lead k = 1, 2, … what was observed at s + k;
        as many starts as have all leads.

    Raises
    ------
    DataError
        When the series is too short.
    """
    starts = len(observed) - leads
    if leads < 1 or starts < 1:
        raise DataError(
            f"leads: expected 1 to {len(observed) - 1} for {len(observed)} steps, "
            f"found {leads}"
        )
    at = np.arange(starts)[:, None] + np.arange(1, leads + 1)
    return np.asarray(observed[at])


def error_curve(forecast: Array, observed: Array) -> Array:
    """Return root-mean-square errors by lead.

    Parameters
    ----------
    forecast : ndarray
        (start, lead, …).
    observed : ndarray
        (time, …), as :func:`by_lead` arranges it; pairs with a NaN are left out.

    Returns
    -------
    ndarray
        (lead, …); NaN where there is no pair.
    """
    leads = forecast.shape[1]
    square = (forecast - by_lead(observed, leads)[: len(forecast)]) ** 2
    there = ~np.isnan(square)
    count = there.sum(0)
    total = np.where(there, square, 0.0).sum(0)
    nothing = np.full(total.shape, np.nan)
    return np.asarray(np.sqrt(np.divide(total, count, out=nothing, where=count > 0)))


def persistence(observed: Array, leads: int) -> Array:
    """Return the forecast that all stays as last observed.

    Parameters
    ----------
    observed : ndarray
        (time, …); where it is NaN, so is the forecast.
    leads : int
        How many steps ahead.

    Returns
    -------
    ndarray
        (start, lead, …).
    """
    shape = by_lead(observed, leads).shape
    return np.broadcast_to(np.asarray(observed)[: shape[0], None], shape)


def damped_anomaly(
    observed: Array, climatology: Array, leads: int, learned: slice
) -> Array:
    """Return the forecast that anomalies persist by a share that falls with the lead.

    The share of a lead is that of least squares, of anomalies that far apart.

    Parameters
    ----------
    observed : ndarray
        (time, …).
    climatology : ndarray
        (time, …) what is usual at each time.
    leads : int
        How many steps ahead.
    learned : slice
        Of time: from where the shares are learned.

    Returns
    -------
    ndarray
        (start, lead, …); NaN where the last observation is missing.
    """
    anomaly = np.asarray(observed) - climatology
    sample = anomaly[learned]
    after = by_lead(sample, leads)
    before = persistence(sample, leads)
    both = ~(np.isnan(before) | np.isnan(after))
    power = np.where(both, before**2, 0.0).sum(0)
    product = np.where(both, before * after, 0.0).sum(0)
    share = np.divide(product, power, out=np.zeros_like(power), where=power > 0)
    return np.asarray(by_lead(climatology, leads) + share * persistence(anomaly, leads))
