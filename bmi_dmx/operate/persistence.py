"""Saved states: arrays and whose they are, in a format that executes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from ..errors import StateError, suggestion

__all__ = ["FORMAT", "Older", "pack", "refuse_other", "refuse_unlike", "unpack"]

Array = np.ndarray[Any, np.dtype[Any]]

Older = Callable[
    [Mapping[str, Array], Mapping[str, str]], tuple[dict[str, Array], dict[str, str]]
]
"""From arrays and owner of a state of another format to those of the present one."""

FORMAT = "bmi_dmx state 2"
"""What a state is marked with; the number is the version of the layout."""

_OWN = ("format", "sha256")
_MARKS = "bmi_dmx"


def pack(arrays: Mapping[str, Array], owner: Mapping[str, str]) -> bytes:
    """Return a state as bytes (safetensors); as long as any other of the same owner.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        The state.
    owner : mapping of str to str
        What a component must have in common with the one that saved.
    """
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    marks = {"format": FORMAT, "sha256": _digest(whole, owner), **owner}
    # One entry: the library writes several in any order, but equal states are equal.
    packed: bytes = safetensors.numpy.save(
        whole, metadata={_MARKS: json.dumps(marks, sort_keys=True)}
    )
    return packed


def unpack(
    content: bytes, where: str, older: Mapping[str, Older]
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays and the owner of a packed state whose seal is whole.

    Parameters
    ----------
    content : bytes
        From :func:`pack`.
    where : str
        What messages begin with.
    older : mapping of str to callable
        Formats that are understood as well, and what brings them to the present one.

    Raises
    ------
    StateError
        When the state is damaged, or of another version.
    """
    try:
        arrays: dict[str, Array] = safetensors.numpy.load(content)
        marks = _marks(content)
    except _UNREADABLE as error:
        raise StateError(f"{where}: damaged or not a saved state: {error}") from None
    version = marks.get("format", "no mark")
    if version != FORMAT and version not in older:
        raise StateError(f"{where}: format: found {version!r:.60}, expected {FORMAT!r}")
    owner = {key: text for key, text in marks.items() if key not in _OWN}
    if marks.get("sha256") != _digest(arrays, owner):
        raise StateError(f"{where}: damaged: its content does not match its sha256")
    if version in older:
        try:
            arrays, owner = older[version](arrays, owner)
        except (KeyError, ValueError, IndexError) as error:
            raise StateError(f"{where}: not a whole {version!r}: {error!r}") from None
    return arrays, owner


def refuse_other(
    marks: Mapping[str, str], owner: Mapping[str, str], where: str
) -> None:
    """Refuse the state of another owner.

    Raises
    ------
    StateError
        Naming what differs, what was found and what was expected.
    """
    for key, text in owner.items():
        if marks.get(key) != text:
            raise StateError(
                f"{where}: belongs to another {key}: found {marks.get(key)!r}, "
                f"this component has {text!r}"
            )


def refuse_unlike(
    arrays: Mapping[str, Array], expected: Mapping[str, Array], where: str
) -> None:
    """Refuse arrays of other names, shapes or types than those of a state.

    Raises
    ------
    StateError
        Naming the array, what was found and what was expected.
    """
    for name in arrays:
        if name not in expected:
            hint = suggestion(name, expected)
            raise StateError(f"{where}: unknown array {name!r:.60}{hint}")
    for name, array in expected.items():
        if name not in arrays:
            raise StateError(f"{where}: array {name!r} is missing")
        actual = arrays[name]
        if (actual.shape, actual.dtype) != (array.shape, array.dtype):
            raise StateError(
                f"{where}: array {name!r} is {actual.dtype}{actual.shape}, expected "
                f"{array.dtype}{array.shape}"
            )


_UNREADABLE = (
    safetensors.SafetensorError, ValueError, KeyError, AttributeError, TypeError,
    RecursionError,
)  # fmt: skip
"""What the libraries raise on bytes that are none of theirs, or no longer."""


def _marks(content: bytes) -> dict[str, str]:
    size = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + size]).get("__metadata__", {})
    marks = json.loads(metadata.get(_MARKS, "{}"))
    if not isinstance(marks, dict):
        raise ValueError(f"marks are {marks!r:.60}")
    for key, text in marks.items():
        if not isinstance(text, str):
            raise ValueError(f"mark {key!r:.60} is {text!r:.60}, expected text")
    return marks


def _digest(arrays: Mapping[str, Array], owner: Mapping[str, str]) -> str:
    total = hashlib.sha256(json.dumps(dict(owner), sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        total.update(f"{name} {array.dtype} {array.shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()
