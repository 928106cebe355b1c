"""States of many places taken apart by place, and put together again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .persistence import pack, unpack
from .runner import Runner
from .saved_places import order
from .state_check import contents, in_order

__all__ = ["joined", "parts_of"]

Array = np.ndarray[Any, np.dtype[Any]]


def parts_of(
    content: bytes, runner: Runner, groups: Sequence[Sequence[str]], where: str
) -> Iterator[bytes]:
    """Yield a state for each group of places, of a state of all of them.

    Parameters
    ----------
    content : bytes
        The state, of the present format.
    runner : Runner
        The same model at some of the places, which do not see each other.
    groups : sequence of sequence of str
        Names of the places; all of the state, each once.
    where : str
        What messages begin with.

    Raises
    ------
    StateError
        When it is damaged, of another format, or of other places.
    """
    arrays, owner = unpack(content, where, {})
    ids = [name for group in groups for name in group]
    at = order(owner, ids, None, where)
    places = np.arange(len(ids)) if at is None else at
    schema = contents(runner, arrays)
    first = 0
    for group in groups:
        some = places[first : first + len(group)]
        first += len(group)
        group_owner = {**owner, "places": json.dumps(list(group))}
        yield pack(in_order(arrays, some, schema), group_owner)


def joined(states: Iterable[bytes], runner: Runner, where: str) -> bytes:
    """Return the state of all places, of states of some of them one after the other.

    Parameters
    ----------
    states : iterable of bytes
        At the same time, of the same way of running.
    runner, where
        As for :func:`parts_of`.

    Raises
    ------
    StateError
        When one of them is damaged.
    """
    parts: dict[str, list[Array]] = {}
    owners: list[dict[str, str]] = []
    for content in states:
        arrays, owner = unpack(content, where, {})
        owners.append(owner)
        for name, array in arrays.items():
            parts.setdefault(name, []).append(array)
    schema = contents(runner, parts)
    whole = {}
    for name, pieces in parts.items():
        axis = schema[name].axis if name in schema else None
        whole[name] = pieces[0] if axis is None else np.concatenate(pieces, axis)
    ids = [name for owner in owners for name in json.loads(owner["places"])]
    return pack(whole, {**owners[0], "places": json.dumps(ids)})
