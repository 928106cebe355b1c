"""Spaces from plain data, as configurations and bundles hold them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError, DataError, suggestion
from .grid import Grid
from .places import Places, Points, Ring
from .tree import Tree

__all__ = ["space_from"]

KINDS: dict[str, type[Places]] = {
    kind.kind: kind for kind in (Points, Tree, Ring, Grid)
}


def space_from(data: Mapping[str, Any]) -> Places:
    """Return the space that plain data describe.

    Parameters
    ----------
    data : mapping
        ``kind`` (``points``, ``tree``, ``ring`` or ``grid``), and the arguments that
        make it, as ``to_dict`` of spaces returns them.

    Returns
    -------
    Points, Tree, Ring or Grid
        The space.

    Raises
    ------
    ConfigError
        When the kind or a key is missing or not known, or a value is not usable.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"space: expected a mapping, found {data!r:.60}")
    arguments = dict(data)
    kind = arguments.pop("kind", None)
    if kind not in KINDS:
        hint = suggestion(str(kind), KINDS)
        raise ConfigError(f"space: kind: found {kind!r}{hint}")
    space_class = KINDS[kind]
    for key in arguments:
        if key not in space_class.made_of:
            hint = suggestion(str(key), space_class.made_of)
            raise ConfigError(f"space: unknown key {key!r} of a {kind}{hint}")
    for name, argument in inspect.signature(space_class).parameters.items():
        if argument.default is argument.empty and name not in arguments:
            raise ConfigError(f"space: key {name!r} of a {kind} is missing")
    try:
        return space_class(**arguments)
    except DataError as error:
        raise ConfigError(f"space: {error}") from None
