"""Names and attributes of the locations, from the configuration and from tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..config import expanded
from ..data.identity import refuse_repeated
from ..errors import ConfigError, suggestion
from ..operate.attributes import far_ones, tell_far
from ..operate.operation import Operation
from ..operate.runner import Runner
from ..space import Space, space_from
from ..variables import Attribute
from .settings import LocationSettings, Settings

__all__ = [
    "Locations",
    "locations_of",
    "read_locations",
    "refuse_unknown",
    "tell_far_places",
]

Array = np.ndarray[Any, np.dtype[np.float64]]
Columns = dict[str, Array]


@dataclass(frozen=True)
class Locations:
    """Where a model runs.

    Parameters
    ----------
    ids : tuple of str
        Their names.
    attributes : dict of str to ndarray
        (location,) values; NaN where none was given yet.
    parameters : dict of str to ndarray
        (location,) values of parameters to be set; NaN where none is.
    origin : object
        What of its domain says it, for components that need to know more of it.
    """

    ids: tuple[str, ...]
    attributes: Columns
    parameters: Columns = field(default_factory=dict)
    origin: Any = None

    def with_attributes(self, more: Mapping[str, Array]) -> Locations:
        """Return the same places with more known of them, (location,) values.

        Raises
        ------
        ConfigError
            When there is not one value for each location.
        """
        for name, values in more.items():
            _one_for_each(name, len(values), self.ids)
        return replace(self, attributes={**self.attributes, **more})

    def set_parameters(self, runner: Runner) -> None:
        """Set the parameters that are known of the places."""
        for name, values in self.parameters.items():
            at = np.flatnonzero(~np.isnan(values))
            runner.parameters.set_parameter(name, values[at], at)


def tell_far_places(runner: Runner) -> None:
    """Say once which attributes are far from all that the model was trained with."""
    operation, attributes = runner.operation, runner.parameters.attribute
    statistics = operation.bundle.statistics
    outliers = [*far_ones(statistics, operation.understood, runner.ids, attributes)]
    if outliers:
        tell_far(runner.place, outliers)


def locations_of(
    settings: Settings, operation: Operation, folder: Path
) -> tuple[Locations, Space | None]:
    """Return where a model runs, with what is known there, and how the places stand.

    Parameters
    ----------
    settings : Settings
        What was configured.
    operation : Operation
        The model, which may live in a space of its own.
    folder : Path
        What relative paths start from.

    Raises
    ------
    ConfigError
        When there are no places, or they are not those of the space; and as
        :func:`read_locations`.
    """
    placed = settings.placed(operation, folder)
    if placed is not None:
        return placed
    space = operation.space
    if settings.space is not None:
        space = space_from(settings.space)
    if settings.locations is None:
        if space is None:
            raise ConfigError("locations: missing; it has no default")
        return Locations(tuple(space.ids), {}), space
    locations = read_locations(settings.locations, folder, operation.understood)
    if space is not None and tuple(space.ids) != locations.ids:
        raise ConfigError(
            "locations: the ids are not those of the space, in its order; leave "
            "them out, or the space"
        )
    return locations, space


def refuse_unknown(names: Iterable[str], operation: Operation) -> None:
    """Refuse attributes that a model does not have.

    Raises
    ------
    ConfigError
        Naming the first, and the nearest there is.
    """
    attributes = operation.understood
    for name in names:
        if name not in attributes:
            hint = suggestion(name, attributes)
            raise ConfigError(f"locations: attributes: unknown {name!r}{hint}")


def read_locations(
    settings: LocationSettings, folder: Path, attributes: Mapping[str, Attribute]
) -> Locations:
    """Return the configured locations with those of their attributes that are wanted.

    Parameters
    ----------
    settings : LocationSettings
        Block ``locations`` of a configuration.
    folder : Path
        What a relative path starts from.
    attributes : mapping of str to Attribute
        The attributes to read from a file; others there are passed over.

    Raises
    ------
    ConfigError
        When a list has not one value for each location, or the file is not there.
    DataError
        When the file is not a table of numbers with the locations in it.
    UnitsError
        When units in the file cannot be converted.
    """
    ids = tuple(str(i) for i in settings.ids)
    columns: Columns = {}
    refuse_repeated(ids, "locations: ids")
    if settings.file is not None:
        path = expanded(settings.file, "locations: file", folder)
        if not path.is_file():
            raise ConfigError(f"locations: file: {path}: no such file")
        # What reads files is for those who have one.
        from .location_files import read_file

        ids, columns = read_file(path, ids, attributes)
    for name, entry in settings.attributes.items():
        values = list(entry) if isinstance(entry, tuple) else [entry] * len(ids)
        _one_for_each(name, len(values), ids)
        columns[name] = np.array([np.nan if v is None else v for v in values], float)
    return Locations(ids, columns)


def _one_for_each(name: str, count: int, ids: Sequence[str]) -> None:
    if count != len(ids):
        raise ConfigError(
            f"locations: attributes: {name}: found {count} values, expected "
            f"one for each of {len(ids)} locations"
        )
