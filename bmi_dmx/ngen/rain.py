"""Precipitation that a forcing file gives twice: whether both say the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..data.quantity import converts
from .fields import PRECIPITATION, RAINFALL
from .forcing import STEP, ForcingProvider, moment

__all__ = ["contradiction"]

_HOURS = 720
_ENOUGH = 10.0
"""Millimetres from which on two sums are compared, and no more is read."""

_LEAST = 1.0
"""Millimetres below which nothing can be said."""

_FACTOR = 2.0


def contradiction(
    forcing: ForcingProvider, ids: Sequence[str], start: int, steps: int
) -> Iterator[str]:
    """Yield a remark when precipitation as a rate and as an amount differ twofold.

    Units that a file gives wrongly, or leaves to be guessed, are seen by this: rates in
    metres under the name of millimetres would be no rain at all.

    Parameters
    ----------
    forcing : ForcingProvider
        What is read until there was enough rain to compare.
    ids : sequence of str
        Catchments.
    start, steps : int
        Seconds since 1970, and hours.
    """
    if not {PRECIPITATION, RAINFALL} <= set(forcing.names(ids[0])):
        return
    units = forcing.units(ids[0], RAINFALL)
    amount = _amount(units)
    rate = forcing.units(ids[0], PRECIPITATION)
    if amount is None or not converts(rate, "mm h-1"):
        return
    sums = np.zeros(2)
    for first in range(0, steps, _HOURS):
        count, at = min(_HOURS, steps - first), start + first * STEP
        both = np.stack([
            forcing.block(ids, PRECIPITATION, "mm h-1", at, count),
            forcing.block(ids, RAINFALL, amount, at, count),
        ])  # fmt: skip
        complete = np.isfinite(both).all(axis=0)
        sums += both[:, complete].sum(axis=1) / len(ids)
        if sums.max() >= _ENOUGH:
            break
    if sums.max() >= _LEAST and sums.max() > _FACTOR * sums.min():
        until = moment(start + (first + count - 1) * STEP)
        yield (
            f"{forcing.path}: precipitation from {moment(start)} to {until} is "
            f"{sums[0]:.3g} mm by {PRECIPITATION!r} in {rate!r}, but {sums[1]:.3g} mm "
            f"by {RAINFALL!r} in {units!r}; only the first is used"
        )


def _amount(units: str) -> str | None:
    """Return units in which a number is millimetres of an hour."""
    return next((u for u in ("mm h-1", "kg m-2", "mm") if converts(units, u)), None)
