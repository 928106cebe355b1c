"""Arrays that hosts give to be filled, and the places they name."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..conversion import shown
from ..errors import DataError, VariableError

__all__ = ["fill", "fill_at", "misfit", "no_name", "require_array", "within"]

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
        When it is not, or cannot be written to, or is of a type too small for a value;
        nothing is copied then.
    """
    if type(dest) is not np.ndarray:
        require_array(name, dest)
    if dest.size != values.size:
        raise misfit(name, dest.size, values.size)
    if dest.dtype is not values.dtype:
        values = _converted(name, values, dest)
    try:
        dest[...] = values.reshape(dest.shape)
    except ValueError as error:
        raise DataError(f"{name!r}: cannot be copied: {error}") from None
    return dest


def fill_at(name: str, values: Array, dest: Array, inds: Array) -> Array:
    """Copy values of some places; otherwise as :func:`fill`."""
    if type(dest) is not np.ndarray:
        require_array(name, dest)
    if dest.shape == (1,) and isinstance(inds, np.ndarray) and inds.size == 1:
        # Hosts of one place ask for every value like this.
        one = inds.item()
        if type(one) is int and 0 <= one < values.size:
            if dest.dtype is not values.dtype:
                return fill(name, values[one : one + 1], dest)
            try:
                dest[0] = values.item(one)
            except ValueError as error:
                raise DataError(f"{name!r}: cannot be copied: {error}") from None
            return dest
    at = within(name, inds, values.size)
    if dest.size != at.size:
        raise DataError(
            f"{name!r}: found room for {dest.size} values of {at.size} places"
        )
    return fill(name, values[at], dest)


def _converted(name: str, values: Array, dest: Array) -> Array:
    """Return values as the type of an array, which has to hold them."""
    fractions = values.dtype.kind == "f"
    if dest.dtype.kind not in ("f" if fractions else "fiu"):
        kind = "floating point" if fractions else "numbers"
        raise DataError(
            f"{name!r}: expected an array of {kind} to copy into, found "
            f"{dest.dtype}, which would cut the values"
        )
    with np.errstate(over="ignore"):
        cast = values.astype(dest.dtype)
    large = np.isinf(cast) & np.isfinite(values) if fractions else cast != values
    if large.any():
        raise DataError(
            f"{name!r}: {values[large][0]:g} is too large for an array of {dest.dtype}"
        )
    return cast


def require_array(name: str, dest: Any) -> None:
    """Refuse what is no array to copy into.

    Raises
    ------
    DataError
        Naming what is copied.
    """
    if not isinstance(dest, np.ndarray):
        raise DataError(
            f"{name!r}: expected a NumPy array to copy into, found a "
            f"{type(dest).__name__}"
        )


def misfit(name: str, count: int, expected: int) -> DataError:
    """Return the error for another number of values than of places."""
    return DataError(
        f"{name!r}: found {count} values, expected {expected}, one for each place"
    )


def no_name(name: object) -> VariableError:
    """Return the error for a name that is no text."""
    return VariableError(
        f"expected the name of a variable as text, found {shown(name)}"
    )


def within(name: str, inds: Array, size: int) -> Array:
    """Return indices of places; refuse those that do not exist."""
    try:
        indices = np.asarray(inds).reshape(-1)
    except (TypeError, ValueError):
        raise DataError(
            f"{name!r}: expected numbers of places, found {shown(inds)}"
        ) from None
    if not indices.size:
        return np.zeros(0, int)
    if indices.dtype.kind not in "iu":
        raise DataError(f"{name!r}: expected numbers of places, found {shown(inds)}")
    bad = indices[(indices < 0) | (indices >= size)]
    if bad.size:
        raise DataError(
            f"{name!r}: there is no place {bad.flat[0]}, expected 0 to {size - 1}"
        )
    return indices
