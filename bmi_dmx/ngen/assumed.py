"""Units that a forcing file leaves to be known: whether its numbers can be in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..data.quantity import assumed
from ..errors import UnitsError
from ..models.hydrology.forcings import FORCINGS
from ..models.hydrology.names import MEANS, MISTAKEN, NEXTGEN
from ..units import convert
from ..variables import Forcing
from .forcing import Array, ForcingProvider, moment

__all__ = ["assumed_units"]

_HOURS = 24 * 366
"""Hours that are looked at: a year, lest a dry season be taken for wrong units."""

_PLACES = 32

_SEASON = 24 * 30
"""Hours in fewer of which it may hardly rain, whatever the units."""

_ABSURD = 1e6
"""Beyond which numbers are markers, which are for the screen to judge."""


def assumed_units(
    forcing: ForcingProvider, ids: Sequence[str], start: int, steps: int
) -> Iterator[str]:
    """Yield a remark on units that are assumed, after a look at the numbers.

    Parameters
    ----------
    forcing : ForcingProvider
        Whose first year is read at some catchments.
    ids : sequence of str
        Catchments.
    start, steps : int
        Seconds since 1970, and hours.

    Raises
    ------
    UnitsError
        When means are such as nowhere on Earth, but usual in other units; of less than
        a month of precipitation that is a remark alone.
    """
    there = set(forcing.names(ids[0]))
    told = {}
    for known in NEXTGEN:
        variable = FORCINGS[known.variable]
        alias = variable.standard_name
        if alias not in there or forcing.states_units(ids[0], alias):
            continue
        units = forcing.units(ids[0], alias)
        told[known.names[0]] = units
        some = ids[:: -(-len(ids) // _PLACES)]
        values = forcing.block(some, alias, units, start, min(steps, _HOURS))
        doubt = _doubt(forcing, variable, values, units, start)
        if doubt and variable.name == "precipitation" and len(values) < _SEASON:
            yield doubt
        elif doubt:
            raise UnitsError(f"{doubt}: write the units into the file")
    if told:
        yield f"{forcing.path}: {assumed(told)}"


def _doubt(
    forcing: ForcingProvider, variable: Forcing, values: Array, units: str, start: int
) -> str:
    """Return why numbers must be in other units than assumed; empty if they may be."""
    if variable.name not in MEANS:
        return ""
    plain = values[np.isfinite(values) & (np.abs(values) < _ABSURD)]
    if plain.size == 0:
        return ""
    low, high = MEANS[variable.name]

    def mean_in(given: str) -> float:
        return float(convert(plain, given, variable.units).mean())

    mean = mean_in(units)
    if low <= mean <= high or (mean == 0.0 and low > 0.0):
        return ""
    meant = [u for u in MISTAKEN.get(variable.name, ()) if low <= mean_in(u) <= high]
    if not meant:
        return ""
    return (
        f"{forcing.path}: {variable.name}: no units are given; in {units!r}, as "
        f"assumed, the mean of {len(values)} hours from {moment(start)} is {mean:.3g} "
        f"{variable.units}, usual are {low:g} to {high:g}; in {' or '.join(meant)} it "
        "would be usual"
    )
