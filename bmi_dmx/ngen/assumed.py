"""Units that a forcing file leaves to be known: whether its numbers can be in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..data.quantity import assumed
from ..errors import UnitsError
from ..models.hydrology.forcings import FORCINGS
from ..models.hydrology.names import NEXTGEN, USUAL
from .forcing import STEP, ForcingProvider

__all__ = ["assumed_units"]

_HOURS = 24 * 366
"""Hours that are looked at: a year, lest a dry season be taken for wrong units."""

_PLACES = 32


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
        usual = USUAL.get(variable.name)
        doubt = "" if usual is None else usual.doubt(values, units)
        if usual is None or not doubt:
            continue
        doubt = f"{forcing.path}: {variable.name}: {doubt}"
        if len(values) * STEP >= usual.season:
            raise UnitsError(f"{doubt}: write the units into the file")
        yield doubt
    if told:
        yield f"{forcing.path}: {assumed(told)}"
