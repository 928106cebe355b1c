"""What numbers usually are: whether they can be in the units they are taken for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UnitsError
from ..units import convert

__all__ = ["UsualMeans"]

_ABSURD = 1e6
"""Beyond which numbers are markers, which are for others to judge."""


_RISES = 24
"""How often a sum has to rise to be told from what happens to grow."""


@dataclass(frozen=True)
class UsualMeans:
    """Means of a quantity as they occur, and in which other units files hold it.

    Parameters
    ----------
    low, high : float
        Least and greatest mean over some time and some places.
    units : str
        Of these.
    others : tuple of str
        Other units in which the quantity is written (UDUNITS).
    season : float
        Seconds in fewer of which there may be hardly any of it, whatever the units.
    summed : bool
        Whether files may hold it summed up since some time instead.
    """

    low: float
    high: float
    units: str
    others: tuple[str, ...] = ()
    season: float = 0.0
    summed: bool = False

    def doubt(self, values: Any, units: str, *, certain: bool = False) -> str:
        """Return why numbers must be in other units; empty where they may be in these.

        Parameters
        ----------
        values : array_like
            Numbers as in a file; NaN where missing.
        units : str
            What is assumed, or given.
        certain : bool
            Whether the file says so.
        """
        array = np.asarray(values, dtype=np.float64)
        plain = array[np.isfinite(array) & (np.abs(array) < _ABSURD)]
        if plain.size == 0:
            return ""
        try:
            mean = self._mean(plain, units)
        except UnitsError:
            if certain:
                return ""  # of something else, which is for others to refuse
            raise
        if self.low <= mean <= self.high or (mean == 0.0 and self.low > 0.0):
            return ""
        meant = [
            u for u in self.others if self.low <= self._mean(plain, u) <= self.high
        ]
        if not meant:
            return ""
        how = "as the file says" if certain else "as assumed"
        return (
            f"{'' if certain else 'no units are given; '}in {units!r}, {how}, the mean "
            f"is {mean:.3g} {self.units}, usual are {self.low:g} to {self.high:g}; in "
            f"{' or '.join(meant)} it would be usual"
        )

    def total(self, values: Any) -> str:
        """Return why numbers must be sums since some time; empty where they need not.

        Parameters
        ----------
        values : (time, place) array_like
            Not finite where missing.
        """
        if not self.summed:
            return ""
        numbers = np.asarray(values, dtype=np.float64)
        change = np.diff(np.where(np.isfinite(numbers), numbers, np.nan), axis=0)
        rises, falls = (change > 0.0).sum(axis=0), (change < 0.0).sum(axis=0)
        often = rises >= _RISES
        if not often.any() or falls[often].any():
            return ""
        return (
            f"rises {int(rises.max())} times and never falls in {len(change) + 1} "
            "steps: is it a sum since some time? Expected is what comes in each step"
        )

    def _mean(self, values: Any, units: str) -> float:
        return float(convert(values, units, self.units).mean())
