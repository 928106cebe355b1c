"""Files that name locations and their attributes: tables of text, and NetCDF."""

from __future__ import annotations

import logging
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..data.identity import match, meant
from ..data.netcdf import identifiers, identifying, numbers, opened, units_of
from ..data.quantity import assumed, quantity
from ..data.table import heading, is_table, read_table
from ..errors import DataError, suggestion
from ..files import NETCDF
from ..operate.repeated_warnings import warn_once
from ..variables import Attribute
from .locations import Array, Columns

__all__ = ["IDENTIFIERS", "in_units", "read_file"]

_log = logging.getLogger(__name__)

IDENTIFIERS = ("id", "ids", "divide_id", "basin", "basin_id", "gauge_id", "gage_id")
"""What the identifiers are called where a NetCDF file does not say it by cf_role."""


def read_file(
    path: Path, ids: tuple[str, ...], attributes: Mapping[str, Attribute]
) -> tuple[tuple[str, ...], Columns]:
    """Return locations of a file, and those of their attributes that are wanted.

    Parameters
    ----------
    path : Path
    ids : tuple of str
        Which locations; all of the file where empty.
    attributes : mapping of str to Attribute
        The attributes to read; others there are passed over.

    Raises
    ------
    DataError
        When it is not a table of numbers with the locations in it.
    UnitsError
        When units cannot be converted.
    """
    names, columns = (_read_table if is_table(path) else _read_netcdf)(path, attributes)
    at = _rows(path, names, ids)
    selection = {name: values[at] for name, values in columns.items()}
    return ids or tuple(names[i] for i in at), selection


def _say(text: str) -> None:
    """Say once what was assumed about a file."""
    if text:
        warn_once(_log, text, "%s", text)


def _rows(path: Path, names: Sequence[str], ids: Sequence[str]) -> list[int]:
    """Return the rows of the locations; all of them where none are named."""
    if not ids:
        return list(range(len(names)))
    matched = match(ids, names)
    if matched.lacking:
        name = matched.lacking[0]
        hint = suggestion(name, names)
        raise DataError(f"{path}: location {name!r} is not in it{hint}")
    if matched.remark:
        _say(f"{path}: {matched.remark}")
    return [matched.places[name] for name in ids]


def _read_table(
    path: Path, attributes: Mapping[str, Attribute]
) -> tuple[tuple[str, ...], Columns]:
    """Read a table with a header; its first column names the locations."""
    table = read_table(path, "at least one location")
    for remark in table.remarks:
        _say(f"{path}: {remark}")
    columns: Columns = {}
    heads = {heading(title)[0] for title in table.titles}
    for at, title in enumerate(table.titles):
        head, units = heading(title)
        name = _wanted(path, head, attributes, heads) if at else None
        if name is None:
            continue
        if name in columns:
            raise DataError(f"{path}: column {name!r} is given twice")
        where = f"{path}: column {title!r}"
        columns[name] = quantity(
            table.numbers(at), units, attributes[name], where, _say
        )
    return tuple(table.places()), columns


def _read_netcdf(
    path: Path, attributes: Mapping[str, Attribute]
) -> tuple[tuple[str, ...], Columns]:
    """Read variables along the dimension of the variable with the identifiers."""
    with NETCDF, opened(path) as file:
        names = _identifier(path, file)
        ids = identifiers(path, names)
        columns: Columns = {}
        units: dict[str, str] = {}
        for title, variable in file.variables.items():
            along = variable.dimensions == names.dimensions[: variable.ndim]
            if not along or variable.size != len(ids):
                continue
            name = _wanted(path, title, attributes, file.variables)
            if name is None:
                continue
            if name in columns:
                raise DataError(f"{path}: variable {name!r} is given twice")
            columns[name] = in_units(path, variable, attributes[name])
            if not units_of(variable) and attributes[name].units != "1":
                units[name] = attributes[name].units
    if units:
        _say(f"{path}: {assumed(units)}")
    return ids, columns


def _wanted(
    path: Path, title: str, attributes: Iterable[str], there: Container[str]
) -> str | None:
    """Return the attribute that a title means, whose capitals may be other ones."""
    name = meant(title, attributes, there)
    if name is not None and name != title:
        _say(f"{path}: {title!r} is taken for {name!r}")
    return name


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
