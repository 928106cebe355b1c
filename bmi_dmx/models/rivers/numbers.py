"""The numbers in names, for hosts that know reaches by whole numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import DataError, VariableError

__all__ = ["have_numbers", "numbers_of", "refuse_others"]

Array = np.ndarray[Any, np.dtype[np.int64]]

_ENDING = re.compile(r"(?:.*?\D)?(\d{1,18})")


def have_numbers(names: Sequence[str]) -> bool:
    """Return whether every name ends with a number that no other one has."""
    matches = [_ENDING.fullmatch(name) for name in names]
    numbers = {match[1].lstrip("0") for match in matches if match}
    return len(numbers) == len(names)


def numbers_of(names: Sequence[str], what: str) -> Array:
    """Return the numbers with which names end, as ``7`` of ``wb-7``.

    Parameters
    ----------
    names : sequence of str
        Names.
    what : str
        What has them, for messages.

    Raises
    ------
    VariableError
        When there is one without, or two have the same.
    """
    if not have_numbers(names):
        odd = next((n for n in names if not _ENDING.fullmatch(n)), "")
        why = f"{odd!r} ends with none" if odd else "two have the same"
        raise VariableError(f"{what} have no numbers of their own: {why}")
    ends = (_ENDING.fullmatch(name) for name in names)
    return np.array([int(match[1]) for match in ends if match], dtype=np.int64)


def refuse_others(name: str, values: Any, ids: Array) -> None:
    """Refuse to be told of other numbers than there are.

    Raises
    ------
    DataError
        Naming the first that differs.
    """
    flat = np.asarray(values).reshape(-1)
    if flat.shape != ids.shape:
        raise DataError(f"{name}: found {flat.size} numbers, the tree has {ids.size}")
    if (flat != ids).any():
        at = int((flat != ids).argmax())
        raise DataError(
            f"{name}: found {flat[at]} in place {at}, the tree has {ids[at]}"
        )
