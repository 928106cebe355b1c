"""The functions of a module behind BMI, and the types it may answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["INPUT_TYPES", "OUTPUT_TYPES", "Functions", "Listing"]

_WORDS = {
    np.float64: ("float64", "float", "np.float64", "numpy.float64"),
    np.float32: ("float32", "float", "np.float32", "numpy.float32"),
    np.int16: ("int16", "int"), np.int32: ("int32", "int"),
    np.int64: ("int64", "int", "longlong"),
}  # fmt: skip
INPUT_TYPES: dict[tuple[str, int], Any] = {
    (word, kind().itemsize): kind for kind, words in _WORDS.items() for word in words
}
"""What the framework makes of a type and the size of its items."""
OUTPUT_TYPES = {
    "float64": np.float64, "float32": np.float32, "float": np.float64, "int": np.int64,
}  # fmt: skip


def listing_of(kind: str) -> tuple[str, str]:
    """Return the functions that count and list the names of a kind."""
    return f"get_{kind}_item_count", f"get_{kind}_var_names"


class Listing:
    """What counts and what lists names, and what it answered last.

    Attributes
    ----------
    known : object
        The names as they were answered.
    names : tuple of str
        The same as text.
    """

    __slots__ = ("called", "count", "known", "list", "names")

    def __init__(
        self, kind: str, count: Callable[[], Any], listing: Callable[[], Any]
    ) -> None:
        self.called = listing_of(kind)
        self.count, self.list = count, listing
        self.known: Any = None
        self.names: tuple[str, ...] = ()


class Functions:
    """The functions of a module that are called at every step, bound to it once.

    Attributes
    ----------
    listing : dict of str to Listing
        What counts and what lists the names of a kind.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        for name in (
            "get_current_time", "get_time_step", "update", "set_value",
            "get_var_itemsize", "get_var_units", "get_var_type", "get_var_nbytes",
            "get_value_at_indices", "get_value_ptr",
        ):  # fmt: skip
            setattr(self, name, self._bound(name))
        self.listing = {
            kind: Listing(kind, *map(self._bound, listing_of(kind)))
            for kind in ("input", "output")
        }

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise AttributeError(name)

    def _bound(self, name: str) -> Callable[..., Any]:
        """Return a function, or what fails as asking for it does where it lacks."""
        model = self._model
        return getattr(model, name, None) or (lambda *args: getattr(model, name)(*args))
