"""What is known about the places."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ConfigError, DataError, suggestion
from ..variables import Attribute
from .once import warn_once

__all__ = ["own_attributes"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_log = logging.getLogger(__name__)


def own_attributes(
    needed: Sequence[str],
    optional: Iterable[str],
    known: Mapping[str, Attribute],
    given: Mapping[str, Array],
    defaults: Mapping[str, float],
    ids: Sequence[str],
) -> dict[str, Array]:
    """Return new arrays of all attributes that are needed or given.

    Those that are optional are always among them; NaN is what is to be set before the
    first step.

    Parameters
    ----------
    needed, optional : sequence of str
        What the model needs, and what it can do without.
    known : mapping of str to Attribute
        What it understands.
    given : mapping of str to ndarray
        (place,) by name.
    defaults : mapping of str to float
        What the configuration puts where a value is missing.
    ids : sequence of str
        Names of the places.

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
    for name in optional:
        found.setdefault(name, np.full(len(ids), np.nan))
    # In whatever order they were given, a state holds them in one.
    others = sorted(name for name in found if name not in needed)
    return {name: found[name] for name in (*needed, *others)}
