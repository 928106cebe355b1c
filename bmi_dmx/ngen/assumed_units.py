"""Units of a forcing file, given or assumed: whether its numbers can be in them."""

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

_GLANCE = 24 * 60
"""And where units are given."""

_PLACES = 32


def assumed_units(
    forcing: ForcingProvider, ids: Sequence[str], start: int, steps: int
) -> Iterator[str]:
    """Yield remarks on units that are assumed or odd, after a look at the numbers.

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
    guesses = {}
    for entry in NEXTGEN:
        variable = FORCINGS[entry.variable]
        alias = variable.standard_name
        if alias not in there:
            continue
        has_units = forcing.states_units(ids[0], alias)
        units, usual = forcing.units(ids[0], alias), USUAL.get(variable.name)
        if not has_units:
            guesses[entry.names[0]] = units
        if usual is None:
            continue
        some = ids[:: -(-len(ids) // _PLACES)]
        hours = min(steps, _GLANCE if has_units else _HOURS)
        values = forcing.block(some, alias, units, start, hours)
        where = f"{forcing.path}: {variable.name}: "
        long = len(values) * STEP >= usual.season
        doubt = usual.doubt(values, units, certain=has_units)
        if doubt and long and not has_units:
            raise UnitsError(f"{where}{doubt}: write the units into the file")
        if doubt and (long or not has_units):
            yield f"{where}{doubt}"
        total = usual.total(values)
        if total:
            yield f"{where}{total}"
    if guesses:
        yield f"{forcing.path}: {assumed(guesses)}"
