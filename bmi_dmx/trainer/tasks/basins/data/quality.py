"""What is done to raw series and to places before a model may see them.

Every repair is counted and logged; what cannot be repaired is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from .....errors import DataError
from .....models.hydrology.climate import AREA, LATITUDE, LONGITUDE, TOPOGRAPHY
from .....models.hydrology.forcings import (
    FORCINGS,
    SHORTENING,
    SLACK,
)
from .....models.hydrology.names import USUAL
from .....operate.screen import slightly_below, step_bounds
from .....variables import Forcing
from .basins import Array32, Array64, Times, step_seconds
from .problems import collecting, piece
from .spec import STREAMFLOW

__all__ = [
    "Where",
    "check_places",
    "check_water",
    "complete_forcing",
    "observed",
    "remark_far",
]

Where = Callable[[str, str], str]
"""From the name of a series and a basin to their file and variable, for messages."""

log = logging.getLogger(__name__)

PLACES = (AREA, LATITUDE, LONGITUDE, TOPOGRAPHY["elevation_mean"])
"""Attributes that say where a basin is."""

MAX_SWAPPED = 0.5
"""Share of the time with minimum above maximum temperature that cannot be chance.

Gridded extremes made from two fields cross on some days: in CAMELS-US on 5 % of those
of mountains at the coast.
"""

FEW, FAR = 4, 3.0
"""Values of fewer basins cannot be judged; and what is far, in ranges of the others."""

ROUNDING = 1e-5
"""Share of the largest number by which those of single precision may differ anyway."""

RUNOFF = (0.001, 2.0)
"""Usual range of the mean streamflow of a basin relative to its mean precipitation."""


def complete_forcing(
    forcing: dict[str, Array32],
    ids: NDArray[np.str_],
    time: Times,
    *,
    gaps: str,
    max_gap: int,
    where: Where,
) -> dict[str, Array32]:
    """Check and complete forcing.

    In this order: gaps are filled as ``gaps`` says; implausible values are refused;
    minimum and maximum temperature are put into order where they are exchanged; a
    missing mean temperature becomes the mean of the two; what is slightly below its
    bounds, as negative potential evaporation is, becomes the lowest value. Minimum and
    maximum temperatures that are equal throughout carry no daily range and are left
    out.

    Parameters
    ----------
    forcing : dict of str to (T, B) float32
        Series in our names and units, NaN where missing.
    ids, time : arrays of shape (B,) and (T,)
        Basins and time steps.
    gaps : {"refuse", "hold", "interpolate"}
        Policy for missing values; ``hold`` repeats the last value, ``interpolate`` goes
        linearly from the last to the next.
    max_gap : int
        Longest gap filled, in time steps.
    where : callable
        See :data:`Where`.

    Raises
    ------
    DataError
        A gap may not be filled, a value is implausible, or minimum temperature exceeds
        the maximum at more than half of the time steps of a basin.
    """
    filled: dict[str, Array32] = {}
    for name, values in forcing.items():
        filled[name] = values
        with piece():
            filled[name] = _without_gaps(name, values, ids, time, gaps, max_gap, where)
        with piece():
            _refuse_implausible(FORCINGS[name], filled[name], ids, time, where)
    _remark_sums(filled, ids, where)
    with piece():
        _order_temperatures(filled, ids, where)
    _raise_slightly_low(filled)
    return filled


def observed(
    target: Array32, ids: NDArray[np.str_], time: Times, where: Where
) -> Array32:
    """Return streamflow with negative values marked as missing (NaN).

    Raises
    ------
    DataError
        A value is implausible.
    """
    negative = target < 0
    if negative.any():
        day, basin = np.argwhere(negative)[0]
        log.warning(
            "%s: %d negative streamflow values are missing, the first of basin '%s' on"
            " %s",
            where("streamflow", str(ids[basin])),
            int(negative.sum()),
            ids[basin],
            time[day],
        )
    cleaned: Array32 = np.where(negative, np.float32(np.nan), target)
    values = np.where(np.isnan(cleaned), np.float32(0), cleaned)
    with piece():
        _refuse_implausible(STREAMFLOW, values, ids, time, where)
    return cleaned


_ICE = -60.0
"""Degrees north below which there is ice alone."""


def check_places(
    attributes: Mapping[str, Array64], ids: NDArray[np.str_], where: str
) -> None:
    """Refuse basins that are nowhere on Earth; what is not known is left alone.

    Parameters
    ----------
    attributes : mapping of str to (B,) float64
        In our names and units.
    ids : (B,) array of str
        Basins.
    where : str
        File or folder, for messages.

    Raises
    ------
    DataError
        An area, a coordinate or an elevation is impossible.
    """
    for place in PLACES:
        name, (low, high) = place.name, place.limits
        values = attributes.get(name)
        if values is None:
            continue
        bad = (values < low) | (values > high)
        if name == "latitude" and (values < _ICE).any():
            at = int(np.nanargmin(values))
            log.warning(
                "%s: latitude of basin '%s' is %g degrees_north, where no rivers are "
                "(%d such basins): are latitude and longitude exchanged?",
                where, ids[at], values[at], int((values < _ICE).sum()),
            )  # fmt: skip
        with piece():
            if bad.any():
                at = int(np.argmax(bad))
                raise DataError(
                    f"{where}: {name} of basin '{ids[at]}' is {values[at]:g}"
                    f" {place.units}, expected {place.expected} ({int(bad.sum())} such"
                    " basins)"
                )


def remark_far(
    attributes: Mapping[str, Array64], ids: NDArray[np.str_], where: str
) -> None:
    """Warn of attributes of which one value is far from all the others.

    Far is more than :data:`FAR` times their whole range from the nearest; of positive
    numbers that of their logarithms, and at least ten times as much or as little.

    Parameters
    ----------
    attributes : mapping of str to (B,) float64
    ids : (B,) array of str
        Basins.
    where : str
        File or folder, for messages.
    """
    notes = []
    for name, values in attributes.items():
        at = _farthest(values)
        if at is not None:
            others = np.delete(values, at)
            low, high = np.nanmin(others), np.nanmax(others)
            notes.append(
                f"{name} of '{ids[at]}' is {values[at]:g}, others are {low:g} to "
                f"{high:g}"
            )
    if notes:
        log.warning("%s: far from all others: %s", where, "; ".join(notes))


def _farthest(values: Array64) -> int | None:
    """Return where a value is far from all the others, if any is."""
    indices = np.flatnonzero(np.isfinite(values))
    if indices.size < FEW:
        return None
    numbers = values[indices]
    positive = bool((numbers > 0.0).all())
    scale = np.log(numbers) if positive else numbers
    # Single precision makes different numbers of what is one.
    least = np.log(10) if positive else ROUNDING * np.abs(numbers).max()
    order = np.argsort(scale)
    ends = ((order[0], order[1], order[-1]), (order[-1], order[-2], order[0]))
    for one, nearest, other in ends:
        gap, extent = (
            abs(scale[one] - scale[nearest]),
            abs(scale[nearest] - scale[other]),
        )
        if extent > 0.0 and gap > max(FAR * extent, least):
            return int(indices[one])
    return None


def check_water(
    precipitation: Array32, target: Array32, ids: NDArray[np.str_], where: Where
) -> None:
    """Warn of basins whose streamflow hardly can come from their precipitation.

    Parameters
    ----------
    precipitation, target : (T, B) float32
        In mm d-1, NaN in ``target`` where there is no observation.
    ids : (B,) array of str
        Basins.
    where : callable
        See :data:`Where`.
    """
    finite = np.isfinite(target)
    flow = np.where(finite, target, 0.0).sum(axis=0) / np.maximum(finite.sum(axis=0), 1)
    share = flow / np.maximum(precipitation.mean(axis=0, dtype=np.float64), 1e-9)
    low, high = RUNOFF
    odd = finite.any(axis=0) & ((share < low) | (share > high))
    if odd.any():
        at = int(np.argmax(odd))
        log.warning(
            "%s: mean streamflow is %.3g times the mean precipitation in basin '%s',"
            " usual are %g to %g (%d such basins): are units and area right?",
            where("streamflow", str(ids[at])),
            share[at],
            ids[at],
            low,
            high,
            int(odd.sum()),
        )


def _without_gaps(
    name: str,
    values: Array32,
    ids: NDArray[np.str_],
    time: Times,
    policy: str,
    max_gap: int,
    where: Where,
) -> Array32:
    missing = np.isnan(values)
    if not missing.any():
        return values
    if policy == "refuse":
        day, basin = np.argwhere(missing)[0]
        raise DataError(
            f"{where(name, str(ids[basin]))}: forcing {name!r} of basin '{ids[basin]}'"
            f" is missing on {time[day]}"
            f" ({int(missing.sum())} missing values in all); set data.gaps to 'hold' or"
            " 'interpolate' to fill short gaps"
        )
    filled: Array32 = values.copy()
    for basin in np.flatnonzero(missing.any(axis=0)):
        gap = missing[:, basin]
        with piece():
            _refuse_gap(name, gap, str(ids[basin]), time, policy, max_gap, where)
            filled[:, basin] = _fill(values[:, basin], gap, policy)
    log.warning("%d missing values of %s filled (%s)", int(missing.sum()), name, policy)
    return filled


def _refuse_gap(
    name: str,
    gap: NDArray[np.bool_],
    basin: str,
    time: Times,
    policy: str,
    max_gap: int,
    where: Where,
) -> None:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], gap, [False]))))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        open_end = start == 0 or (policy == "interpolate" and end == gap.size)
        if open_end or end - start > max_gap:
            reason = (
                "has no neighbour on one side"
                if open_end
                else f"is longer than data.max_gap of {max_gap} time steps"
            )
            raise DataError(
                f"{where(name, basin)}: forcing {name!r} of basin {basin!r}: the gap"
                f" from {time[start]} to {time[end - 1]} {reason}"
            )


def _fill(series: Array32, gap: NDArray[np.bool_], policy: str) -> Array32:
    steps = np.arange(series.size)
    if policy == "hold":
        last = np.maximum.accumulate(np.where(gap, 0, steps))
        persistence: Array32 = series[last]
        return persistence
    filled = np.interp(steps, steps[~gap], series[~gap])
    return filled.astype(np.float32)


def _refuse_implausible(
    forcing: Forcing,
    values: Array32,
    ids: NDArray[np.str_],
    time: Times,
    where: Where,
) -> None:
    """Refuse values that betray wrong units or fill values."""
    name, units = forcing.name, forcing.units
    low, high = step_bounds(forcing, step_seconds(time), SHORTENING)
    low -= SLACK.get(name, 0.0)
    bad = ~(np.isnan(values) | ((values >= low) & (values <= high)))
    if not bad.any():
        return
    # Each basin has its own, where they are told together.
    basins = (
        np.flatnonzero(bad.any(axis=0)) if collecting() else np.argwhere(bad)[:1, 1]
    )
    for basin in basins:
        day = int(np.argmax(bad[:, basin]))
        count = bad[:, basin].sum() if collecting() else bad.sum()
        with piece():
            raise DataError(
                f"{where(name, str(ids[basin]))}: {name} of basin '{ids[basin]}' is"
                f" {values[day, basin]:g} {units} on {time[day]}, expected {low:g} to"
                f" {high:g} ({int(count)} such values): are the units right?"
            )


def _remark_sums(
    forcing: dict[str, Array32], ids: NDArray[np.str_], where: Where
) -> None:
    for name, values in forcing.items():
        total = USUAL[name].total(values) if name in USUAL else ""
        if total:
            log.warning("%s: %s", where(name, str(ids[0])), total)


def _order_temperatures(
    forcing: dict[str, Array32], ids: NDArray[np.str_], where: Where
) -> None:
    low, high = (forcing.get(f"air_temperature_{end}") for end in ("min", "max"))
    if low is None or high is None:
        return
    swapped = low > high
    if swapped.any():
        shares = swapped.mean(axis=0)
        most = int(np.argmax(shares))
        name, share = str(ids[most]), float(shares[most])
        if share > MAX_SWAPPED:
            raise DataError(
                f"{where('air_temperature_min', name)}: air_temperature_min of basin"
                f" {name!r} exceeds air_temperature_max on {share:.1%} of the days"
                f" ({int((shares > MAX_SWAPPED).sum())} such basins): are the two"
                " variables exchanged?"
            )
        log.warning(
            "air_temperature_min exceeds air_temperature_max and is exchanged with it"
            " on %d basin-days, most often in basin '%s' (%.2g %% of its days)",
            int(swapped.sum()),
            name,
            100 * share,
        )
    forcing["air_temperature_min"] = np.minimum(low, high)
    forcing["air_temperature_max"] = np.maximum(low, high)
    if "air_temperature" not in forcing:
        forcing["air_temperature"] = np.float32(0.5) * (low + high)
    if np.array_equal(low, high):
        log.warning("minimum equals maximum temperature on all days: both left out")
        del forcing["air_temperature_min"], forcing["air_temperature_max"]


def _raise_slightly_low(forcing: dict[str, Array32]) -> None:
    for name in SLACK.keys() & forcing.keys():
        values, low = forcing[name], FORCINGS[name].limits[0]
        below = slightly_below(values, low, SLACK[name])
        if below.any():
            log.warning(
                "%d values of %s slightly below %g set to it",
                int(below.sum()),
                name,
                low,
            )
            forcing[name] = np.where(below, np.float32(low), values)
