"""Numbers as a page holds them: short, and good enough to be looked at."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["encoded", "numbers", "shown_places"]

Array = NDArray[np.float64]

LEVELS = 65534
"""Steps between the least and the greatest number of a series in the page."""


def encoded(values: Array, low: float, high: float) -> str:
    """Return numbers as text, two bytes each, finer towards the least.

    Parameters
    ----------
    values : array (T,)
        NaN becomes the mark for a missing value.
    low, high : float
        The least and the greatest of them.
    """
    span = high - low or 1.0
    share = np.sqrt(np.clip((values - low) / span, 0.0, 1.0))
    levels = np.where(np.isfinite(values), np.round(share * LEVELS), LEVELS + 1)
    return base64.b64encode(levels.astype("<u2").tobytes()).decode("ascii")


def shown_places(values: Array, most: int) -> list[int]:
    """Return places from the best to the worst, evenly by rank where there are many.

    Parameters
    ----------
    values : array (place,)
        A score.
    most : int
        How many, at most.
    """
    if len(values) <= most:
        return list(range(len(values)))
    order = np.argsort(np.where(np.isfinite(values), values, -np.inf))
    middle = int(np.nanargmin(np.abs(values - np.nanmedian(values))))
    ranks = np.linspace(0, len(order) - 1, most).round().astype(int)
    places = {middle, *order[ranks].tolist()}
    return sorted(places)


def numbers(values: NDArray[Any]) -> list[float | None]:
    """Return numbers that JSON has, to seven digits."""
    return [float(f"{x:.7g}") if np.isfinite(x) else None for x in values.tolist()]
