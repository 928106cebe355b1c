"""What is done to raw daily series before a model may see them.

Every repair is counted and logged; what cannot be repaired is refused.
"""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from .basins import Array32, Days

__all__ = ["complete_forcing", "observed"]

log = logging.getLogger(__name__)

PLAUSIBLE = {
    "precipitation": (0.0, 2500.0),
    "air_temperature": (-90.0, 65.0),
    "air_temperature_min": (-90.0, 65.0),
    "air_temperature_max": (-90.0, 65.0),
    "potential_evaporation": (-5.0, 60.0),
}
"""Daily values outside these ranges betray wrong units or fill values."""

MAX_SWAPPED = 0.01
"""Largest share of basin-days whose minimum temperature may exceed the maximum."""


def complete_forcing(
    forcing: dict[str, Array32],
    ids: NDArray[np.str_],
    time: Days,
    *,
    gaps: str,
    max_gap: int,
) -> dict[str, Array32]:
    """Check and complete forcing.

    In this order: gaps are filled as ``gaps`` says; implausible values are refused;
    minimum and maximum temperature are put into order on the days when they are
    exchanged; a missing mean temperature becomes the mean of the two; slightly negative
    potential evaporation (condensation) becomes zero. Minimum and maximum temperatures
    that are equal throughout carry no daily range and are left out.

    Parameters
    ----------
    forcing : dict of str to (T, B) float32
        Series in our names and units, NaN where missing.
    ids, time : arrays of shape (B,) and (T,)
        Basins and days, for messages.
    gaps : {"refuse", "hold", "interpolate"}
        Policy for missing values; ``hold`` repeats the last value, ``interpolate`` goes
        linearly from the last to the next.
    max_gap : int
        Longest gap filled, in days.

    Raises
    ------
    DataError
        A gap may not be filled, a value is implausible, or minimum temperature exceeds
        the maximum on more than 1 % of the days.
    """
    filled = {
        name: _without_gaps(name, values, ids, time, gaps, max_gap)
        for name, values in forcing.items()
    }
    for name, values in filled.items():
        _refuse_implausible(name, values, ids, time)
    _order_temperatures(filled)
    if "potential_evaporation" in filled:
        _zero_negative_evaporation(filled)
    return filled


def observed(target: Array32) -> Array32:
    """Return streamflow with negative values marked as missing (NaN)."""
    negative = target < 0
    if negative.any():
        log.warning("%d negative streamflow values are missing", int(negative.sum()))
    cleaned: Array32 = np.where(negative, np.float32(np.nan), target)
    return cleaned


def _without_gaps(
    name: str,
    values: Array32,
    ids: NDArray[np.str_],
    time: Days,
    policy: str,
    max_gap: int,
) -> Array32:
    missing = np.isnan(values)
    if not missing.any():
        return values
    if policy == "refuse":
        day, basin = np.argwhere(missing)[0]
        raise DataError(
            f"forcing {name!r} of basin '{ids[basin]}' is missing on {time[day]}"
            f" ({int(missing.sum())} missing values in all); set data.gaps to 'hold' or"
            " 'interpolate' to fill short gaps"
        )
    filled: Array32 = values.copy()
    for basin in np.flatnonzero(missing.any(axis=0)):
        gap = missing[:, basin]
        _refuse_gap(name, gap, str(ids[basin]), time, policy, max_gap)
        filled[:, basin] = _fill(values[:, basin], gap, policy)
    log.warning("%d missing values of %s filled (%s)", int(missing.sum()), name, policy)
    return filled


def _refuse_gap(
    name: str,
    gap: NDArray[np.bool_],
    basin: str,
    time: Days,
    policy: str,
    max_gap: int,
) -> None:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], gap, [False]))))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        open_end = start == 0 or (policy == "interpolate" and end == gap.size)
        if open_end or end - start > max_gap:
            reason = (
                "has no neighbour on one side"
                if open_end
                else f"is longer than data.max_gap of {max_gap} days"
            )
            raise DataError(
                f"forcing {name!r} of basin {basin!r}: the gap from {time[start]} to"
                f" {time[end - 1]} {reason}"
            )


def _fill(series: Array32, gap: NDArray[np.bool_], policy: str) -> Array32:
    days = np.arange(series.size)
    if policy == "hold":
        last = np.maximum.accumulate(np.where(gap, 0, days))
        held: Array32 = series[last]
        return held
    filled = np.interp(days, days[~gap], series[~gap])
    return filled.astype(np.float32)


def _refuse_implausible(
    name: str, values: Array32, ids: NDArray[np.str_], time: Days
) -> None:
    low, high = PLAUSIBLE[name]
    bad = ~((values >= low) & (values <= high))
    if bad.any():
        day, basin = np.argwhere(bad)[0]
        raise DataError(
            f"forcing {name!r} of basin '{ids[basin]}' is {values[day, basin]:g} on"
            f" {time[day]}, expected {low:g} to {high:g} ({int(bad.sum())} such"
            " values): are the units right?"
        )


def _order_temperatures(forcing: dict[str, Array32]) -> None:
    low, high = (forcing.get(f"air_temperature_{end}") for end in ("min", "max"))
    if low is None or high is None:
        return
    swapped = low > high
    if swapped.any():
        share = float(swapped.mean())
        if share > MAX_SWAPPED:
            raise DataError(
                f"air_temperature_min exceeds air_temperature_max on {share:.1%} of the"
                " days: are the two variables exchanged?"
            )
        log.warning(
            "minimum and maximum temperature exchanged on %d basin-days (%.3f %%)",
            int(swapped.sum()),
            100 * share,
        )
    forcing["air_temperature_min"] = np.minimum(low, high)
    forcing["air_temperature_max"] = np.maximum(low, high)
    if "air_temperature" not in forcing:
        forcing["air_temperature"] = np.float32(0.5) * (low + high)
    if np.array_equal(low, high):
        log.warning("minimum equals maximum temperature on all days: both left out")
        del forcing["air_temperature_min"], forcing["air_temperature_max"]


def _zero_negative_evaporation(forcing: dict[str, Array32]) -> None:
    values = forcing["potential_evaporation"]
    negative = values < 0
    if negative.any():
        log.warning(
            "%d negative values of potential_evaporation set to 0", int(negative.sum())
        )
        forcing["potential_evaporation"] = np.maximum(values, np.float32(0))
