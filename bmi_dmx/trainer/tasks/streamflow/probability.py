"""How good a range of flows is: sharpness and reliability of several simulations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....errors import DataError
from ....operate.spread import quantile

__all__ = ["CLASSES", "LEVELS", "Range", "Residuals", "coverage", "crps", "ranks"]

Array = NDArray[np.float64]

LEVELS = (np.arange(20) + 0.5) / 20.0
"""Shares of the distribution at which calibrated flows are given."""

CLASSES = 10
"""Classes of flow, each of as many steps, by which residuals are told apart."""

_AT_ONCE = 1 << 23  # numbers

_LEAST = 0.01  # of the mean flow of a place, that errors are measured against at least


def crps(
    values: Array,
    observed: Array,
    weights: ArrayLike | None = None,
    *,
    fair: bool = False,
) -> Array:
    r"""Return the continuous ranked probability score of each place.

    .. math:: \sum_i w_i |x_i - o| - \frac12 \sum_{ij} w_i w_j |x_i - x_j|

    in the mean over steps (Matheson & Winkler 1976, doi:10.1287/mnsc.22.10.1087; this
    form Gneiting & Raftery 2007, doi:10.1198/016214506000001437). Of a single
    simulation it is the mean absolute error.

    Parameters
    ----------
    values : array (M, T, B)
        By model; units are those of the score.
    observed : array (T, B)
        NaN where missing.
    weights : array_like (M,), optional
        Default: all alike.
    fair : bool
        Whether the second sum is divided by the weight of its pairs of two,
        :math:`1 - \sum_i w_i^2`: the score that infinitely many such simulations are
        expected to have, which does not reward one ensemble for being larger than
        another (Ferro 2014, doi:10.1002/qj.2270).

    Returns
    -------
    array (B,)
        NaN without observations, and of one simulation alone where it is to be fair.
    """
    count = len(values)
    w = _weights(count, weights)
    if fair and count < 2:
        return np.full(observed.shape[1], np.nan)
    two = 1.0 - float(w @ w) if fair else 1.0
    error = np.tensordot(w, np.abs(values - observed), 1)
    order = np.argsort(values, axis=0, kind="stable")
    ranked, sizes = np.take_along_axis(values, order, axis=0), w[order]
    below = sizes.cumsum(axis=0)
    # Half the sum over all pairs, of which each gap parts those below and above it.
    gaps = np.diff(ranked, axis=0) * below[:-1] * (1.0 - below[:-1])
    return _mean(error - gaps.sum(axis=0) / two, observed)


def coverage(
    values: Array,
    observed: Array,
    share: float = 0.9,
    weights: ArrayLike | None = None,
) -> Array:
    """Return how often observations lie in the central range of a share, by place.

    Parameters
    ----------
    values, observed, weights
        As of :func:`crps`.
    share : float
        Of the distribution; a reliable range covers this share of observations.
    """
    w = _weights(len(values), weights)
    low, high = (quantile(values, (1.0 + s * share) / 2.0, w) for s in (-1.0, 1.0))
    return _mean(((observed >= low) & (observed <= high)).astype(float), observed)


def ranks(values: Array, observed: Array) -> NDArray[np.int64]:
    """Return how many observations have 0 to M simulations below them.

    Of a reliable range all are equally many (Hamill 2001,
    doi:10.1175/1520-0493(2001)129<0550:IORHFV>2.0.CO;2). Among equal values the rank is
    the middle one.

    Parameters
    ----------
    values, observed
        As of :func:`crps`.
    """
    there = np.isfinite(observed)
    below = (values < observed).sum(axis=0)
    equal = (values == observed).sum(axis=0)
    rank = (below + equal // 2)[there]
    return np.bincount(rank, minlength=len(values) + 1)


@dataclass(frozen=True)
class Range:
    """How good a range of flows is.

    Parameters
    ----------
    scores : mapping of str to array (B,)
        ``crps``, of a sample of simulations ``crps_fair`` as well, mm per day, and
        ``coverage_90``.
    ranks : array of int
        Observations of all basins by their rank among the flows.
    about : str
        What the range is of.
    """

    scores: Mapping[str, Array]
    ranks: NDArray[np.int64]
    about: str

    @classmethod
    def scored(
        cls,
        values: Array,
        observed: Array,
        weights: ArrayLike | None = None,
        *,
        about: str,
        sample: bool,
    ) -> Range:
        """Score flows as of :func:`crps`.

        Parameters
        ----------
        values, observed, weights
            As of :func:`crps`.
        about : str
            What the range is of.
        sample : bool
            Whether the flows are some of many that might have been; else they are
            quantiles, all that there are.
        """
        pieces: list[dict[str, Array]] = []
        counts = np.zeros(len(values) + 1, dtype=np.int64)
        # Sorting takes several times the room of the flows.
        for at in _blocks(values.shape):
            x, o = values[:, :, at], observed[:, at]
            scores = {"crps": crps(x, o, weights)}
            if sample:
                scores["crps_fair"] = crps(x, o, weights, fair=True)
            scores["coverage_90"] = coverage(x, o, 0.9, weights)
            pieces.append(scores)
            counts += ranks(x, o)
        joined = {n: np.concatenate([one[n] for one in pieces]) for n in pieces[0]}
        return cls(joined, counts, about)


@dataclass(frozen=True)
class Residuals:
    """Errors of a simulation on days that it may learn from, by class of flow.

    Classes are by the rank of the simulated flow among those of the same place in these
    days. An error is measured against the flow, and at least against a hundredth of
    the mean one of the place; those of a class are pooled over places (Montanari &
    Grossi 2008, doi:10.1029/2008WR006897, condition errors on the flow in this spirit).

    Parameters
    ----------
    edges : array (CLASSES - 1, B)
        Flows between the classes.
    means : array (B,)
        Mean simulated flow.
    quantiles : array (CLASSES, LEVELS)
        Of the relative errors.
    """

    edges: Array
    means: Array
    quantiles: Array

    @classmethod
    def learned(cls, simulated: Array, observed: Array) -> Residuals:
        """Learn from days that are not to test.

        Parameters
        ----------
        simulated, observed : array (T, B)
            Missing observations are NaN.

        Raises
        ------
        DataError
            A class has fewer errors than there are quantiles.
        """
        inner = np.arange(1, CLASSES) / CLASSES
        edges = np.quantile(simulated, inner, axis=0)
        residuals = cls(edges, simulated.mean(axis=0), np.empty((CLASSES, len(LEVELS))))
        classes = residuals._classes(simulated)
        errors = (observed - simulated) / residuals._scale(simulated)
        for k in range(CLASSES):
            sample = errors[(classes == k) & np.isfinite(errors)]
            if sample.size < len(LEVELS):
                raise DataError(
                    f"calibration: {sample.size} observations in class {k + 1} of "
                    f"{CLASSES} of the flow, expected at least {len(LEVELS)}"
                )
            residuals.quantiles[k] = np.quantile(sample, LEVELS, method="hazen")
        return residuals

    def around(self, simulated: Array) -> Array:
        """Return the flows at :data:`LEVELS` around a simulation, (LEVELS, T, B)."""
        errors = np.moveaxis(self.quantiles[self._classes(simulated)], -1, 0)
        return np.maximum(simulated + errors * self._scale(simulated), 0.0)

    def _classes(self, simulated: Array) -> NDArray[np.int64]:
        return np.asarray((simulated[None] > self.edges[:, None]).sum(axis=0))

    def _scale(self, simulated: Array) -> Array:
        least = np.maximum(_LEAST * self.means, np.finfo(float).tiny)
        return np.maximum(simulated, least)


def _blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Yield the places, as many at a time as are sorted at once."""
    count, steps, places = shape
    size = max(1, _AT_ONCE // (count * steps))
    for first in range(0, places, size):
        yield slice(first, first + size)


def _weights(count: int, weights: ArrayLike | None) -> Array:
    w = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    return np.asarray(w / w.sum())


def _mean(values: Array, observed: Array) -> Array:
    there = np.isfinite(observed)
    total = np.where(there, values, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / there.sum(axis=0))
