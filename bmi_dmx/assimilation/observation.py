"""What was observed, and how well: values with errors, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from ..space.description import Array

__all__ = ["Observation", "limited", "screened"]


@dataclass(frozen=True, eq=False)
class Observation:
    """Observed values of one time, for one problem or many side by side.

    Parameters
    ----------
    value : ndarray
        (…, p); NaN is missing, and updates nothing.
    error : ndarray
        (…, p) standard deviations of the errors, which are independent of each other;
        broadcast against the values.

    Raises
    ------
    DataError
        When the errors do not fit the values, or one of a value that is there is not a
        positive number.
    """

    value: Array
    error: Array

    def __post_init__(self) -> None:
        value = np.asarray(self.value)
        try:
            error = np.broadcast_to(np.asarray(self.error), value.shape)
        except ValueError:
            raise DataError(
                f"error: expected shape {value.shape} or one that fits it, found "
                f"{np.shape(self.error)}"
            ) from None
        if np.isinf(value).any():
            at = tuple(np.argwhere(np.isinf(value))[0].tolist())
            raise DataError(f"value: found {value[at]} at {at}, expected a number")
        bad = ~np.isnan(value) & ~((error > 0.0) & np.isfinite(error))
        if bad.any():
            at = tuple(np.argwhere(bad)[0].tolist())
            raise DataError(
                f"error: found {error[at]} at {at}, expected a positive number"
            )
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "error", error)

    @property
    def valid(self) -> Array:
        """(…, p) whether there is a value."""
        return ~np.isnan(self.value)


def screened(
    observation: Observation, predicted: Array, limit: float = 4.0
) -> Observation:
    """Return an observation without the values that are too far from the forecast.

    A value is left out where it is further from the mean of the ensemble than ``limit``
    standard deviations of that difference, which both the error and the spread of the
    ensemble make (the check of gross errors).

    Parameters
    ----------
    observation : Observation
        (…, p).
    predicted : ndarray
        (…, m, p) what the members predict.
    limit : float
        Standard deviations.
    """
    departure, expected = _departure(observation, predicted)
    gross = departure**2 > (limit * expected) ** 2
    return Observation(np.where(gross, np.nan, observation.value), observation.error)


def limited(
    observation: Observation, predicted: Array, limits: Sequence[float | None]
) -> Observation:
    """Return an observation whose values are no farther from the forecast than limits.

    What is farther away is taken for a value at the limit, so that an ensemble does
    not say what follows from much more than its members differ by (the innovations of
    Huber's norm; Roh et al. 2013, doi:10.1175/MWR-D-13-00091.1).

    Parameters
    ----------
    observation : Observation
        (…, p).
    predicted : ndarray
        (…, m, p) what the members predict.
    limits : sequence of float or None
        Of each of the p values, in standard deviations as of :func:`screened`; None
        leaves it as it is.
    """
    if all(limit is None for limit in limits):
        return observation
    departure, expected = _departure(observation, predicted)
    most = np.array([np.inf if limit is None else limit for limit in limits]) * expected
    value = observation.value - departure + np.clip(departure, -most, most)
    inside = np.abs(departure) <= most
    return Observation(np.where(inside, observation.value, value), observation.error)


def _departure(observation: Observation, predicted: Array) -> tuple[Array, Array]:
    """Return (…, p) values less the mean that is predicted, and how large they may be.

    That is the standard deviation of the difference: of the error and of the members.
    """
    departure = observation.value - predicted.mean(-2)
    free = 1 if predicted.shape[-2] > 1 else 0
    variance = observation.error**2 + predicted.var(-2, ddof=free)
    return departure, np.sqrt(variance)
