"""Whole days of a series, and what models are told of the date."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....errors import DataError
from ....models.rivers.formats import ReachSeries
from .experiment import DAY

__all__ = ["CALENDAR", "day_of_year", "whole_days"]

CALENDAR = "day_of_year"
"""What models are told of the date: 1 on the first of January."""


def whole_days(
    series: ReachSeries, key: str
) -> tuple[NDArray[np.datetime64], int, slice]:
    """Return whole days of a series, its steps in a day, and which steps these are.

    Parameters
    ----------
    series : ReachSeries
        Over steps of a day or a whole part of it.
    key : str
        What it is called in messages.
    """
    per_day = round(DAY / series.time.seconds)
    if per_day < 1 or abs(per_day * series.time.seconds - DAY) > 1.0:
        raise DataError(
            f"{key}: its steps are of {series.time.seconds:g} s, expected a day or a"
            " whole part of it"
        )
    first = series.time.first.astype("datetime64[s]")
    late = (first - first.astype("datetime64[D]")).astype(float)
    skipped = round((DAY - late) % DAY / series.time.seconds)
    count = (series.time.steps - skipped) // per_day
    if count < 1:
        raise DataError(f"{key}: there is no whole day of it")
    begin = series.time.times[skipped].astype("datetime64[D]")
    days = begin + np.arange(count)
    return days, per_day, slice(skipped, skipped + count * per_day)


def day_of_year(days: NDArray[np.datetime64], per_day: int) -> NDArray[np.float32]:
    """Return the day of the year of every step, (step,)."""
    since = days - days.astype("datetime64[Y]").astype("datetime64[D]")
    return np.repeat(since.astype(np.float32) + 1, per_day)
