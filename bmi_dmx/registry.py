"""Named things a configuration can ask for: processes, networks, losses, bundles ...

Entries may be given as ``"module:attribute"``, so that listing what exists imports
nothing; the module is imported when its entry is asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar, cast

from .errors import ConfigError, suggestion

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Generic[T]):
    """Objects by name, in order of registration.

    Parameters
    ----------
    what : str
        What one entry is called in messages, such as ``"process"``.
    entries : mapping of str to object or str, optional
        First entries. A string is the place of the object, ``"module:attribute"``.
    group : str, optional
        Entry-point group through which other distributions add entries; it is read when
        all names, or one that is not there yet, are first asked for.

    Examples
    --------
    >>> shapes = Registry("shape", {"pi": "math:pi"})
    >>> shapes["pi"]
    3.141592653589793
    """

    def __init__(
        self,
        what: str,
        entries: Mapping[str, T | str] | None = None,
        *,
        group: str | None = None,
    ) -> None:
        self.what = what
        self._entries: dict[str, T | str] = dict(entries or {})
        self._places: dict[str, str] = {}
        self._unread = group

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that enters an object under a name.

        Raises
        ------
        ValueError
            When the name is taken.
        """
        if name in self._entries:
            raise ValueError(f"{self.what} {name!r} is registered twice")

        def enter(item: T) -> T:
            self._entries[name] = item
            return item

        return enter

    def names(self) -> tuple[str, ...]:
        """Return the names of all entries; nothing is imported for it."""
        return tuple(self._known())

    def place(self, name: str) -> str | None:
        """Return where an entry is imported from, or None where it was never said."""
        item = self._known().get(name)
        return item if isinstance(item, str) else self._places.get(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self._known())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._known()

    def __getitem__(self, name: str) -> T:
        """Return an entry, importing it first if only its place is known.

        Raises
        ------
        ConfigError
            When the name is unknown or its object cannot be imported.
        """
        # Those of other distributions are looked for where the own do not serve.
        if name not in self._entries and name not in self._known():
            hint = suggestion(str(name), self._entries)
            raise ConfigError(f"unknown {self.what} {name!r}{hint}")
        item = self._entries[name]
        if isinstance(item, str):
            place, item = item, self._imported(name, item)
            self._places[name], self._entries[name] = place, item
        return item

    def _imported(self, name: str, place: str) -> T:
        from importlib import import_module

        module, _, attribute = place.partition(":")
        try:
            return cast(T, getattr(import_module(module), attribute))
        except (ImportError, AttributeError) as error:
            message = f"{self.what} {name!r} cannot be imported from {place!r}: {error}"
            raise ConfigError(message) from error

    def _known(self) -> dict[str, T | str]:
        """Return all entries, after those of other distributions were added."""
        if self._unread is not None:
            # Costs file reads and imports, hence not before somebody asks.
            from importlib.metadata import entry_points

            group, self._unread = self._unread, None
            for point in entry_points(group=group):
                if point.name in self._entries:
                    message = (
                        f"entry point {point.name!r} = {point.value!r} of group "
                        f"{group!r} is ignored: that {self.what} exists already"
                    )
                    warnings.warn(message, stacklevel=3)
                else:
                    self._entries[point.name] = point.value
        return self._entries
