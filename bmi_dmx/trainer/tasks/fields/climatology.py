"""What is usual at a time of the year, from years that are learned from alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ....errors import DataError

__all__ = ["Climatology", "day_of_year", "month_of_year", "waves"]

Array = NDArray[np.float64]
Times = NDArray[np.datetime64]
Kind = Literal["months", "harmonics", "mean"]

_DAYS = 365


def month_of_year(begins: Times) -> NDArray[np.intp]:
    """Return the month of each time, 0 to 11."""
    months: NDArray[np.intp] = begins.astype("datetime64[M]").astype(np.intp) % 12
    return months


def day_of_year(begins: Times) -> NDArray[np.intp]:
    """Return the day of a year of 365 days, 1 to 365: 29 February counts as the 28th.

    So the days of March have the same numbers in all years.
    """
    days = begins.astype("datetime64[D]")
    first = days.astype("datetime64[Y]").astype("datetime64[D]")
    number = (days - first).astype(np.intp) + 1
    years = days.astype("datetime64[Y]").astype(int) + 1970
    leap = (years % 4 == 0) & ((years % 100 != 0) | (years % 400 == 0))
    day: NDArray[np.intp] = np.where(leap & (number >= 60), number - 1, number)
    return day


@dataclass(frozen=True)
class Climatology:
    """Usual fields by month, by day as a sum of harmonics of the year, or always.

    Parameters
    ----------
    kind : {"months", "harmonics", "mean"}
        Which of the three.
    table : (12, 365 or 1, ...) array
        The usual fields.
    """

    kind: Kind
    table: Array

    @classmethod
    def fit(
        cls, values: Array, begins: Times, kind: Kind,
        harmonics: int = 3,
    ) -> Climatology:  # fmt: skip
        """Return the climatology of some years.

        Parameters
        ----------
        values : (T, ...) array
            Fields; NaN is missing.
        begins : (T,) datetime64
            When their steps begin; no others are looked at.
        kind : {"months", "harmonics", "mean"}
            Means of months, least squares of a mean and harmonics over days, or the
            mean of all.
        harmonics : int
            Waves in a year.

        Raises
        ------
        DataError
            There are too few times.
        """
        if kind == "mean":
            return cls(kind, values.mean(0, keepdims=True))
        if kind == "months":
            month = month_of_year(begins)
            lacking = sorted({*range(12)} - {*month.tolist()})
            if lacking:
                raise DataError(
                    f"climatology: month {lacking[0] + 1} is nowhere in the years to "
                    "learn from"
                )
            return cls(kind, np.stack([values[month == k].mean(0) for k in range(12)]))
        x = waves(day_of_year(begins), harmonics)
        if len(x) < x.shape[1]:
            raise DataError(
                f"climatology: {len(x)} times are too few for {harmonics} harmonics"
            )
        flat = values.reshape(len(values), -1)
        coefficients = np.linalg.lstsq(x, flat, rcond=None)[0].astype(np.float64)
        return cls.of_waves(coefficients.reshape(-1, *values.shape[1:]), harmonics)

    @classmethod
    def of_waves(cls, coefficients: Array, harmonics: int) -> Climatology:
        """Return the climatology of coefficients of :func:`waves`, (wave, ...)."""
        if not harmonics:
            return cls("mean", coefficients)
        days = waves(np.arange(1, _DAYS + 1), harmonics) @ coefficients.reshape(
            len(coefficients), -1
        )
        return cls("harmonics", days.reshape(_DAYS, *coefficients.shape[1:]))

    def at(self, begins: Times) -> Array:
        """Return the usual fields at some times, (T, ...)."""
        if self.kind == "mean":
            return np.broadcast_to(self.table[0], (len(begins), *self.table.shape[1:]))
        months = self.kind == "months"
        index = month_of_year(begins) if months else day_of_year(begins) - 1
        return self.table[index]


def waves(days: NDArray[np.intp], harmonics: int) -> Array:
    """Return one, cosines and sines of waves of the year on days, (day, wave)."""
    turn = 2.0 * np.pi * (days - 1)[:, None] / _DAYS * np.arange(1, harmonics + 1)
    return np.concatenate([np.ones((len(days), 1)), np.cos(turn), np.sin(turn)], axis=1)
