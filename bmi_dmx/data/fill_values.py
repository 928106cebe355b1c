"""Numbers that stand for nothing: fill values, whether a file declares them or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ENORMOUS", "MARKERS", "WORDS", "MarkedNumbers", "without_markers"]

Array = NDArray[np.float64]

ENORMOUS = 1e19
"""From here on nothing is a measurement: 1e20, 1e30, and what NetCDF fills with."""

_GLANCE = 1e18
"""Below all that is enormous."""

MARKERS = (
    -9999.0, -999.0, -99.0, -9999.9, -9999.99, -999.9, -999.99, -99.9, -99.99,
    -8888.0, -888.0, -88.0, -7777.0, -6999.0, -99999.0, -999999.0,
    -2147483648.0, -2147483647.0, 2147483647.0, -32768.0, -32767.0,
    -9223372036854775808.0,
)  # fmt: skip
"""What files write for a number they do not have, without declaring it."""

_CERTAIN = frozenset({
    -9999.0, -999.0, -9999.9, -9999.99, -99999.0, -999999.0, -2147483648.0,
    -2147483647.0, 2147483647.0, -32768.0, -32767.0, -9223372036854775808.0,
})  # fmt: skip
"""Of these, what is no value of anything that declares no bounds."""

WORDS = frozenset({
    "", "na", "n/a", "#n/a", "nan", "none", "null", "nil", "missing", "-", "--", ".",
    "-nan", "#value!", "#ref!", "#div/0!", "?",
})  # fmt: skip
"""What stands in cells of tables for a number that is not known, in small letters."""


@dataclass(frozen=True)
class MarkedNumbers:
    """Numbers, and the markers that were among them.

    Parameters
    ----------
    values : ndarray of float64
        NaN in place of every marker; without any, the numbers themselves.
    markers : dict of float to int
        How often each was met.
    """

    values: Array
    markers: dict[float, int]

    def remark(self, what: str) -> str:
        """Return what to say of it; empty where there was no marker."""
        if not self.markers:
            return ""
        listed = " and ".join(f"{x:.7g}" for x in self.markers)
        count = sum(self.markers.values())
        return (
            f"{count} {'value' if count == 1 else 'values'} of {what} "
            f"{'is' if count == 1 else 'are'} {listed}, taken for missing though the "
            "file does not declare it"
        )


def without_markers(
    values: Any, bounds: tuple[float, float] | None = None
) -> MarkedNumbers:
    """Return numbers with NaN wherever something stands for nothing.

    Enormous numbers always do. Those of :data:`MARKERS` do outside the bounds; where
    there are no bounds, if no other number is negative, or they are such that nothing
    is measured as that.

    Parameters
    ----------
    values : array_like
        Of any shape; masked or NaN where the file declares that nothing is known.
    bounds : (float, float), optional
        Smallest and largest value that can be, in the units of the values.
    """
    array = np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)
    if _ordinary(array, bounds):
        return MarkedNumbers(array, {})
    with np.errstate(over="ignore"):
        rounded = array.astype(np.float32).astype(np.float64)
    markers = np.asarray(MARKERS)
    # Numbers that went through single precision are near, not equal.
    near = np.isin(rounded, markers.astype(np.float32).astype(np.float64))
    if near.any():
        if bounds is not None:
            near &= ~((array >= bounds[0]) & (array <= bounds[1]))
        else:
            others = array[~near & (np.abs(array) < ENORMOUS)]
            if others.size and others.min() < 0.0:
                certain = np.asarray(sorted(_CERTAIN), dtype=np.float32)
                near &= np.isin(rounded, certain.astype(np.float64))
    bad = near | (np.abs(array) >= ENORMOUS)
    if not bad.any():
        return MarkedNumbers(array, {})
    kinds, counts = np.unique(array[bad], return_counts=True)
    tally = {float(k): int(n) for k, n in zip(kinds, counts, strict=True)}
    return MarkedNumbers(np.where(bad, np.nan, array), tally)


def _ordinary(array: Array, bounds: tuple[float, float] | None) -> bool:
    """Return whether a glance shows that no number can be a marker."""
    low, high = bounds or (0.0, 1e9)
    low, high = max(low, -_GLANCE), min(high, _GLANCE)
    # NaN needs no second look.
    lowest = np.fmin.reduce(array, axis=None, initial=np.inf)
    return bool(
        low <= lowest and np.fmax.reduce(array, axis=None, initial=-np.inf) <= high
    )
