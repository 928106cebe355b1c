"""What numbers usually are: whether they can be in units that nobody stated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..units import convert

__all__ = ["Usual"]

_ABSURD = 1e6
"""Beyond which numbers are markers, which are for others to judge."""


@dataclass(frozen=True)
class Usual:
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
    """

    low: float
    high: float
    units: str
    others: tuple[str, ...] = ()
    season: float = 0.0

    def doubt(self, values: Any, units: str) -> str:
        """Return why numbers must be in other units; empty where they may be in these.

        Parameters
        ----------
        values : array_like
            Numbers as in a file; NaN where missing.
        units : str
            What is assumed.
        """
        array = np.asarray(values, dtype=np.float64)
        plain = array[np.isfinite(array) & (np.abs(array) < _ABSURD)]
        if plain.size == 0:
            return ""
        mean = self._mean(plain, units)
        if self.low <= mean <= self.high or (mean == 0.0 and self.low > 0.0):
            return ""
        meant = [
            u for u in self.others if self.low <= self._mean(plain, u) <= self.high
        ]
        if not meant:
            return ""
        return (
            f"no units are given; in {units!r}, as assumed, the mean is {mean:.3g} "
            f"{self.units}, usual are {self.low:g} to {self.high:g}; in "
            f"{' or '.join(meant)} it would be usual"
        )

    def _mean(self, values: Any, units: str) -> float:
        return float(convert(values, units, self.units).mean())
