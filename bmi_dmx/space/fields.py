"""Numbers in a row, and the fields of a space that they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..errors import DataError
from ..variables import Variable
from .description import Space

__all__ = ["field_shape", "place_name"]


def field_shape(space: Space, variable: Variable, count: int) -> tuple[int, ...]:
    """Return the shape in which numbers are a field, or can be broadcast to one.

    As many as the field has are one for each of its entries, as many as it has at one
    level are alike at all levels, and as many as it has levels are alike all over a
    level. A single one is the same everywhere.

    Parameters
    ----------
    space : Space
        Where the field is.
    variable : Variable
        Where in it, and with what axes.
    count : int
        How many numbers there are.

    Raises
    ------
    DataError
        When so many are none of these.
    """
    whole = space.shape(variable)
    axes = len(variable.axes)
    lead, own = whole[:axes], whole[axes:]
    if count == math.prod(whole):
        return whole
    if count == math.prod(own):
        return (*(1 for _ in lead), *own)
    if axes and count == math.prod(lead):
        return (*lead, *(1 for _ in own))
    if count == 1:
        return tuple(1 for _ in whole)
    sizes = sorted({1, math.prod(lead), math.prod(own), math.prod(whole)})
    expected = ", ".join(map(str, sizes))
    raise DataError(f"{variable.name}: found {count} numbers, expected {expected}")


def place_name(
    space: Space | None, ids: Sequence[str], variable: Variable, index: int
) -> str:
    """Return where the number at some index of a flat field stands, for messages.

    Parameters
    ----------
    space : Space or None
        Where the field is; None where places do not see each other.
    ids : sequence of str
        Names of the places.
    variable : Variable
        What the numbers are of.
    index : int
        From 0.
    """
    shape = (len(ids),) if space is None else space.shape(variable)
    axes = len(variable.axes)
    below = math.prod(shape[axes:])
    at, rest = divmod(index, below)
    # Faces have no names, and at walls there are more of them than cells.
    name = ids[rest] if below == len(ids) else f"{rest // shape[-1]},{rest % shape[-1]}"
    return f"{name!r}, {' '.join(variable.axes)} {at}" if axes else repr(name)
