"""What a routed river must beat: the same inflow, summed up and at most shifted.

Both are of the gauges and days of the model. The sum knows no flow that was measured;
the lag is fitted to that of the training period.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..streamflow.metrics import score
from .data import RiverData

__all__ = ["ABOUT", "LAGGED", "SUMMED", "Lag", "lagged", "summed"]

Array = NDArray[np.float64]

SUMMED, LAGGED = "summed inflow", "constant lag"

ABOUT = {
    SUMMED: "lateral inflow of all reaches above the gauge on the same day",
    LAGGED: "the same, later by the hours that fit the training period best, gauge by"
    " gauge",
}
"""What the baselines are, by name."""

HOURS = np.arange(-24, 121)
"""Lags that are tried, positive for later."""


def summed(data: RiverData) -> Array:
    """Return the sum of the inflow above every gauge, (step of the inflow, gauge)."""
    tree = data.river.tree
    at = tree.positions(data.gauges.reaches)
    sums = np.empty((len(data.inflow), len(data.gauges)))
    for k, (reach, place) in enumerate(
        zip(data.gauges.reaches, at.tolist(), strict=True)
    ):
        above = tree.upstream_of([reach])
        total = data.inflow[:, above].sum(axis=1, dtype=np.float64)
        below = (1.0 - data.gauges.share[k]) * data.inflow[:, place]
        sums[:, k] = total - below
    return sums


def daily(series: Array, per_day: int) -> Array:
    """Return means of days, (day, gauge)."""
    means: Array = series.reshape(-1, per_day, series.shape[1]).mean(axis=1)
    return means


def lagged(series: Array, per_day: int, hours: float) -> Array:
    """Return means of days of a series that comes later by some hours.

    Within a step it does not change; what lies before the first step is like it.

    Parameters
    ----------
    series : array (step, gauge)
        With ``per_day`` steps in a day.
    per_day : int
        At most 24 where lags are whole hours.
    hours : float
        By how much later; earlier when below 0.
    """
    steps = hours * per_day / 24.0
    low = int(np.floor(steps))
    part = steps - low
    first, last = _later(series, low), _later(series, low + 1)
    return daily((1.0 - part) * first + part * last, per_day)


def _later(series: Array, steps: int) -> Array:
    at = np.clip(np.arange(len(series)) - steps, 0, len(series) - 1)
    return series[at]


class Lag:
    """The lag that fits the training period best, gauge by gauge.

    A gauge without observations there gets the median of the others; where nothing is
    observed, it is 0.

    Parameters
    ----------
    data : RiverData
        Inflow and observations.
    train : slice
        Days of the training period.

    Attributes
    ----------
    hours : (gauge,) array
        By how much later the summed inflow is taken.
    """

    def __init__(self, data: RiverData, train: slice) -> None:
        self._sums, self._per_day = summed(data), data.per_day
        self.hours = np.zeros(len(data.gauges))
        observed = data.observed[train]
        if not len(observed):
            return
        fits = np.stack(
            [
                score(self._days(float(h))[train], observed, ["nse"])["nse"]
                for h in HOURS
            ]
        )
        has_fit = np.isfinite(fits).any(axis=0)
        best = np.where(np.isfinite(fits), fits, -np.inf)[:, has_fit].argmax(axis=0)
        self.hours[has_fit] = HOURS[best]
        if has_fit.any():
            self.hours[~has_fit] = np.median(self.hours[has_fit])

    def _days(self, hours: float) -> Array:
        return lagged(self._sums, self._per_day, hours)

    def flow(self) -> dict[str, Array]:
        """Return the flow of all days by baseline, (day, gauge), m3 s-1."""
        late = np.empty((len(self._sums) // self._per_day, len(self.hours)))
        for value in np.unique(self.hours):
            gauges = self.hours == value
            late[:, gauges] = self._days(float(value))[:, gauges]
        return {SUMMED: daily(self._sums, self._per_day), LAGGED: late}

    def plain(self, ids: tuple[str, ...]) -> dict[str, Any]:
        """Return the lags by gauge, hours."""
        return dict(zip(ids, self.hours.tolist(), strict=True))
