"""Modules of the version before, found under their old names for one version."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["moved"]


def moved(old: str, present: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module whose names are in another one.

    Parameters
    ----------
    old : str
        The module, by its full name.
    present : str
        Where its names are.
    """

    def item(name: str) -> Any:
        value = getattr(import_module(present), name)
        notice = f"{old} is {present} now"
        warnings.warn(notice, DeprecationWarning, stacklevel=2)
        return value

    return item
