"""What is left of the difference between a model and a gauge from step to step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...operate.runner import Runner
from .settings import RemainderSettings, span_of

__all__ = ["LEAST", "PRIOR", "Remainder"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.intp]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

PRIOR = 0.1
"""Share of the memory for which the settings count as if they had been seen."""

_MOST = 0.999
"""Most that is left after a step, so that what is not seen any more is forgotten."""

LEAST = 0.5
"""Least share of the squared differences that is its own, whatever the spread of the
members: an ensemble that is sure of itself would take over all of them."""


class Remainder:
    """An error of first order beside what the members predict, at every place.

    It is a state that is estimated with those of the model: what is observed is the
    prediction, and this, and white noise. As the members know nothing of it, its mean
    and variance are those of a Kalman filter of one number, whose innovation is that
    of the members (Friedland 1969, doi:10.1109/TAC.1969.1099223; Dee 2005,
    doi:10.1256/qj.05.137), and correlations between it and the stores, which an
    analysis makes, are left out. Its share and variance follow the differences that
    were seen.

    Parameters
    ----------
    settings : RemainderSettings
        Its share and variance before anything was seen, and how fast they follow.
    places : int
        How many.
    seconds : float
        Length of a step.

    Attributes
    ----------
    mean, variance : ndarray
        (place,) on the scale of what is observed.
    memory : dict of str to ndarray
        All that has to be remembered, the places last.
    """

    def __init__(
        self, settings: RemainderSettings, places: int, seconds: float
    ) -> None:
        time = span_of("correlation_time", settings.correlation_time)
        share = math.exp(-seconds / time) if time > 0.0 else 0.0
        span = span_of("memory", settings.memory)
        self._keep = math.exp(-seconds / span) if span > 0.0 else 1.0
        self._learns = span > 0.0
        count = max(1.0, PRIOR * span / seconds)
        power = count * settings.std**2
        self.mean, self.variance = np.zeros(places), np.full(places, settings.std**2)
        self._last, self._before = np.full(places, np.nan), np.full(places, np.nan)
        self._count = np.full(places, count)
        self._power = np.full(places, power)
        self._product = np.full(places, min(share, _MOST) * power)
        self._explained = np.zeros(places)
        self.memory = {
            "mean": self.mean,
            "variance": self.variance,
            "last": self._last,
            "before": self._before,
            "count": self._count,
            "power": self._power,
            "product": self._product,
            "explained": self._explained,
        }

    @property
    def share(self) -> Array:
        """What is left after a step, (place,), 0 to below 1."""
        share: Array = np.clip(self._product / self._power, 0.0, _MOST)
        return share

    def parameterize(self) -> None:
        """Take over what places are like, which says nothing here."""

    def step(self, predicted: Array | None = None) -> None:
        """Go on to the next step, of which nothing is known yet.

        Parameters
        ----------
        predicted : ndarray, optional
            (place,) what is predicted for it, which says nothing here.
        """
        share = self.share
        residual = np.maximum(self._power - self._explained, LEAST * self._power)
        usual = residual / self._count
        self.mean *= share
        self._before[:] = self._last
        self._last.fill(np.nan)
        self.variance[:] = share**2 * self.variance + (1.0 - share**2) * usual

    def update(
        self, at: Indices, innovation: Array, spread: Array, error: Array, used: Mask
    ) -> None:
        """Take over what was seen.

        Parameters
        ----------
        at : ndarray of int
            The places.
        innovation : ndarray
            Observed minus the members' mean and :attr:`mean`.
        spread, error : ndarray
            Standard deviations of the members, and of observation and this together.
        used : ndarray of bool
            Where the observation was used.
        """
        some = at[used]
        whole = spread[used] ** 2 + error[used] ** 2
        gain = self.variance[some] / whole
        difference = innovation[used] + self.mean[some]
        self.mean[some] += gain * innovation[used]
        self.variance[some] *= 1.0 - gain
        last = self._before[some]
        self._last[some] = difference
        if self._learns:
            both = ~np.isnan(last)
            pairs, last, now = some[both], last[both], difference[both]
            for total, new in (
                (self._count, np.ones_like(last)),
                (self._power, last**2),
                (self._product, last * now),
                (self._explained, spread[used][both] ** 2),
            ):
                total[pairs] = self._keep * total[pairs] + new

    def ahead(self, runner: Runner) -> Callable[[], Array]:
        """Return what is left after each step that a runner goes on from here.

        Parameters
        ----------
        runner : Runner
            The same model, of which nothing matters here.
        """
        share, mean = self.share, self.mean.copy()

        def left() -> Array:
            mean[:] = mean * share
            return np.array(mean)

        return left
