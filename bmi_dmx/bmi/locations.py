"""Names and attributes of the locations, from the configuration and from tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..csv_table import numbers, read_csv_table
from ..errors import ConfigError, DataError, UnitsError, suggestion
from ..files import NETCDF
from ..operate.operation import Operation
from ..space import Space, space_from
from ..units import convert
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
    wanted = {name: known.units for name, known in operation.understood.items()}
    found = read_locations(settings.locations, folder, wanted)
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
    settings: LocationSettings, folder: Path, wanted: Mapping[str, str]
) -> Locations:
    """Return the configured locations with those of their attributes that are wanted.

    Parameters
    ----------
    settings : LocationSettings
        Block ``locations`` of a configuration.
    folder : Path
        What a relative path starts from.
    wanted : mapping of str to str
        Units of the attributes to read from a file; others there are passed over.

    Raises
    ------
    ConfigError
        When a list has not one value for each location, or the file is not there.
    DataError
        When the file is not a table of numbers with the locations in it.
    UnitsError
        When units in a NetCDF file cannot be converted.
    """
    ids = tuple(str(i) for i in settings.ids)
    columns: Columns = {}
    if settings.file is not None:
        path = folder / settings.file
        if not path.is_file():
            raise ConfigError(f"locations: file: {path}: no such file")
        read = _read_csv if path.suffix.lower() in (".csv", ".txt") else _read_netcdf
        found, columns = read(path, wanted)
        at = _rows(path, found, ids)
        ids = tuple(found[i] for i in at)
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


def _rows(path: Path, found: Sequence[str], ids: Sequence[str]) -> list[int]:
    """Return the rows of the locations; all of them where none are named."""
    place = {name: row for row, name in enumerate(found)}
    if len(place) < len(found):
        twice = next(name for row, name in enumerate(found) if place[name] != row)
        raise DataError(f"{path}: location {twice!r} is given twice")
    for name in ids:
        if name not in place:
            hint = suggestion(name, place)
            raise DataError(f"{path}: location {name!r} is not in it{hint}")
    return [place[name] for name in ids] if ids else list(range(len(found)))


def _read_csv(path: Path, wanted: Mapping[str, str]) -> tuple[list[str], Columns]:
    """Read a table with a header; its first column names the locations."""
    header, rows = read_csv_table(path, "at least one location")
    columns = {
        name: numbers(path, name, [row[k] for row in rows])
        for k, name in enumerate(header)
        if k and name in wanted
    }
    return [row[0].strip() for row in rows], columns


def _read_netcdf(path: Path, wanted: Mapping[str, str]) -> tuple[list[str], Columns]:
    """Read variables along the dimension of the text variable with the identifiers."""
    with NETCDF, _opened(path) as file:
        names = _identifier(path, file)
        ids = [str(name) for name in np.asarray(names[:]).tolist()]
        columns = {}
        for name, units in wanted.items():
            if name in file.variables and file[name].dimensions == names.dimensions:
                columns[name] = in_units(path, file[name], units)
    return ids, columns


def _opened(path: Path) -> Any:
    import netCDF4

    try:
        return netCDF4.Dataset(path)
    except OSError as error:
        raise DataError(f"{path}: not a CSV or NetCDF file: {error}") from None


def in_units(path: Path, variable: Any, units: str) -> Array:
    """Return a variable in units; where it, or the model, has none as it is."""
    values: Array = np.ma.filled(np.ma.asarray(variable[:], dtype=np.float64), np.nan)
    found = getattr(variable, "units", units)
    if found == units or units == "1":
        return values
    try:
        return convert(values, found, units).astype(np.float64, copy=False)
    except UnitsError as error:
        raise UnitsError(f"{path}: {variable.name}: {error}") from None


def _identifier(path: Path, file: Any) -> Any:
    """Return the variable that names the locations."""
    marked = file.get_variables_by_attributes(cf_role="timeseries_id")
    usual = [file[name] for name in IDENTIFIERS if name in file.variables]
    for variable in (*marked, *usual):
        if variable.ndim == 1:
            return variable
    raise DataError(
        f"{path}: no variable names the locations; expected one with the attribute "
        f"cf_role = timeseries_id, or one called {', '.join(IDENTIFIERS)}"
    )
