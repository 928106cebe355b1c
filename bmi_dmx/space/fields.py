"""Numbers in a row, and the fields of a space that they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..errors import DataError
from ..variables import Variable
from .description import Space

__all__ = ["field_shape", "place_name"]


def field_shape(space: Space, variable: Variable, count: int) -> tuple[int, ...]:
    """Return the shape in which a row of numbers broadcasts to a field.

    There may be one number for each entry of the field; one for each place, the same at
    all levels; one for each level, the same at all places; or one for everything.

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
    full = space.shape(variable)
    axes = len(variable.axes)
    lead, rest = full[:axes], full[axes:]
    if count == math.prod(full):
        return full
    if count == math.prod(rest):
        return (*(1 for _ in lead), *rest)
    if axes and count == math.prod(lead):
        return (*lead, *(1 for _ in rest))
    if count == 1:
        return tuple(1 for _ in full)
    sizes = sorted({1, math.prod(lead), math.prod(rest), math.prod(full)})
    expected = ", ".join(map(str, sizes))
    raise DataError(f"{variable.name}: found {count} numbers, expected {expected}")


def place_name(
    space: Space | None, ids: Sequence[str], variable: Variable, index: int
) -> str:
    """Return the name of the place of an entry of a flat field, for messages.

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
