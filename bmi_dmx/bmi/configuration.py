"""From the file a host names to settings, with messages that say where and whose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import config
from ..bundle import Bundle
from ..conversion import convert
from ..errors import ConfigError, DmxError
from ..operate.bundle_cache import bundle_named
from ..operate.operation import Operation
from ..operate.system import Dialect, system_of
from ..registries import dialects
from ..space import Space
from .locations import Locations, locations_of, refuse_unknown
from .settings import Settings, settings_from

__all__ = ["Configuration"]


@dataclass
class Configuration:
    """One configuration file.

    Parameters
    ----------
    path : Path
        The file.
    place : str
        The location, once it is known and the only one.
    """

    path: Path
    place: str = ""
    _foreign: bool = field(default=False, init=False)
    _later: tuple[str, ...] = field(default=(), init=False)

    @property
    def folder(self) -> Path:
        """What relative paths start from."""
        return self.path.parent

    def read(self, default_bundle: str | None) -> tuple[Settings, Bundle]:
        """Return what the file says, and the bundle it is about.

        Parameters
        ----------
        default_bundle : str or None
            The bundle of a file that names none.

        Raises
        ------
        ConfigError
            When it cannot be read or says something that is not understood.
        BundleError
            When there is no such bundle.
        """
        data = config.read(self.path)
        dialect = _dialect(data)
        if dialect is not None:
            data = dialect.settings(data, self.path)
            self._foreign, self._later = True, dialect.later
        self.place = _only_place(data)
        entry = data.get("bundle") if isinstance(data, Mapping) else None
        name = entry if isinstance(entry, str) else default_bundle
        if name is None:
            # What is wrong with the rest is said first.
            convert(data, Settings, str(self.path))
            raise ConfigError("bundle: missing; it has no default")
        bundle = bundle_named(name, self.folder)
        system = system_of(bundle.manifest.system)
        return settings_from(data, system, str(self.path)), bundle

    def locations(
        self, settings: Settings, operation: Operation
    ) -> tuple[Locations, Space | None]:
        """Return where the model runs, with the attributes it understands.

        Raises
        ------
        ConfigError
            When an attribute is given that the model does not have, or places that are
            not those of the space. In files written for other models attributes that
            are not known are passed over.
        """
        locations, space = locations_of(settings, operation, self.folder)
        if self._foreign:
            attributes, columns = operation.understood, locations.attributes
            subset = {name: columns[name] for name in columns if name in attributes}
            for name in operation.required:
                if name in self._later:
                    subset.setdefault(name, np.full(len(locations.ids), np.nan))
            return replace(locations, attributes=subset), space
        refuse_unknown(locations.attributes, operation)
        return locations, space

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Put the file and the location before the message of every error.

        What is no error of this package becomes one: a host shows the message, and
        nothing else.
        """
        try:
            yield
        except DmxError as error:
            raise type(error)(self._message(str(error))) from error
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            raise DmxError(self._message(text)) from error

    def _message(self, text: str) -> str:
        text = text.removeprefix(f"{self.path}: ")
        # Of text that is no YAML the line stands behind the file.
        start = "" if text.startswith(f"{self.path}, ") else f"{self.path}: "
        if self.place and self.place not in text:
            start += f"{self.place}: "
        # Hosts may be able to show nothing but ASCII.
        return (start + text).encode("ascii", "backslashreplace").decode("ascii")


def _dialect(data: Any) -> Dialect | None:
    """Return whose file this is, where it is not one of this package."""
    # Nobody else is asked about what is plainly the own: who else there is, is said by
    # files of all distributions that are installed.
    if isinstance(data, Mapping) and data.keys() <= _OWN:
        return None
    spoken = (dialects[name] for name in dialects)
    return next((dialect for dialect in spoken if dialect.speaks(data)), None)


_OWN = frozenset(field.name for field in fields(Settings))


def _only_place(data: Any) -> str:
    """Return the name of the location where there is one, whatever else is wrong."""
    places = data.get("locations") if isinstance(data, Mapping) else None
    ids = places.get("ids") if isinstance(places, Mapping) else None
    only = ids[0] if isinstance(ids, list) and len(ids) == 1 else None
    return "" if only is None else str(only)
