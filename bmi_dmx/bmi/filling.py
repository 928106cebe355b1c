"""Arrays that hosts give to be filled, and the places they name."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DataError

__all__ = ["fill", "fill_at", "misfit", "within"]

Array = np.ndarray[Any, np.dtype[Any]]


def fill(name: str, values: Array, dest: Array) -> Array:
    """Copy values of all places, and return what they were copied into.

    Parameters
    ----------
    name : str
        What they are, for messages.
    values : ndarray
        (place,).
    dest : ndarray
        Of floating point if they are, of any shape and as many items.

    Raises
    ------
    DataError
        When it is not.
    """
    if dest.size != values.size:
        raise misfit(name, dest.size, values.size)
    _refuse_whole_numbers(name, values, dest)
    dest[...] = values.reshape(dest.shape)
    return dest


def fill_at(name: str, values: Array, dest: Array, inds: Array) -> Array:
    """Copy values of some places; otherwise as :func:`fill`."""
    _refuse_whole_numbers(name, values, dest)
    if dest.shape == (1,) and isinstance(inds, np.ndarray) and inds.size == 1:
        # Hosts of one place ask for every value like this.
        one = inds.item()
        if type(one) is int and 0 <= one < values.size:
            dest[0] = values[one]
            return dest
    at = within(name, inds, values.size)
    if dest.size != at.size:
        raise DataError(
            f"{name!r}: found room for {dest.size} values of {at.size} places"
        )
    dest[...] = values[at].reshape(dest.shape)
    return dest


def misfit(name: str, found: int, expected: int) -> DataError:
    """Return the error for another number of values than of places."""
    return DataError(
        f"{name!r}: found {found} values, expected {expected}, one for each place"
    )


def _refuse_whole_numbers(name: str, values: Array, dest: Array) -> None:
    if dest.dtype.kind != "f" and values.dtype.kind == "f":
        raise DataError(
            f"{name!r}: expected an array of floating point to copy into, found "
            f"{dest.dtype}, which would cut the values"
        )


def within(name: str, inds: Array, size: int) -> Array:
    """Return indices of places; refuse those that do not exist."""
    indices = np.asarray(inds).reshape(-1)
    if not indices.size:
        return indices.astype(int)
    if indices.dtype.kind not in "iu":
        raise DataError(f"{name!r}: expected numbers of places, found {inds!r:.60}")
    bad = indices[(indices < 0) | (indices >= size)]
    if bad.size:
        raise DataError(
            f"{name!r}: there is no place {bad.flat[0]}, expected 0 to {size - 1}"
        )
    return indices
