"""How good analyses and forecasts are, and whether their spread says how good."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from ..space.description import Array
from .observation import Observation

__all__ = [
    "SpreadSkill",
    "crps",
    "divergence_rate",
    "flatness",
    "innovation_consistency",
    "rank_histogram",
    "rmse",
    "spread",
    "spread_skill",
]


def rmse(estimate: Array, truth: Array) -> Array:
    """Return root-mean-square errors over the entries of states.

    Parameters
    ----------
    estimate, truth : ndarray
        (…, n); NaN of the truth is left out.

    Returns
    -------
    ndarray
        (…,); NaN where all of the truth is missing.
    """
    square = (np.asarray(estimate) - truth) ** 2
    there = ~np.isnan(truth)
    count = np.broadcast_to(there, square.shape).sum(-1)
    total = np.where(there, square, 0.0).sum(-1)
    return np.asarray(np.sqrt(_ratio(total, count)))


def spread(ensemble: Array) -> Array:
    """Return the spread of ensembles, which in perfect ones is as large as the error.

    √(mean variance) · √((m + 1)/m), of which the last accounts for the finite ensemble
    (Fortin et al. 2014, doi:10.1175/JHM-D-14-0008.1).

    Parameters
    ----------
    ensemble : ndarray
        (…, m, n).

    Returns
    -------
    ndarray
        (…,).
    """
    members = _members("spread", ensemble)
    variance = ensemble.var(-2, ddof=1).mean(-1)
    return np.asarray(np.sqrt(variance * (members + 1) / members))


@dataclass(frozen=True, eq=False)
class SpreadSkill:
    """Spread and error of forecasts, sorted by spread into classes of equal size.

    Parameters
    ----------
    spread, error : ndarray
        (class,) root mean squares.
    """

    spread: Array
    error: Array

    @property
    def ratio(self) -> float:
        """Spread over error of all; 1 is reliable."""
        squares = (self.spread**2).mean() / (self.error**2).mean()
        return float(np.sqrt(squares))


def spread_skill(ensemble: Array, truth: Array, classes: int = 10) -> SpreadSkill:
    """Return how errors grow with spread, entry by entry.

    Parameters
    ----------
    ensemble : ndarray
        (…, m, n).
    truth : ndarray
        (…, n); NaN is left out.
    classes : int
        Into how many classes of spread, of the same size but for rounding.
    """
    members = _members("spread_skill", ensemble)
    variance = ensemble.var(-2, ddof=1) * (members + 1) / members
    square = (ensemble.mean(-2) - truth) ** 2
    there = ~np.isnan(square)
    order = np.argsort(variance[there], kind="stable")
    if len(order) < classes:
        raise DataError(
            f"spread_skill: expected at least {classes} values, one for each class, "
            f"found {len(order)}"
        )
    parts = np.array_split(order, classes)
    sorted_by = [
        np.sqrt([values[there][part].mean() for part in parts])
        for values in (variance, square)
    ]
    return SpreadSkill(*sorted_by)


def crps(ensemble: Array, truth: Array) -> Array:
    """Return the continuous ranked probability score that is fair to small ensembles.

    Ferro (2014), doi:10.1002/qj.2270: mean |x − y| less half the mean |x − x'| over
    pairs of different members. Of one member it is the absolute error.

    Parameters
    ----------
    ensemble : ndarray
        (…, m, n).
    truth : ndarray
        (…, n).

    Returns
    -------
    ndarray
        (…, n); NaN where the truth is.
    """
    members = ensemble.shape[-2]
    error = np.abs(ensemble - np.asarray(truth)[..., None, :]).mean(-2)
    if members == 1:
        return np.asarray(error)
    # Of sorted members, how often each is the larger of a pair less how often not.
    often = 2.0 * np.arange(members)[:, None] - members + 1.0
    apart = (often * np.sort(ensemble, axis=-2)).sum(-2)
    return np.asarray(error - apart / (members * (members - 1)))


def rank_histogram(
    ensemble: Array, truth: Array, generator: np.random.Generator
) -> Array:
    """Return how often the truth has each rank among the members.

    Hamill (2001), doi:10.1175/1520-0493(2001)129<0550:IORHFV>2.0.CO;2. Among members
    that equal the truth its rank is drawn. Errors of observations have to be added to
    the members where the truth is an observation.

    Parameters
    ----------
    ensemble : ndarray
        (…, m, n).
    truth : ndarray
        (…, n); NaN is left out.
    generator : numpy.random.Generator
        For ties.

    Returns
    -------
    ndarray of int
        (m + 1,) counts.
    """
    truth = np.asarray(truth)[..., None, :]
    below = (ensemble < truth).sum(-2)
    ties = (ensemble == truth).sum(-2)
    rank = below + generator.integers(0, ties + 1)
    there = ~np.isnan(truth[..., 0, :])
    return np.asarray(np.bincount(rank[there], minlength=ensemble.shape[-2] + 1))


def flatness(counts: Array) -> float:
    """Return χ² of a rank histogram against a flat one, by its degrees of freedom.

    About 1 where ranks are independent and the ensemble is reliable.

    Parameters
    ----------
    counts : ndarray
        (m + 1,).
    """
    counts = np.asarray(counts)
    if not counts.sum() > 0:
        raise DataError("flatness: expected counts, found none")
    expected = counts.sum() / len(counts)
    return float(((counts - expected) ** 2).sum() / expected / (len(counts) - 1))


def innovation_consistency(predicted: Array, observation: Observation) -> Array:
    """Return dᵀ(HPHᵀ + R)⁻¹d/p of the innovations d, which is 1 on average.

    Ménard et al. (2000), doi:10.1175/1520-0493(2000)128<2654:AOSCTO>2.0.CO;2. Larger
    where the ensemble or the errors are too small. Covariances are those of the
    ensemble, which is why few members and many observations make it larger, too.

    Parameters
    ----------
    predicted : ndarray
        (…, m, p) of the forecast.
    observation : Observation
        (…, p).

    Returns
    -------
    ndarray
        (…,); NaN where nothing was observed.
    """
    members = _members("innovation_consistency", predicted)
    valid = observation.valid
    weight = np.divide(1.0, observation.error, out=np.zeros(valid.shape), where=valid)
    mean = predicted.mean(-2)
    innovation = np.where(valid, observation.value - mean, 0.0) * weight
    anomalies = (predicted - mean[..., None, :]) * weight[..., None, :]
    covariance = np.swapaxes(anomalies, -1, -2) @ anomalies / (members - 1)
    covariance = covariance + np.eye(valid.shape[-1])
    solved = np.linalg.solve(covariance, innovation[..., None])[..., 0]
    return np.asarray(_ratio((innovation * solved).sum(-1), valid.sum(-1)))


def divergence_rate(errors: Array, limit: float = 3.0, share: float = 0.01) -> float:
    """Return the share of runs that lose track of the truth.

    Parameters
    ----------
    errors : ndarray
        (run, cycle) root-mean-square errors; one that is no number is beyond any limit.
    limit : float
        Error beyond which track is lost.
    share : float
        Of the cycles of a run that may be.
    """
    diverged = ~(np.asarray(errors) <= limit)
    return float((diverged.mean(-1) > share).mean())


def _members(name: str, ensemble: Array) -> int:
    members = int(ensemble.shape[-2])
    if members < 2:
        raise DataError(f"{name}: expected at least 2 members, found {members}")
    return members


def _ratio(total: Array, count: Array) -> Array:
    """Return total / count; NaN where nothing was counted."""
    nothing = np.full(np.shape(total), np.nan)
    return np.asarray(np.divide(total, count, out=nothing, where=count > 0))
