"""What is known about the locations, and the parameters that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..bundle import Bundle
from ..errors import DataError, suggestion
from ..scan.evaluate import evaluate
from ..scan.program import Program
from ..variables import Attribute

__all__ = [
    "AREA",
    "GRID_ATTRIBUTES",
    "check_attributes",
    "own_attributes",
    "static_parameters",
]

Array = np.ndarray[Any, np.dtype[np.float64]]

AREA = Attribute(name="area_km2", units="km2", about="area of the location")

GRID_ATTRIBUTES = {
    AREA.name: AREA,
    "latitude": Attribute(name="latitude", units="degrees_north", bounds=(-90, 90)),
    "longitude": Attribute(name="longitude", units="degrees_east", bounds=(-360, 360)),
}
"""Attributes that every component understands, whatever its model."""


def own_attributes(bundle: Bundle, given: Mapping[str, Array]) -> dict[str, Array]:
    """Return new arrays of the attributes the model needs and of those of the grid.

    Raises
    ------
    DataError
        When an attribute of the model is missing.
    """
    needed = [a.name for a in bundle.variables.attributes]
    for name in needed:
        if name not in given:
            hint = suggestion(name, given)
            raise DataError(f"attribute {name!r} of the model is missing{hint}")
    optional = [name for name in GRID_ATTRIBUTES if name in given]
    return {n: np.array(given[n], float) for n in dict.fromkeys([*needed, *optional])}


def check_attributes(
    bundle: Bundle, ids: Sequence[str], values: Mapping[str, Array]
) -> None:
    """Refuse attributes that are not set, or outside their declared bounds.

    Raises
    ------
    DataError
        Naming the attribute and the first location.
    """
    declared = {**GRID_ATTRIBUTES, **{a.name: a for a in bundle.variables.attributes}}
    for name, array in values.items():
        low, high = declared[name].bounds or (-np.inf, np.inf)
        bad = ~(np.isfinite(array) & (array >= low) & (array <= high))
        if bad.any():
            at = int(np.argmax(bad))
            expected = f"{low:g} to {high:g}" if np.isfinite(low) else "a finite number"
            raise DataError(
                f"attribute {name!r} at {ids[at]!r} is {array[at]:g}; "
                f"expected {expected}"
            )


def static_parameters(
    bundle: Bundle, program: Program, ids: Sequence[str], values: Mapping[str, Array]
) -> dict[str, Array]:
    """Return what the static network answers, by output name of its program.

    Parameters
    ----------
    bundle : Bundle
        The model.
    program : Program
        Its static program, or a part of it.
    ids : sequence of str
        Names of the locations.
    values : mapping of str to ndarray
        Attributes, (location,).

    Returns
    -------
    dict of str to ndarray
        ``p.<parameter>``, (location, member) or (location,), per day, and
        ``routing.weight@<step>``, (weight, location).

    Raises
    ------
    DataError
        When a parameter is not a number, as from the logarithm of a negative attribute.
    """
    columns = [values[name] for name in bundle.spec.static.attributes]
    weights = {n: x for n, x in bundle.constants.items() if n in program.inputs}
    with np.errstate(all="ignore"):
        given = {"attributes": np.stack(columns, axis=1), **weights}
        found = evaluate(program, given)
    for name, array in found.items():
        # Those of the hydrograph have the location last.
        table = array if name.startswith("p.") else array.T
        bad = ~np.isfinite(table.reshape(len(ids), -1)).all(axis=1)
        if bad.any():
            at = int(np.argmax(bad))
            shown = ", ".join(f"{n} = {x[at]:g}" for n, x in values.items())
            raise DataError(
                f"parameter {name.partition('.')[2]!r} at {ids[at]!r} is not a number; "
                f"check the attributes {shown}"
            )
    return found
