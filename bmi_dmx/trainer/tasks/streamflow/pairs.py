"""Simulated and observed series side by side: what all metrics are made of."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....errors import DataError

__all__ = ["FloatArray", "Pairs"]

FloatArray: TypeAlias = NDArray[np.float64]

LOW_SHARE, HIGH_SHARE = 0.3, 0.02
"""Shares of the flow-duration curve called low flow and peak flow."""


class Pairs:
    """Simulated and observed series where both are known, and what metrics share.

    Parameters
    ----------
    simulated, observed : array (T, B)
        NaN where missing.

    Raises
    ------
    DataError
        If the shapes differ or are not (T, B), T is 0, or a value is infinite.
    """

    def __init__(self, simulated: ArrayLike, observed: ArrayLike) -> None:
        s, o = np.asarray(simulated, np.float64), np.asarray(observed, np.float64)
        if s.shape != o.shape or s.ndim != 2 or not len(s):
            raise DataError(
                f"simulated has shape {s.shape}, observed {o.shape}; "
                "expected the same (time, basin) with at least one time step"
            )
        for name, values in (("simulated", s), ("observed", o)):
            if np.isinf(values).any():
                basin = int(np.isinf(values).any(axis=0).argmax())
                raise DataError(
                    f"{name} flow of basin {basin} contains infinite values"
                )
        missing = np.isnan(s) | np.isnan(o)
        self.simulated: FloatArray = np.where(missing, np.nan, s)
        self.observed: FloatArray = np.where(missing, np.nan, o)
        self.count: FloatArray = (~missing).sum(axis=0).astype(np.float64)

    def mean(self, values: FloatArray) -> FloatArray:
        """Return the mean over the pairs of each basin."""
        return np.asarray(np.nansum(values, axis=0) / self.count)

    def std(self, values: FloatArray) -> FloatArray:
        """Return the population standard deviation, exactly 0 for a constant series."""
        std = np.sqrt(self.mean((values - self.mean(values)) ** 2))
        # The rounded mean of a constant series may differ from it.
        constant = np.fmax.reduce(values, axis=0) == np.fmin.reduce(values, axis=0)
        return np.where(constant, 0.0, std)

    def transformed(self, function: Callable[[FloatArray], FloatArray]) -> Pairs:
        """Return the pairs of a function of the flows."""
        return Pairs(function(self.simulated), function(self.observed))

    @cached_property
    def mean_s(self) -> FloatArray:
        """μ of the simulation."""
        return self.mean(self.simulated)

    @cached_property
    def mean_o(self) -> FloatArray:
        """μ of the observations."""
        return self.mean(self.observed)

    @cached_property
    def std_s(self) -> FloatArray:
        """σ of the simulation."""
        return self.std(self.simulated)

    @cached_property
    def std_o(self) -> FloatArray:
        """σ of the observations."""
        return self.std(self.observed)

    @cached_property
    def ranked(self) -> Pairs:
        """Both series sorted upwards, each by itself, missing steps last."""
        return self.transformed(lambda values: np.sort(values, axis=0))

    def low(self) -> Pairs:
        """Return the lowest 30 % of both sorted series, at least one value."""
        return self._ranks(np.zeros_like(self.count), _share(self.count, LOW_SHARE))

    def high(self) -> Pairs:
        """Return the highest 2 % of both sorted series, at least one value."""
        return self._ranks(self.count - _share(self.count, HIGH_SHARE), self.count)

    def _ranks(self, start: FloatArray, stop: FloatArray) -> Pairs:
        rank = np.arange(len(self.observed))[:, None]
        inside = (rank >= start) & (rank < stop)
        return self.ranked.transformed(lambda values: np.where(inside, values, np.nan))


def _share(count: FloatArray, share: float) -> FloatArray:
    return np.maximum(np.floor(share * count + 0.5), 1.0)
