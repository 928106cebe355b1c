"""Names and numbers that spaces are made of, refused unless they are usable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import DataError, suggestion
from .description import Array

__all__ = [
    "MOST_PLACES",
    "Numbers",
    "listed",
    "name_hint",
    "names",
    "numbers",
    "positions",
    "read_only",
    "whole_numbers",
]

Numbers = Sequence[float] | Array
"""One-dimensional numbers as callers have them."""

MOST_PLACES = 1 << 27
"""Most places of a space; a field of as many is a gigabyte."""

SEARCHED = 10_000
"""Most names to search for a similar one; a search among more takes seconds."""


def names(ids: Iterable[Any]) -> tuple[str, ...]:
    """Return names of places as text; refuse none, empty ones and repeated ones.

    Raises
    ------
    DataError
        Naming the position, or the name that is repeated and both its positions.
    """
    entries = listed("ids", ids)
    for at, name in enumerate(entries):
        if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
            raise DataError(f"ids: expected a name at position {at}, found {name!r}")
    texts = tuple(map(str, entries))
    if not texts:
        raise DataError("ids: expected at least one place, found none")
    if len(set(texts)) < len(texts):
        first: dict[str, int] = {}
        for at, name in enumerate(texts):
            if (before := first.setdefault(name, at)) != at:
                raise DataError(
                    f"ids: {name!r} is given twice, at positions {before} and {at}"
                )
    return texts


def listed(name: str, values: Iterable[Any]) -> list[Any]:
    """Return the values of a sequence as Python's own; refuse text and single ones."""
    if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
        raise DataError(f"{name}: expected a list, found {values!r:.60}")
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def numbers(
    name: str,
    values: Numbers,
    size: int | None = None,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Array:
    """Return finite numbers that cannot be written to any more.

    Parameters
    ----------
    name : str
        What they are, for messages.
    values : sequence of float
        The numbers.
    size : int, optional
        How many there have to be.
    bounds : (float, float)
        Smallest and largest that is admissible.

    Raises
    ------
    DataError
        Naming the position of the first that is not.
    """
    try:
        array = np.array(values)
    except ValueError as error:
        raise DataError(f"{name}: expected numbers: {error}") from None
    if array.size and array.dtype.kind not in "iuf":
        raise DataError(f"{name}: expected numbers, found {values!r:.60}")
    array = array.astype(np.float64)
    if array.ndim != 1 or (size is not None and array.size != size):
        expected = "a list of numbers" if size is None else f"{size} numbers"
        actual = f"shape {array.shape}" if array.ndim != 1 else f"{array.size}"
        raise DataError(f"{name}: expected {expected}, found {actual}")
    low, high = bounds
    good = np.isfinite(array) & (array >= low) & (array <= high)
    if not good.all():
        at = int(good.argmin())
        expected = f"{low:g} to {high:g}" if np.isfinite(high) else "a finite number"
        raise DataError(
            f"{name}: found {array[at]:g} at position {at}, expected {expected}"
        )
    array += 0.0  # -0 and 0 are the same number and have to have the same hash
    return read_only(array)


def whole_numbers(
    name: str, values: Sequence[int] | Array, low: int, high: int
) -> Array:
    """Return a copy of whole numbers, int64, refused unless low <= x <= high.

    Raises
    ------
    DataError
        Naming the position of the first that is not.
    """
    array = np.array(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise DataError(
            f"{name}: expected a list of whole numbers, found {values!r:.60}"
        )
    bad = (array < low) | (array > high)
    if bad.any():
        at = int(bad.argmax())
        raise DataError(
            f"{name}: found {array[at]} at position {at}, expected {low} to {high}"
        )
    return array.astype(np.int64)


def positions(ids: Iterable[str], place: Mapping[str, int]) -> Array:
    """Return the positions of names, int64; refuse names that are not there."""
    targets = list(ids)
    positions = np.fromiter((place.get(i, -1) for i in targets), np.int64, len(targets))
    if (positions < 0).any():
        name = targets[int((positions < 0).argmax())]
        raise DataError(f"there is no place {name!r}{name_hint(name, place)}")
    return positions


def name_hint(name: str, places: Mapping[str, int]) -> str:
    """Return the end of a message about an unknown name: the nearest known one."""
    if len(places) > SEARCHED:
        return f"; there are {len(places)}"
    return suggestion(str(name), places)


def read_only(array: Array) -> Array:
    """Make an array read-only and return it, so that its hash stays true."""
    array.setflags(write=False)
    return array
