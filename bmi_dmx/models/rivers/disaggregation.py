"""Lateral inflow of days as that of the steps within them.

What is known are means of days, and whatever is made of them has the same means. Time
is the first axis; arrays and tensors are both understood, and what is given as a tensor
is differentiable. PyTorch is not loaded for arrays.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from ...errors import DataError

__all__ = ["interpolated", "repeated", "responding", "shaped"]

X = TypeVar("X")


def repeated(daily: X, steps: int = 24) -> X:
    """Return the mean of a day for every step of it.

    Parameters
    ----------
    daily : array or Tensor
        (day, …).
    steps : int
        Steps of a day.

    Returns
    -------
    array or Tensor
        (day x steps, …).
    """
    days: Any = daily
    series: X = _joined([days] * steps)
    return series


def interpolated(daily: X, steps: int = 24) -> X:
    r"""Return straight lines from the middle of one day to that of the next, rescaled.

    The lines of a day are multiplied by the one number that gives them its mean. Before
    the first day and after the last it goes on as on these. A day is constant if it or
    a neighbour is negative. The second half of a day knows the next one.

    Parameters
    ----------
    daily : array or Tensor
        (day, …).
    steps : int
        Steps of a day.

    Returns
    -------
    array or Tensor
        (day x steps, …), not negative where ``daily`` is not.
    """
    days: Any = daily
    of = _library(days)
    before, after = _shifted(days, 1, days[:1]), _shifted(days, -1, days[-1:])
    lines = []
    for k in range(steps):
        along = (k + 0.5) / steps - 0.5
        next_to = before if along < 0.0 else after
        lines.append(days + abs(along) * (next_to - days))
    mean = sum(lines) / steps
    usual = (of.minimum(of.minimum(before, after), days) >= 0.0) & (mean > 0.0)
    factor = days / of.where(usual, mean, of.ones_like(mean))
    series: X = _joined([of.where(usual, line * factor, days) for line in lines])
    return series


def shaped(daily: X, weights: X) -> X:
    """Return the mean of a day times what is known of its course.

    Parameters
    ----------
    daily : array or Tensor
        (day, …).
    weights : array or Tensor
        (day x steps, …), none below 0, of any size: only the course within each day
        counts. A day without any weight is constant.

    Returns
    -------
    array or Tensor
        (day x steps, …).

    Raises
    ------
    DataError
        When the weights do not fill the days.
    """
    days: Any = daily
    series: X = _flat(days[:, None] * _course(days, weights))
    return series


def responding(
    daily: X, precipitation: X, response_time: X | float, share: X | float
) -> X:
    r"""Return the mean of a day with the course of the precipitation that drains.

    Precipitation P of the steps leaves a linear store of the response time
    :math:`\tau` in hours,

    .. math:: r_t = \sum_{k \ge 0} e^{-k \Delta t / \tau} P_{t - k}, \qquad
              q_t = \bar q \left(1 - s + s \frac{r_t}{\bar r}\right)

    with the means of the day. Of :math:`\tau` and the share :math:`s` from 0 to 1, both
    can be learned.

    Parameters
    ----------
    daily : array or Tensor
        (day, …).
    precipitation : array or Tensor
        (day x steps, …), in any unit.
    response_time : array, Tensor or float
        h, above 0; of every place or one.
    share : array, Tensor or float
        Of the inflow that follows precipitation; of every place or one.

    Returns
    -------
    array or Tensor
        (day x steps, …).

    Raises
    ------
    DataError
        When the precipitation does not fill the days.
    """
    days: Any = daily
    store: Any = precipitation
    of = _library(days)
    steps = _steps(days, store)
    time = of.ones_like(days[0]) * response_time
    decay = of.exp(-(24.0 / steps) / time)
    reach = 1
    # Every round doubles how far back is seen.
    while reach < len(store):
        store = store + decay * _shifted(store, reach, of.zeros_like(store[:reach]))
        decay, reach = decay * decay, 2 * reach
    portion: Any = share
    course = 1.0 - portion + portion * _course(days, store)
    series: X = _flat(days[:, None] * course)
    return series


def _course(days: Any, weights: Any) -> Any:
    """Return weights as (day, step, …) of mean 1 in every day."""
    of = _library(days)
    steps = _steps(days, weights)
    by_day = weights.reshape(-1, steps, *weights.shape[1:])
    mean = by_day.mean(1)[:, None]
    some = mean > 0.0
    one = of.ones_like(by_day)
    return of.where(some, by_day / of.where(some, mean, one[:, :1]), one)


def _steps(days: Any, within: Any) -> int:
    """Return how many steps a day has."""
    steps, rest = divmod(len(within), len(days))
    if not steps or rest:
        raise DataError(
            f"steps within days: found {len(within)}, expected as many for each of "
            f"{len(days)} days"
        )
    return steps


def _shifted(x: Any, by: int, beyond: Any) -> Any:
    """Return a series moved in time, with what comes in at its end."""
    join = _library(x).concatenate
    return join([beyond, x[:-by]]) if by > 0 else join([x[-by:], beyond])


def _joined(steps: list[Any]) -> Any:
    """Return the steps of days, each (day, …), as one series."""
    return _flat(_library(steps[0]).stack(steps, 1))


def _flat(x: Any) -> Any:
    return x.reshape(-1, *x.shape[2:])


def _library(x: Any) -> Any:
    """Return the library that an array is of."""
    if isinstance(x, np.ndarray):
        return np
    import torch

    return torch
