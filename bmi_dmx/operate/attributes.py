"""What is known about the places."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ConfigError, DataError, suggestion
from ..networks.statistics import Statistics
from ..variables import Attribute
from .repeated_warnings import count_as_told, warn_once

__all__ = ["FarAttribute", "far_ones", "own_attributes", "tell_far", "told_far"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_log = logging.getLogger(__name__)

_FAR = "far attributes"


def own_attributes(
    required: Sequence[str],
    optional: Iterable[str],
    attributes: Mapping[str, Attribute],
    entries: Mapping[str, Array],
    defaults: Mapping[str, float],
    ids: Sequence[str],
) -> dict[str, Array]:
    """Return new arrays of all attributes that are needed or given.

    Those that are optional are always among them; NaN is what is to be set before the
    first step.

    Parameters
    ----------
    required, optional : sequence of str
        What the model needs, and what it can do without.
    attributes : mapping of str to Attribute
        What it understands.
    entries : mapping of str to ndarray
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
        if name not in attributes:
            hint = suggestion(name, attributes)
            raise ConfigError(f"attribute_defaults: unknown {name!r}{hint}")
    arrays = {name: np.array(values, float) for name, values in entries.items()}
    for name, value in defaults.items():
        array = arrays.setdefault(name, np.full(len(ids), np.nan))
        missing = np.isnan(array)
        array[missing] = value
        for place in (ids[k] for k in np.flatnonzero(missing).tolist()):
            warn_once(_log, name, "%s: attribute_defaults: %s = %g", place, name, value)
    lacking = [name for name in required if name not in arrays]
    if len(lacking) == 1:
        hint = suggestion(lacking[0], entries)
        raise DataError(f"attribute {lacking[0]!r} of the model is missing{hint}")
    if lacking:
        raise DataError(f"attributes of the model are missing: {', '.join(lacking)}")
    for name in optional:
        arrays.setdefault(name, np.full(len(ids), np.nan))
    # In whatever order they were given, a state holds them in one.
    others = sorted(name for name in arrays if name not in required)
    return {name: arrays[name] for name in (*required, *others)}


@dataclass(frozen=True)
class FarAttribute:
    """An attribute that is far from what a model was trained with.

    Parameters
    ----------
    name : str
        The attribute.
    count : int
        At how many places it is.
    place : str
        Where it is furthest.
    value : float
        What it is there.
    typical : float
        What the model was trained with, in the middle.
    usual : (float, float)
        The least and the most of it but for rare ones, of what can be.
    """

    name: str
    count: int
    place: str
    value: float
    typical: float
    usual: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.usual
        usual = f"usually {low:.4g} to {high:.4g}"
        if self.count == 1:
            return f"{self.name!r} of {self.place!r} is {self.value:.4g} ({usual})"
        return (
            f"{self.name!r} of {self.count} places, furthest of {self.place!r} with "
            f"{self.value:.4g} ({usual})"
        )


def tell_far(place: str, attributes: Sequence[FarAttribute]) -> None:
    """Say once in a process which attributes are far, and where."""
    warn_once(
        _log, _FAR, "%s: attributes are far from what the model was trained with: %s",
        place, "; ".join(map(str, attributes)),
    )  # fmt: skip


def told_far() -> None:
    """Let it count as said: somebody sees all places of a process, and told of all."""
    count_as_told(_log, _FAR)


def far_ones(
    statistics: Statistics,
    attributes: Mapping[str, Attribute],
    ids: Sequence[str],
    values: Mapping[str, Array],
) -> Iterator[FarAttribute]:
    """Yield the attributes that are far from those that a model was trained with.

    Parameters
    ----------
    statistics : Statistics
        Those of the model.
    attributes : mapping of str to Attribute
        What it understands.
    ids : sequence of str
        Names of the places.
    values : mapping of str to ndarray
        (place,) attributes by name. Those without statistics, and NaN, are passed over.
    """
    pairs = [(name, moments) for name in values for moments in statistics.of(name)]
    if not pairs:
        return
    names = [name for name, _ in pairs]
    # All at once, for this is asked of each of 100 000 components of one place.
    table = np.array([values[name] for name in names])
    usual = np.array([moments.usual for _, moments in pairs])
    far = (table < usual[:, :1]) | (table > usual[:, 1:])
    for row in np.flatnonzero(far.any(axis=1)).tolist():
        moments = pairs[row][1]
        distance = np.abs(moments.standardized(table[row]))
        # Outside the domain of the transform there is no distance.
        distance[far[row] & np.isnan(distance)] = np.inf
        at = int(np.argmax(np.where(far[row], distance, -1.0)))
        name, (low, high) = names[row], attributes[names[row]].limits
        yield FarAttribute(
            name,
            int(far[row].sum()),
            ids[at],
            float(table[row, at]),
            moments.typical,
            (max(low, moments.usual[0]), min(high, moments.usual[1])),
        )
