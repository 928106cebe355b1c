"""Whole fields along time in a file: rows, columns, steps, and what is missing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, suggestion
from .netcdf import numbers, opened, stamps, time_variable, units_of

__all__ = [
    "FieldSeries",
    "coordinate",
    "month_numbers",
    "read_fields",
    "read_mask",
    "refuse_uneven",
    "rows_and_columns",
]

Array = NDArray[np.float64]

_log = logging.getLogger(__name__)

_ROWS = ("lat", "latitude", "y", "nav_lat", "rlat")
_COLUMNS = ("lon", "longitude", "x", "nav_lon", "rlon")


@dataclass(frozen=True)
class FieldSeries:
    """Fields of some variables at the steps of a file.

    Parameters
    ----------
    path : Path
        The file.
    begins : (T,) datetime64[us]
        When each step begins.
    y, x : (row,), (column,) array
        Where rows and columns are, both increasing.
    values : dict of str to (T, row, column) array
        NaN is missing.
    units : dict of str to str
        As the file gives them.
    """

    path: Path
    begins: NDArray[np.datetime64]
    y: Array
    x: Array
    values: dict[str, Array]
    units: dict[str, str]


def read_fields(path: Path, names: Sequence[str]) -> FieldSeries:
    """Return fields of a CF file or Zarr store, by the names of its variables.

    Rows that fall are turned round, which is said.

    Raises
    ------
    ConfigError
        There is no such file.
    DataError
        A variable is missing or no series of fields, or its numbers cannot be read.
    """
    file = opened(path)
    try:
        time = time_variable(path, file)
        times = stamps(path, file, time)
        moments = times.bounds[0] if times.bounds is not None else times.moments
        offsets = np.round(moments.offsets * 1e6).astype("timedelta64[us]")
        fields: dict[str, Array] = {}
        units: dict[str, str] = {}
        axes: tuple[str, ...] = ()
        for name in names:
            variable = _variable(path, file, name)
            dims = _axes(path, variable, times.dimension)
            if axes and dims != axes:
                raise DataError(
                    f"{path}: {name}: found fields along {', '.join(dims)}, expected "
                    f"{', '.join(axes)} as of {names[0]}"
                )
            axes = dims
            fields[name] = _moved(path, variable, (times.dimension, *dims))
            units[name] = units_of(variable)
        y, x = (coordinate(path, file, axis) for axis in axes)
    finally:
        file.close()
    if y.size > 1 and y[0] > y[-1]:
        _log.info(
            "%s: rows fall from %g to %g; they are turned round", path, *y[[0, -1]]
        )
        y = y[::-1].copy()
        fields = {name: x[:, ::-1].copy() for name, x in fields.items()}
    return FieldSeries(path, moments.first + offsets, y, x, fields, units)


def read_mask(path: Path, name: str) -> NDArray[np.bool_]:
    """Return where a field without time is above 0, rows from the lowest up.

    Raises
    ------
    ConfigError, DataError
        As :func:`read_fields`.
    """
    file = opened(path)
    try:
        variable = _variable(path, file, name)
        if variable.ndim != 2:
            raise DataError(
                f"{path}: {name}: found dimensions {', '.join(variable.dimensions)}, "
                "expected rows and columns"
            )
        y = coordinate(path, file, str(variable.dimensions[0]))
        mask = np.nan_to_num(numbers(path, variable)) > 0.0
    finally:
        file.close()
    return mask[::-1].copy() if y.size > 1 and y[0] > y[-1] else mask


def month_numbers(begins: NDArray[np.datetime64], where: str) -> NDArray[np.intp]:
    """Return how many months lie between January 1970 and each step.

    Raises
    ------
    DataError
        A month is missing, comes twice, or steps are not of months.
    """
    months: NDArray[np.intp] = begins.astype("datetime64[M]").astype(np.intp)
    wrong = np.flatnonzero(np.diff(months) != 1)
    if wrong.size:
        at = int(wrong[0])
        raise DataError(
            f"{where}: expected a step for every month, found {begins[at]!s:.7} and "
            f"then {begins[at + 1]!s:.7}"
        )
    return months


def refuse_uneven(begins: NDArray[np.datetime64], where: str) -> None:
    """Refuse steps that are neither all of one length nor successive months.

    Raises
    ------
    DataError
        As :func:`month_numbers`, or there is one step alone.
    """
    if len(begins) < 2:
        raise DataError(f"{where}: found {len(begins)} steps, expected at least two")
    lengths = np.diff(begins)
    if not (lengths == lengths[0]).all() or lengths[0] <= np.timedelta64(0):
        month_numbers(begins, where)


def _variable(path: Path, file: Any, name: str) -> Any:
    if name not in file.variables:
        hint = suggestion(name, file.variables)
        raise DataError(f"{path}: no variable {name!r}{hint}")
    return file.variables[name]


def _axes(path: Path, variable: Any, time: str) -> tuple[str, ...]:
    """Return the dimensions of rows and columns."""
    others = tuple(str(d) for d in variable.dimensions if d != time)
    if time not in variable.dimensions or len(others) != 2:
        there = ", ".join(variable.dimensions) or "none"
        raise DataError(
            f"{path}: {variable.name}: found dimensions {there}, expected {time}, rows "
            "and columns"
        )
    return rows_and_columns(others)


def rows_and_columns(dimensions: tuple[str, ...]) -> tuple[str, ...]:
    """Return two dimensions in the order of rows and columns, as their names say."""
    rows, columns = (name.lower() for name in dimensions)
    turned = rows in _COLUMNS or columns in _ROWS
    return dimensions[::-1] if turned else dimensions


def _moved(path: Path, variable: Any, order: Sequence[str]) -> Array:
    values = numbers(path, variable)
    at = [variable.dimensions.index(d) for d in order]
    return np.ascontiguousarray(np.transpose(values, at))


def coordinate(path: Path, file: Any, dimension: str) -> Array:
    """Return where rows or columns are; their numbers where the file says nothing."""
    if dimension in file.variables:
        return numbers(path, file.variables[dimension])
    return np.arange(len(file.dimensions[dimension]), dtype=np.float64)
