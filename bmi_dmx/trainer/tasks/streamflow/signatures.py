"""What flow is like, by itself: how much of it is slow, how nervous it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["baseflow_index", "flashiness"]

Array = NDArray[np.float64]

FILTER = 0.925
"""Parameter of the filter, per step of a day."""

PASSES = 3
"""Forward, backward, forward."""


def flashiness(flow: NDArray[Any]) -> Array:
    """Return the Richards–Baker index: Σ|q(t) − q(t−1)| / Σ q(t).

    Over steps whose predecessor is known. Baker et al. 2004,
    doi:10.1111/j.1752-1688.2004.tb01046.x.

    Parameters
    ----------
    flow : array (T, B)
        NaN where missing.

    Returns
    -------
    array (B,)
        NaN where no two steps in a row are known, or nothing flows.
    """
    series = flow.astype(np.float64)
    later, change = series[1:], np.diff(series, axis=0)
    finite = np.isfinite(change)
    total = np.where(finite, later, 0.0).sum(axis=0)
    moved = np.where(finite, np.abs(change), 0.0).sum(axis=0)
    index: Array = np.divide(
        moved, total, out=np.full(total.shape, np.nan), where=total > 0.0
    )
    return index


def baseflow_index(flow: NDArray[Any]) -> Array:
    """Return the share of the flow that is slow.

    By the digital filter of Lyne and Hollick (1979), three passes with the parameter
    0.925, the usual choice for steps of a day (Nathan & McMahon 1990,
    doi:10.1029/WR026i007p01465). The filter begins anew after every gap, with all flow
    slow.

    Parameters
    ----------
    flow : array (T, B)
        At least zero; NaN where missing.

    Returns
    -------
    array (B,)
        From 0 to 1; NaN where nothing flows.
    """
    series = np.maximum(flow.astype(np.float64), 0.0)
    slow = series
    for number in range(PASSES):
        slow = _slow(slow) if number % 2 == 0 else _slow(slow[::-1])[::-1]
    total = np.nansum(series, axis=0)
    index: Array = np.divide(
        np.nansum(slow, axis=0),
        total,
        out=np.full(total.shape, np.nan),
        where=total > 0.0,
    )
    return index


def _slow(flow: Array) -> Array:
    """Return flow without what one pass of the filter takes for quick."""
    rises = 0.5 * (1.0 + FILTER) * np.diff(flow, axis=0, prepend=flow[:1])
    rises = np.where(np.isfinite(rises), rises, -np.inf)
    quick, slow = np.zeros(flow.shape[1]), np.empty_like(flow)
    for step, (rise, whole) in enumerate(zip(rises, flow, strict=True)):
        quick = np.maximum(FILTER * quick + rise, 0.0)
        slow[step] = whole - np.minimum(quick, whole)
    return slow
