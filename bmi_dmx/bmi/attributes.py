"""What is known about the locations."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..bundle.manifest import Variables
from ..climate import CLIMATE
from ..errors import ConfigError, DataError, suggestion
from ..variables import Attribute
from .once import warn_once

__all__ = [
    "ALIASES",
    "AREA",
    "GRID_ATTRIBUTES",
    "check_attribute",
    "known_attributes",
    "own_attributes",
]

Array = np.ndarray[Any, np.dtype[np.float64]]

_log = logging.getLogger(__name__)

AREA = Attribute(
    name="area_km2", units="km2", bounds=(1e-9, 1e9), about="area of the location"
)

GRID_ATTRIBUTES = {
    AREA.name: AREA,
    "latitude": Attribute(name="latitude", units="degrees_north", bounds=(-90, 90)),
    "longitude": Attribute(name="longitude", units="degrees_east", bounds=(-360, 360)),
}
"""Attributes that every component understands, whatever its model."""

ALIASES = {
    "areasqkm": "area_km2",
    "area_sqkm": "area_km2",
    "lat": "latitude",
    "lon": "longitude",
}
"""What hosts and hydrofabrics call some of them."""


_POSSIBLE = {
    ("p_mean", "mm d-1"): (0.0, 50.0),
    ("pet_mean", "mm d-1"): (0.0, 50.0),
    ("aridity", "1"): (0.0, 1e4),
    ("frac_snow", "1"): (0.0, 1.0),
    ("high_prec_freq", "d yr-1"): (0.0, 366.0),
    ("low_prec_freq", "d yr-1"): (0.0, 366.0),
    ("high_prec_dur", "d"): (0.0, 1e4),
    ("low_prec_dur", "d"): (0.0, 1e4),
    ("t_mean", "degC"): (-60.0, 50.0),
    ("area_km2", "km2"): AREA.bounds,
    ("elevation_mean", "m"): (-500.0, 9000.0),
    ("slope_mean", "m km-1"): (0.0, 1e4),
}
"""What occurs on Earth, by name and units, where a model declares no bounds.

Rates for a year instead of a day, or centimetres instead of metres, are seen by it.
"""


def _bounded(attribute: Attribute) -> Attribute:
    if attribute.bounds is not None:
        return attribute
    known = _POSSIBLE.get((attribute.name, attribute.units))
    return replace(attribute, bounds=known)


def known_attributes(variables: Variables) -> dict[str, Attribute]:
    """Return the attributes a component can be given, by name.

    Beside those of the model and of the grid these are the indices of climate, from
    which a start in equilibrium can be found. Those without bounds get the widest that
    occur.
    """
    climate = {a.name: a for a in CLIMATE}
    own = {a.name: a for a in variables.attributes}
    known = {**climate, **GRID_ATTRIBUTES, **own}
    return {name: _bounded(attribute) for name, attribute in known.items()}


def own_attributes(
    needed: Sequence[str],
    known: Mapping[str, Attribute],
    given: Mapping[str, Array],
    defaults: Mapping[str, float],
    ids: Sequence[str],
) -> dict[str, Array]:
    """Return new arrays of all attributes that are needed or given.

    The area is always among them; NaN is what is to be set before the first step.

    Parameters
    ----------
    needed : sequence of str
        What the model needs.
    known : mapping of str to Attribute
        What it understands.
    given : mapping of str to ndarray
        (location,) by name.
    defaults : mapping of str to float
        What the configuration puts where a value is missing.
    ids : sequence of str
        Names of the locations.

    Raises
    ------
    DataError
        When an attribute of the model is missing.
    ConfigError
        When there is a default for something that is no attribute.
    """
    for name in defaults:
        if name not in known:
            hint = suggestion(name, known)
            raise ConfigError(f"attribute_defaults: unknown {name!r}{hint}")
    found = {name: np.array(values, float) for name, values in given.items()}
    for name, value in defaults.items():
        array = found.setdefault(name, np.full(len(ids), np.nan))
        missing = np.isnan(array)
        array[missing] = value
        for place in (ids[k] for k in np.flatnonzero(missing).tolist()):
            warn_once(_log, name, "%s: attribute_defaults: %s = %g", place, name, value)
    for name in needed:
        if name not in found:
            hint = suggestion(name, given)
            raise DataError(f"attribute {name!r} of the model is missing{hint}")
    found.setdefault(AREA.name, np.full(len(ids), np.nan))
    others = [name for name in found if name not in needed]
    return {name: found[name] for name in (*needed, *others)}


def check_attribute(attribute: Attribute, values: Array, ids: Sequence[str]) -> None:
    """Refuse values that are not set, or outside the declared bounds.

    Raises
    ------
    DataError
        Naming the attribute and the first location.
    """
    at = attribute.first_outside(values)
    if at is not None:
        raise DataError(
            f"attribute {attribute.name!r} at {ids[at]!r} is {values[at]:g}; "
            f"expected {attribute.expected}"
        )
