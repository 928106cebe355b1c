"""How filters followed truths: scores of every cycle, and what comes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .experiment import FilterRun
from .observation import Observation
from .scores import (
    crps,
    divergence_rate,
    flatness,
    innovation_consistency,
    rank_histogram,
    rmse,
    spread,
)
from .truth import Truth

__all__ = ["LOST", "SHOWN", "Record", "Tracking"]

Array = np.ndarray[Any, np.dtype[Any]]

SHOWN = 240
"""Cycles of which analyses are kept, to be looked at."""

LOST = 0.82
"""Standard deviations of the system that an error is beyond where a truth is lost."""

_SERIES = (
    "error", "forecast_error", "spread", "forecast_spread", "crps", "consistency",
)  # fmt: skip
"""What is known of each cycle."""


@dataclass(frozen=True, eq=False)
class Tracking:
    """How a filter followed the truths.

    Parameters
    ----------
    run : FilterRun
        The filter.
    burn_in : int
        Cycles that are left out of scores.
    limit : float
        Error beyond which a truth is lost.
    error, forecast_error : ndarray
        (setting, seed, cycle) root-mean-square errors of analyses and of the forecasts
        before them.
    spread, forecast_spread : ndarray
        Of the members of either, alike.
    crps : ndarray
        Of the analyses, alike.
    consistency : ndarray
        (setting, seed, cycle) of what the forecasts say of the innovations, 1 if true.
    innovation, expected : ndarray
        (setting, seed, cycle, p) observed less forecast, NaN where nothing was; and its
        standard deviation by spread and errors of observation.
    ranks : ndarray
        (setting, m + 1) how often the truth has each rank among the members.
    restarts : ndarray
        (setting, seed) how often an ensemble was no number any more, and was started
        again from what is usual.
    shown : ndarray
        (cycle, seed, n) mean analyses of the last cycles, of the first setting.
    """

    run: FilterRun
    burn_in: int
    limit: float
    error: Array
    forecast_error: Array
    spread: Array
    forecast_spread: Array
    crps: Array
    consistency: Array
    innovation: Array
    expected: Array
    ranks: Array
    restarts: Array
    shown: Array

    def scores(self) -> list[dict[str, Any]]:
        """Return medians over the seeds of each setting, and who lost track."""
        rows = []
        for at, (factor, radius) in enumerate(self.run.settings):
            means = {
                name: np.median(series[at, :, self.burn_in :].mean(-1))
                for name, series in (
                    ("rmse_analysis", self.error),
                    ("rmse_forecast", self.forecast_error),
                    ("spread", self.spread),
                    ("spread_forecast", self.forecast_spread), ("crps", self.crps),
                )
            }  # fmt: skip
            consistency = _known(self.consistency[at, :, self.burn_in :])
            means["consistency"] = np.median(consistency)
            late = self.error[at, :, self.burn_in :]
            row: dict[str, Any] = {
                "inflation": factor, "radius": radius,
                **{name: round(float(x), 4) for name, x in means.items()},
                "rmse_of_seeds": [round(float(x), 4) for x in late.mean(-1)],
                "divergence_rate": divergence_rate(late, self.limit),
                "restarts": int(self.restarts[at].sum()),
            }  # fmt: skip
            if self.run.members > 1:
                row["flatness"] = round(flatness(self.ranks[at]), 3)
            rows.append(row)
        return rows

    @property
    def best(self) -> int:
        """Which setting has the smallest median error."""
        late = self.error[..., self.burn_in :].mean(-1)
        return int(np.median(late, axis=-1).argmin())


def _known(series: Array) -> Array:
    """Return means over the cycles of which something is known, (seed,)."""
    there = ~np.isnan(series)
    total, count = np.where(there, series, 0.0).sum(-1), there.sum(-1)
    nothing = np.full(total.shape, np.nan)
    return np.asarray(np.divide(total, count, out=nothing, where=count > 0))


class Record:
    """Scores of each cycle as it is done.

    Parameters
    ----------
    truth : Truth
        What is followed.
    run : FilterRun
        By whom.
    """

    def __init__(self, truth: Truth, run: FilterRun) -> None:
        self._truth, self._run = truth, run
        experiment = truth.experiment
        sizes = (len(run.settings), experiment.seeds, experiment.cycles)
        self._series = {name: np.full(sizes, np.nan) for name in _SERIES}
        values = (2, *sizes, truth.operators.count)
        self._innovation, self._expected = np.full(values, np.nan, dtype=np.float32)
        self._ranks = np.zeros((len(run.settings), run.members + 1), dtype=np.int64)
        self._generator = np.random.default_rng(experiment.first_seed)
        shown = min(SHOWN, experiment.cycles)
        self._shown = np.empty((shown, experiment.seeds, truth.model.size))

    def add(self, cycle: int, forecast: Array, analysis: Array) -> None:
        """Score (setting, seed, m, n) ensembles at the end of a cycle."""
        truth, experiment = self._truth, self._truth.experiment
        true, series = truth.states[cycle + 1], self._series
        series["error"][..., cycle] = rmse(analysis.mean(-2), true)
        series["forecast_error"][..., cycle] = rmse(forecast.mean(-2), true)
        series["crps"][..., cycle] = crps(analysis, true).mean(-1)
        predicted = truth.operators.predict(forecast, cycle)
        observation = truth.observation(cycle)
        self._innovation[..., cycle, :] = observation.value - predicted.mean(-2)
        if (from_end := experiment.cycles - cycle) <= len(self._shown):
            self._shown[-from_end] = analysis[0].mean(-2)
        if analysis.shape[-2] > 1:
            series["spread"][..., cycle] = spread(analysis)
            series["forecast_spread"][..., cycle] = spread(forecast)
            self._compare(cycle, predicted, observation)
            if cycle >= experiment.burn_in:
                for row, some in zip(self._ranks, analysis, strict=True):
                    row += rank_histogram(some, true, self._generator)

    def _compare(self, cycle: int, predicted: Array, observation: Observation) -> None:
        """Compare what was observed with what members said of it."""
        several = Observation(
            np.broadcast_to(observation.value, predicted.mean(-2).shape),
            observation.error,
        )
        consistency = innovation_consistency(predicted, several)
        self._series["consistency"][..., cycle] = consistency
        variance = predicted.var(-2, ddof=1) + np.asarray(observation.error) ** 2
        self._expected[..., cycle, :] = np.sqrt(variance)

    def followed(self, restarts: Array) -> Tracking:
        """Return all of it."""
        return Tracking(
            run=self._run, burn_in=self._truth.experiment.burn_in,
            limit=LOST * self._truth.climate.deviation, **self._series,
            innovation=self._innovation, expected=self._expected, ranks=self._ranks,
            restarts=restarts, shown=self._shown,
        )  # fmt: skip
