"""Names and attributes of the locations, from the configuration and from tables."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data.identity import match, refuse_repeated
from ..data.netcdf import identifiers, identifying, numbers, opened, units_of
from ..data.quantity import assumed, quantity
from ..data.table import heading, read_table
from ..errors import ConfigError, DataError, suggestion
from ..files import NETCDF
from ..operate.once import warn_once
from ..operate.operation import Operation
from ..space import Space, space_from
from ..variables import Attribute
from .settings import LocationSettings, Settings

__all__ = [
    "IDENTIFIERS",
    "Locations",
    "in_units",
    "locations_of",
    "read_locations",
    "refuse_unknown",
]

Array = np.ndarray[Any, np.dtype[np.float64]]
Columns = dict[str, Array]

_log = logging.getLogger(__name__)

IDENTIFIERS = ("id", "ids", "divide_id", "basin", "basin_id", "gauge_id", "gage_id")
"""What the identifiers are called where a NetCDF file does not say it by cf_role."""


@dataclass(frozen=True)
class Locations:
    """Where a model runs.

    Parameters
    ----------
    ids : tuple of str
        Their names.
    attributes : dict of str to ndarray
        (location,) values; NaN where none was given yet.
    """

    ids: tuple[str, ...]
    attributes: Columns

    def with_attributes(self, more: Mapping[str, Array]) -> Locations:
        """Return the same places with more known of them, (location,) values.

        Raises
        ------
        ConfigError
            When there is not one value for each location.
        """
        for name, values in more.items():
            _one_for_each(name, len(values), self.ids)
        return Locations(self.ids, {**self.attributes, **more})


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
    space = operation.space
    if settings.space is not None:
        space = space_from(settings.space)
    if settings.locations is None:
        if space is None:
            raise ConfigError("locations: missing; it has no default")
        return Locations(tuple(space.ids), {}), space
    found = read_locations(settings.locations, folder, operation.understood)
    if space is not None and tuple(space.ids) != found.ids:
        raise ConfigError(
            "locations: the ids are not those of the space, in its order; leave "
            "them out, or the space"
        )
    return found, space


def refuse_unknown(found: Iterable[str], operation: Operation) -> None:
    """Refuse attributes that a model does not have.

    Raises
    ------
    ConfigError
        Naming the first, and the nearest there is.
    """
    wanted = operation.understood
    for name in found:
        if name not in wanted:
            hint = suggestion(name, wanted)
            raise ConfigError(f"locations: attributes: unknown {name!r}{hint}")


def read_locations(
    settings: LocationSettings, folder: Path, wanted: Mapping[str, Attribute]
) -> Locations:
    """Return the configured locations with those of their attributes that are wanted.

    Parameters
    ----------
    settings : LocationSettings
        Block ``locations`` of a configuration.
    folder : Path
        What a relative path starts from.
    wanted : mapping of str to Attribute
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
        path = folder / settings.file
        if not path.is_file():
            raise ConfigError(f"locations: file: {path}: no such file")
        table = path.suffix.lower() in (".csv", ".txt", ".tsv")
        read = _read_table if table else _read_netcdf
        found, columns = read(path, wanted)
        at = _rows(path, found, ids)
        ids = ids or tuple(found[i] for i in at)
        columns = {name: values[at] for name, values in columns.items()}
    for name, given in settings.attributes.items():
        values = list(given) if isinstance(given, tuple) else [given] * len(ids)
        _one_for_each(name, len(values), ids)
        columns[name] = np.array([np.nan if v is None else v for v in values], float)
    return Locations(ids, columns)


def _one_for_each(name: str, count: int, ids: Sequence[str]) -> None:
    if count != len(ids):
        raise ConfigError(
            f"locations: attributes: {name}: found {count} values, expected "
            f"one for each of {len(ids)} locations"
        )


def _say(text: str) -> None:
    """Say once what was assumed about a file."""
    if text:
        warn_once(_log, text, "%s", text)


def _rows(path: Path, found: Sequence[str], ids: Sequence[str]) -> list[int]:
    """Return the rows of the locations; all of them where none are named."""
    if not ids:
        return list(range(len(found)))
    matched = match(ids, found)
    if matched.lacking:
        name = matched.lacking[0]
        hint = suggestion(name, found)
        raise DataError(f"{path}: location {name!r} is not in it{hint}")
    if matched.remark:
        _say(f"{path}: {matched.remark}")
    return [matched.places[name] for name in ids]


def _read_table(
    path: Path, wanted: Mapping[str, Attribute]
) -> tuple[tuple[str, ...], Columns]:
    """Read a table with a header; its first column names the locations."""
    table = read_table(path, "at least one location")
    for remark in table.remarks:
        _say(f"{path}: {remark}")
    columns: Columns = {}
    for at, title in enumerate(table.titles):
        name, units = heading(title)
        if not at or name not in wanted:
            continue
        if name in columns:
            raise DataError(f"{path}: column {name!r} is given twice")
        where = f"{path}: column {title!r}"
        columns[name] = quantity(table.numbers(at), units, wanted[name], where, _say)
    return tuple(table.places()), columns


def _read_netcdf(
    path: Path, wanted: Mapping[str, Attribute]
) -> tuple[tuple[str, ...], Columns]:
    """Read variables along the dimension of the variable with the identifiers."""
    with NETCDF, opened(path) as file:
        names = _identifier(path, file)
        ids = identifiers(path, names)
        columns = {
            name: in_units(path, file[name], attribute)
            for name, attribute in wanted.items()
            if name in file.variables
            and file[name].dimensions == names.dimensions[: file[name].ndim]
            and file[name].size == len(ids)
        }
        told = {
            name: wanted[name].units
            for name in columns
            if not units_of(file[name]) and wanted[name].units != "1"
        }
    if told:
        _say(f"{path}: {assumed(told)}")
    return ids, columns


def in_units(path: Path, variable: Any, attribute: Attribute) -> Array:
    """Return a variable of a NetCDF file as an attribute of locations."""
    where = f"{path}: {variable.name}"
    values = numbers(path, variable)
    return quantity(values, units_of(variable), attribute, where, _say)


def _identifier(path: Path, file: Any) -> Any:
    """Return the variable that names the locations."""
    marked = identifying(file)
    usual = [file[name] for name in IDENTIFIERS if name in file.variables]
    for variable in (*marked, *usual):
        if variable.ndim == 1 or (variable.ndim == 2 and variable.dtype == "S1"):
            return variable
    raise DataError(
        f"{path}: no variable names the locations; expected one with the attribute "
        f"cf_role = timeseries_id, or one called {', '.join(IDENTIFIERS)}"
    )
