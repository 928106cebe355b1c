"""What was observed, and how well: values with errors, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from ..space.description import Array

__all__ = ["Observation", "screened"]


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
    def seen(self) -> Array:
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
    departure = observation.value - predicted.mean(-2)
    free = 1 if predicted.shape[-2] > 1 else 0
    variance = observation.error**2 + predicted.var(-2, ddof=free)
    gross = departure**2 > limit**2 * variance
    return Observation(np.where(gross, np.nan, observation.value), observation.error)
