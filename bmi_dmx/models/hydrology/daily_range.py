"""An estimate of the range of temperature within days, for data without extremes.

Hargreaves and Samani (1985) see by that range how much of the sunlight clouds keep
away, so it is wide on dry days and narrow on wet ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DRY_RANGE", "WET_DAY", "WET_RANGE", "estimated_extremes"]

DRY_RANGE, WET_RANGE = 13.7, 9.3
"""Range in degC of dry and of wet days.

Squares of the mean root, which evaporation goes with, over 541 basins of CAMELS-US from
October 1980 to September 1995. Means of single basins differ from it by some 2 degC.
"""

WET_DAY = 1.0
"""Precipitation, mm per day, from which a day is wet."""


def estimated_extremes(
    temperature: NDArray[Any], precipitation: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the likely lowest and highest temperature of days.

    Parameters
    ----------
    temperature : array
        Mean of the day, degC.
    precipitation : array
        Of the day, mm.

    Returns
    -------
    lowest, highest : array
        Around the mean, in its type.
    """
    width = np.where(precipitation >= WET_DAY, WET_RANGE, DRY_RANGE)
    half = (0.5 * width).astype(temperature.dtype)
    return temperature - half, temperature + half
