"""The places of a saved state, found again by name in whatever order they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import StateError
from ..space import Space

__all__ = ["identity", "order"]

Indices = np.ndarray[Any, np.dtype[Any]]

_SHOWN = 4
"""Most places that are named."""


def identity(ids: Sequence[str], space: Space | None) -> dict[str, str]:
    """Return what a state says of its places, and of how they stand to each other."""
    stands = "none" if space is None else space.bonds
    return {"places": json.dumps(list(ids)), "space": stands}


def order(
    owner: Mapping[str, str], ids: Sequence[str], space: Space | None, where: str
) -> Indices | None:
    """Return where each place stands in a saved state; None where they do not differ.

    Parameters
    ----------
    owner : mapping of str to str
        Whose state it is, as it says.
    ids : sequence of str
        The places of the model that is to go on from it.
    space : Space or None
        How they stand to each other.
    where : str
        What messages begin with.

    Raises
    ------
    StateError
        When the places are others, naming some of them; or stand to each other in
        another way.
    """
    if "places" not in owner:
        _refuse_other_hash(owner, ids, space, where)
        return None
    places = _names(owner["places"], where)
    if places != list(ids):
        _refuse_other(set(places), set(ids), where)
    stands = identity(ids, space)["space"]
    if owner.get("space") != stands:
        raise StateError(
            f"{where}: its places stand to each other in another way: found space "
            f"{owner.get('space')!r}, this component has {stands!r}"
        )
    if places == list(ids):
        return None
    at = {name: k for k, name in enumerate(places)}
    return np.array([at[name] for name in ids])


def _names(text: str, where: str) -> list[str]:
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        names = None
    if not (
        isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and len(set(names)) == len(names)
    ):
        raise StateError(
            f"{where}: places: found {text!r:.60}, expected a list of names, each once"
        )
    return names


def _refuse_other(places: set[str], ids: set[str], where: str) -> None:
    lacking, more = ids - places, places - ids
    details = [
        *([f"it lacks {_some(lacking)} of this component"] if lacking else []),
        *([f"it has {_some(more)} besides"] if more else []),
    ]
    if details:
        raise StateError(f"{where}: belongs to other places: {', and '.join(details)}")


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names)
    shown = ", ".join(map(repr, ordered[:_SHOWN]))
    more = len(ordered) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _refuse_other_hash(
    owner: Mapping[str, str], ids: Sequence[str], space: Space | None, where: str
) -> None:
    """Compare the places of a state that has a hash of them alone, in their order."""
    digest = hashlib.sha256("\n".join(ids).encode())
    if space is not None:
        digest.update(space.fingerprint.encode())
    expected, actual = digest.hexdigest(), owner.get("set of places")
    if actual != expected:
        raise StateError(
            f"{where}: belongs to another set of places, or has them in another order, "
            f"and does not name them: found {actual!r}, this component has {expected!r}"
        )
