"""From the file a host names to settings, with messages that say where and whose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import config
from ..conversion import convert
from ..errors import ConfigError, DmxError, suggestion
from .attributes import AREA
from .locations import Locations, read_locations
from .ngiab import is_ngiab, settings_of
from .programs import Plan
from .settings import Settings

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

    @property
    def folder(self) -> Path:
        """What relative paths start from."""
        return self.path.parent

    def read(self) -> Settings:
        """Return what the file says.

        Raises
        ------
        ConfigError
            When it cannot be read or says something that is not understood.
        """
        data = config.read(self.path)
        self._foreign = is_ngiab(data)
        if self._foreign:
            data = settings_of(data, self.path)
        self.place = _only_place(data)
        return convert(data, Settings, str(self.path))

    def locations(self, settings: Settings, plan: Plan) -> Locations:
        """Return where the model runs, with the attributes it understands.

        Raises
        ------
        ConfigError
            When an attribute is given that the model does not have. In files written
            for other models such are passed over.
        """
        wanted = {name: known.units for name, known in plan.attributes.items()}
        found = read_locations(settings.locations, self.folder, wanted)
        if self._foreign:
            known = {n: x for n, x in found.attributes.items() if n in wanted}
            if any(a.name == AREA.name for a in plan.variables.attributes):
                # Files of daily models lack it, and hosts have it.
                known.setdefault(AREA.name, np.full(len(found.ids), np.nan))
            return Locations(found.ids, known)
        for name in found.attributes:
            if name not in wanted:
                hint = suggestion(name, wanted)
                raise ConfigError(f"locations: attributes: unknown {name!r}{hint}")
        return found

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
        start = f"{self.path}: "
        if self.place and self.place not in text:
            start += f"{self.place}: "
        # Hosts may be able to show nothing but ASCII.
        return (start + text).encode("ascii", "backslashreplace").decode("ascii")


def _only_place(data: Any) -> str:
    """Return the name of the location where there is one, whatever else is wrong."""
    places = data.get("locations") if isinstance(data, Mapping) else None
    ids = places.get("ids") if isinstance(places, Mapping) else None
    return str(ids[0]) if isinstance(ids, list) and len(ids) == 1 else ""
