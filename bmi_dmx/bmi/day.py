"""The day that is passing: what its hours brought, for what is run once a day."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from .operation import DAY_OF_YEAR

__all__ = ["Day"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_HOURS = 24.0
_EXTREMES = {"air_temperature_min": np.minimum, "air_temperature_max": np.maximum}


class Day:
    """Sums up hours and closes the day.

    Rates become the amount of the hours over a whole day, so that a day of fewer hours,
    as the first of a run may be, brings no more water than its hours did. All else is
    the mean of the hours, extremes those of ``air_temperature``, and the day of the
    year that of the first hour.

    Parameters
    ----------
    sources : mapping of str to ndarray
        (location,) values of the present hour by name, whose arrays stay.
    wanted : sequence of str
        What is asked of the day.
    rates : collection of str
        Which of them are rates.

    Attributes
    ----------
    values : dict of str to ndarray
        (location,) values of the last day that was closed; NaN before. The day of the
        year is that of the day that was begun last.
    memory : dict of str to ndarray
        What has to be saved and restored.
    """

    def __init__(
        self,
        sources: Mapping[str, Array],
        wanted: Sequence[str],
        rates: Collection[str],
    ) -> None:
        extremes = [name for name in _EXTREMES if name in wanted]
        summed = [name for name in wanted if name not in (*_EXTREMES, DAY_OF_YEAR)]
        n = len(next(iter(sources.values())))
        self.values = {name: np.full(n, np.nan) for name in wanted}
        self._summed = [(name, name in rates, sources[name]) for name in summed]
        self._total = np.zeros((len(summed), n))
        self._extreme = np.zeros((len(extremes), n))
        self._hours = np.zeros(1)
        self._sums = list(zip(self._total, (x for *_, x in self._summed), strict=True))
        self._pairs = [
            (_EXTREMES[name], row, sources["air_temperature"])
            for name, row in zip(extremes, self._extreme, strict=True)
        ]
        self._names = extremes
        self._date = self.values.get(DAY_OF_YEAR)
        self._present = sources.get(DAY_OF_YEAR)
        self.memory = {
            "total": self._total, "extreme": self._extreme, "hours": self._hours,
            **{f"last.{name}": array for name, array in self.values.items()},
        }  # fmt: skip

    @property
    def begun(self) -> bool:
        """Whether there is an hour of a day that was not closed."""
        return bool(self._hours[0])

    def add(self) -> None:
        """Take in the present hour."""
        if not self.begun:
            self._total.fill(0.0)
            for _, row, source in self._pairs:
                row[:] = source
            if self._date is not None and self._present is not None:
                self._date[:] = self._present
        for total, source in self._sums:
            total += source
        for extreme, row, source in self._pairs:
            extreme(row, source, out=row)
        self._hours += 1.0

    def close(self) -> None:
        """End the day: set :attr:`values`, and begin the next."""
        hours = self._hours[0]
        for row, (name, rate, _) in enumerate(self._summed):
            np.divide(
                self._total[row], _HOURS if rate else hours, out=self.values[name]
            )
        for name, extreme in zip(self._names, self._extreme, strict=True):
            self.values[name][:] = extreme
        self._hours[0] = 0.0
