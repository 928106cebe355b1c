"""Scores of simulated against observed flow, vectorised over basins, in float64.

:func:`score` takes two (T, B) arrays and returns one value per basin and metric. Only
pairs enter: time steps at which both series have a number. A score that is not defined
is NaN, never an exception: fewer than two pairs, a constant observed series where a
spread or correlation is needed, a zero observed volume in a relative error.

Symbols: s simulated, o observed flow; μ mean, σ population standard deviation, r
Pearson correlation. The flow-duration metrics sort the two series *separately*, so they
compare distributions and not days.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....errors import ConfigError
from ....registry import Registry
from .pairs import FloatArray, Pairs
from .signatures import baseflow_index, flashiness

__all__ = [
    "Metric",
    "Summary",
    "median",
    "median_of_all",
    "metrics",
    "metrics_named",
    "score",
    "summarise",
]

LEAST_FLOW = 0.01
"""Flow (mm per day) below which logarithms do not look, also in the losses."""

PEAK_DISTANCE, PEAK_SEARCH = 30, 3
"""Steps around an observed peak that are lower; steps searched for the simulated."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A score: its function and what a reader of the number must know.

    Parameters
    ----------
    function : callable
        From :class:`Pairs` to an array (B,).
    units : str
        UDUNITS string of the score for flows in mm per day.
    about : str
        One line of meaning.
    ideal : float or None
        Value of a perfect simulation; None for a count.
    """

    function: Callable[[Pairs], FloatArray]
    units: str
    about: str
    ideal: float | None


metrics: Registry[Metric] = Registry("metric")

Function: TypeAlias = Callable[[Pairs], FloatArray]


def metrics_named(names: Literal["all"] | Sequence[str]) -> list[str]:
    """Return the names of the metrics that are asked for.

    Raises
    ------
    ConfigError
        There is none, or one is not registered.
    """
    if not names:
        raise ConfigError("metrics: the list is empty, expected names or 'all'")
    if names == "all":
        return list(metrics)
    for name in names:
        metrics[name]
    return list(names)


def _metric(
    name: str, *, units: str, ideal: float | None
) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        # Python without docstrings (-OO) has nothing to tell.
        about = (function.__doc__ or "").partition("\n")[0].rstrip(".")
        metrics.register(name)(
            Metric(function=function, units=units, about=about, ideal=ideal)
        )
        return function

    return register


def score(
    simulated: ArrayLike, observed: ArrayLike, names: Iterable[str] | None = None
) -> dict[str, FloatArray]:
    """Compute scores per basin.

    Parameters
    ----------
    simulated, observed : array (T, B)
        Flow in mm per day, NaN where missing.
    names : iterable of str, optional
        Registered metrics; all of them by default.

    Returns
    -------
    dict of str to array (B,)
        In the order of ``names``; NaN where the score is not defined.

    Raises
    ------
    ConfigError
        If a metric is not registered.
    DataError
        If the arrays do not fit together or hold infinite values.
    """
    functions = {
        name: metrics[name] for name in (metrics.names() if names is None else names)
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        pairs = Pairs(simulated, observed)
        return {name: _defined(metric, pairs) for name, metric in functions.items()}


def _defined(metric: Metric, pairs: Pairs) -> FloatArray:
    values = metric.function(pairs)
    if metric.ideal is None:
        return values
    return np.where((pairs.count >= 2) & np.isfinite(values), values, np.nan)


@_metric("nse", units="1", ideal=1.0)
def nse(pairs: Pairs) -> FloatArray:
    """Nash-Sutcliffe efficiency: 1 − Σ(s − o)² / Σ(o − μo)².

    Nash & Sutcliffe 1970, doi:10.1016/0022-1694(70)90255-6.
    """
    return 1 - _mean_square(pairs) / pairs.std_o**2


@_metric("kge", units="1", ideal=1.0)
def kge(pairs: Pairs) -> FloatArray:
    """Kling-Gupta efficiency (2009): 1 − √((r − 1)² + (α − 1)² + (β − 1)²).

    Gupta et al. 2009, doi:10.1016/j.jhydrol.2009.08.003. The mean flow scores 1 − √2
    (Knoben et al. 2019, doi:10.5194/hess-23-4323-2019).
    """
    return _distance(r(pairs), alpha(pairs), beta(pairs))


@_metric("kge_prime", units="1", ideal=1.0)
def kge_prime(pairs: Pairs) -> FloatArray:
    """Kling-Gupta efficiency (2012): as kge with γ = (σs/μs) / (σo/μo) instead of α.

    Kling et al. 2012, doi:10.1016/j.jhydrol.2012.01.011.
    """
    return _distance(r(pairs), alpha(pairs) / beta(pairs), beta(pairs))


def _distance(*components: FloatArray) -> FloatArray:
    return 1 - np.sqrt(sum(((part - 1) ** 2 for part in components), np.float64(0)))


@_metric("r", units="1", ideal=1.0)
def r(pairs: Pairs) -> FloatArray:
    """Pearson correlation; 0 for a constant simulation, which follows nothing."""
    product = (pairs.simulated - pairs.mean_s) * (pairs.observed - pairs.mean_o)
    value = np.clip(pairs.mean(product) / (pairs.std_s * pairs.std_o), -1.0, 1.0)
    return np.where((pairs.std_s == 0) & (pairs.std_o > 0), 0.0, value)


@_metric("alpha", units="1", ideal=1.0)
def alpha(pairs: Pairs) -> FloatArray:
    """Ratio of standard deviations: σs / σo."""
    return pairs.std_s / pairs.std_o


@_metric("beta", units="1", ideal=1.0)
def beta(pairs: Pairs) -> FloatArray:
    """Ratio of means: μs / μo."""
    return pairs.mean_s / pairs.mean_o


@_metric("bias", units="percent", ideal=0.0)
def bias(pairs: Pairs) -> FloatArray:
    """Relative error of the volume: 100 Σ(s − o) / Σo."""
    error = np.nansum(pairs.simulated - pairs.observed, axis=0)
    return np.asarray(100 * error / np.nansum(pairs.observed, axis=0))


def _absolute_bias(pairs: Pairs) -> FloatArray:
    error = np.nansum(np.abs(pairs.simulated - pairs.observed), axis=0)
    return np.asarray(100 * error / np.nansum(pairs.observed, axis=0))


@_metric("fhv", units="percent", ideal=0.0)
def fhv(pairs: Pairs) -> FloatArray:
    """Bias of the peak flows, the highest 2 % of the flow-duration curve.

    Yilmaz et al. 2008, doi:10.1029/2007WR006716.
    """
    return bias(pairs.high())


@_metric("fhv_abs", units="percent", ideal=0.0)
def fhv_abs(pairs: Pairs) -> FloatArray:
    """Absolute error of the peak flows (highest 2 %): 100 Σ|s − o| / Σo."""
    return _absolute_bias(pairs.high())


@_metric("flv", units="percent", ideal=0.0)
def flv(pairs: Pairs) -> FloatArray:
    """Bias of the low flows, the lowest 30 % of the flow-duration curve.

    In flow, as in the benchmarks of differentiable models (Feng et al. 2022,
    doi:10.1029/2022WR032404); Yilmaz et al. 2008 take logarithms.
    """
    return bias(pairs.low())


@_metric("flv_abs", units="percent", ideal=0.0)
def flv_abs(pairs: Pairs) -> FloatArray:
    """Absolute error of the low flows (lowest 30 %): 100 Σ|s − o| / Σo."""
    return _absolute_bias(pairs.low())


@_metric("fms", units="percent", ideal=0.0)
def fms(pairs: Pairs) -> FloatArray:
    """Bias of the slope of the flow-duration curve between 20 % and 70 % exceedance.

    Of ln max(q, 0.01). Yilmaz et al. 2008, doi:10.1029/2007WR006716.
    """
    curve = pairs.ranked.transformed(log_flow)
    slope_s, slope_o = (
        _quantile(values, pairs.count, 0.8) - _quantile(values, pairs.count, 0.3)
        for values in (curve.simulated, curve.observed)
    )
    return 100 * (slope_s - slope_o) / slope_o


def _quantile(ranked: FloatArray, count: FloatArray, probability: float) -> FloatArray:
    """Quantile of sorted columns of different lengths, linear between ranks."""
    rank = np.maximum(probability * (count - 1), 0.0)
    lower = np.floor(rank).astype(np.intp)
    upper = np.ceil(rank).astype(np.intp)
    low, high = (np.take_along_axis(ranked, i[None], axis=0)[0] for i in (lower, upper))
    return np.asarray(low + (rank - lower) * (high - low))


@_metric("rmse", units="mm d-1", ideal=0.0)
def rmse(pairs: Pairs) -> FloatArray:
    """Root mean squared error: √mean (s − o)²."""
    return np.sqrt(_mean_square(pairs))


def _mean_square(pairs: Pairs) -> FloatArray:
    return pairs.mean((pairs.simulated - pairs.observed) ** 2)


@_metric("rmse_low", units="mm d-1", ideal=0.0)
def rmse_low(pairs: Pairs) -> FloatArray:
    """Root mean squared error of the low flows (lowest 30 %)."""
    return rmse(pairs.low())


@_metric("rmse_peak", units="mm d-1", ideal=0.0)
def rmse_peak(pairs: Pairs) -> FloatArray:
    """Root mean squared error of the peak flows (highest 2 %)."""
    return rmse(pairs.high())


def log_flow(flow: FloatArray) -> FloatArray:
    """Return ln max(q, 0.01)."""
    return np.log(np.maximum(flow, LEAST_FLOW))


@_metric("log_nse", units="1", ideal=1.0)
def log_nse(pairs: Pairs) -> FloatArray:
    """Nash-Sutcliffe efficiency of ln max(q, 0.01), which looks at low flows."""
    return nse(pairs.transformed(log_flow))


@_metric("sqrt_nse", units="1", ideal=1.0)
def sqrt_nse(pairs: Pairs) -> FloatArray:
    """Nash-Sutcliffe efficiency of √q, which looks at all flows; negative q is 0."""
    return nse(pairs.transformed(lambda flow: np.sqrt(np.maximum(flow, 0.0))))


@_metric("peak_timing", units="steps", ideal=0.0)
def peak_timing(pairs: Pairs) -> FloatArray:
    """Mean absolute lag of the highest simulated flow near each observed peak.

    An observed peak exceeds μo + σo and everything within 30 steps; the simulated one
    is looked for within 3 steps (after Kratzert et al. 2021,
    doi:10.5194/hess-25-2685-2021, with an explicit rule for what a peak is). Where the
    simulation is constant in these steps it has no peak, and the observed one does not
    count. NaN without a peak.
    """
    observed = np.nan_to_num(pairs.observed, nan=-np.inf)
    simulated = np.nan_to_num(pairs.simulated, nan=-np.inf)
    peak = observed > pairs.mean_o + pairs.std_o
    for lag in range(1, PEAK_DISTANCE + 1):
        # Of equal flows the first is the peak.
        peak &= (observed > _shifted(observed, -lag)) & (
            observed >= _shifted(observed, lag)
        )
    highest, distance = simulated, np.zeros_like(simulated)
    negated = deepest = np.nan_to_num(-pairs.simulated, nan=-np.inf)
    for lag in range(1, PEAK_SEARCH + 1):
        near = np.maximum(_shifted(simulated, -lag), _shifted(simulated, lag))
        distance = np.where(near > highest, lag, distance)
        highest = np.maximum(near, highest)
        below = np.maximum(_shifted(negated, -lag), _shifted(negated, lag))
        deepest = np.maximum(below, deepest)
    peak &= highest > -deepest
    return np.asarray((distance * peak).sum(axis=0) / peak.sum(axis=0))


def _shifted(values: FloatArray, lag: int) -> FloatArray:
    """Value ``lag`` steps later, −∞ beyond the ends."""
    outside = np.full((min(abs(lag), len(values)), values.shape[1]), -np.inf)
    parts = (values[lag:], outside) if lag > 0 else (outside, values[:lag])
    return np.concatenate(parts)


@_metric("flashiness_error", units="percent", ideal=0.0)
def flashiness_error(pairs: Pairs) -> FloatArray:
    """Relative error of the flashiness (Richards-Baker): 100 (RB(s) / RB(o) − 1).

    See :func:`~.signatures.flashiness`.
    """
    return 100 * (flashiness(pairs.simulated) / flashiness(pairs.observed) - 1)


@_metric("bfi_error", units="1", ideal=0.0)
def bfi_error(pairs: Pairs) -> FloatArray:
    """Error of the baseflow index: BFI(s) − BFI(o).

    See :func:`~.signatures.baseflow_index`.
    """
    return baseflow_index(pairs.simulated) - baseflow_index(pairs.observed)


@_metric("n_observations", units="1", ideal=None)
def n_observations(pairs: Pairs) -> FloatArray:
    """Count of pairs: time steps with a simulated and an observed value."""
    return pairs.count


def median(values: ArrayLike) -> tuple[float, int]:
    """Return the median over basins where the score is defined, and their number.

    The median is NaN when the score is defined nowhere.
    """
    finite = _finite(values)
    return (float(np.median(finite)) if finite.size else math.nan), finite.size


def median_of_all(name: str, simulated: ArrayLike, observed: ArrayLike) -> float:
    """Return the median score over basins; where nothing is simulated it is the worst.

    Parameters
    ----------
    name : str
        A score that is the better the higher it is.
    simulated, observed : array (T, B)
        As of :func:`score`.

    Returns
    -------
    float
        NaN where no basin has a score; minus infinity where half of them diverged.
    """
    values = score(simulated, observed, [name])[name]
    diverged = (np.isnan(simulated) & np.isfinite(observed)).any(axis=0)
    values = np.where(diverged, -np.inf, values)
    there = values[~np.isnan(values)]
    return float(np.median(there)) if there.size else math.nan


@dataclass(frozen=True)
class Summary:
    """Distribution of one score over basins; NaN when it is defined nowhere.

    Parameters
    ----------
    basins, defined : int
        Number of basins, and of those with a defined score.
    mean, minimum, q05, q25, median, q75, q95, maximum : float
        Over the basins with a defined score; quantiles are linear between ranks.
    """

    basins: int
    defined: int
    mean: float
    minimum: float
    q05: float
    q25: float
    median: float
    q75: float
    q95: float
    maximum: float


def summarise(values: ArrayLike) -> Summary:
    """Summarise one score over basins, ignoring where it is not defined."""
    basins, finite = np.size(values), _finite(values)
    if not finite.size:
        return Summary(basins, 0, *[math.nan] * 8)
    levels = np.quantile(finite, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]).tolist()
    return Summary(basins, finite.size, float(finite.mean()), *levels)


def _finite(values: ArrayLike) -> NDArray[Any]:
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]
