"""Errors of forecasts that outlast a step, and what they say of the next steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from ..space.description import Array

__all__ = ["Autoregression"]


@dataclass(frozen=True, eq=False)
class Autoregression:
    """Error of first order: that of a step is a share of that of the step before.

    Parameters
    ----------
    share : ndarray or float
        (…,) ρ of every problem, −1 to 1.

    Raises
    ------
    DataError
        When a share is none.
    """

    share: Array | float

    def __post_init__(self) -> None:
        share = np.asarray(self.share)
        if not (np.abs(share) <= 1.0).all():
            raise DataError(f"share: expected -1 to 1, found {share}")

    @classmethod
    def fitted(cls, errors: Array) -> Autoregression:
        """Return the autoregression of least squares.

        Parameters
        ----------
        errors : ndarray
            (time, …) observed minus forecast; NaN is missing. Pairs of steps that are
            both there count; of a problem without any, the share is 0.
        """
        errors = np.asarray(errors)
        both = ~(np.isnan(errors[:-1]) | np.isnan(errors[1:]))
        before = np.where(both, errors[:-1], 0.0)
        after = np.where(both, errors[1:], 0.0)
        power = (before**2).sum(0)
        product = (before * after).sum(0)
        share = np.divide(product, power, out=np.zeros_like(power), where=power > 0)
        return cls(np.clip(share, -1.0, 1.0))

    def corrected(self, forecast: Array, error: Array, age: Array | int = 0) -> Array:
        """Return a forecast with what is left of the last known error added.

        Parameters
        ----------
        forecast : ndarray
            (lead, …) for 1, 2, … steps ahead.
        error : ndarray
            (…,) observed minus forecast when it was last known; NaN corrects nothing.
        age : int or ndarray of int
            (…,) for how many steps it has been known.
        """
        lead = np.arange(1, len(forecast) + 1).reshape(-1, *(1,) * (forecast.ndim - 1))
        weight = np.asarray(self.share, dtype=np.float64) ** (lead + age)
        added = weight * np.where(np.isnan(error), 0.0, error)
        return np.asarray(forecast + added.astype(forecast.dtype, copy=False))
