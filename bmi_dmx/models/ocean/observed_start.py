"""Anomalies to begin with, of a file of temperatures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ...data.fields import FieldSeries, month_numbers, read_fields
from ...data.netcdf import opened
from ...errors import ConfigError, DataError, UnitsError
from ...operate.runner import Runner
from ...space import Grid
from ...units import convert

__all__ = ["observed_start"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_NAMES = ("temperature", "sst", "tos", "sea_surface_temperature", "analysed_sst")
"""What files call the temperature of the surface."""

_MONTHS = 12

_COLDEST, _WARMEST = -5.0, 45.0
"""degC of the surface of a sea."""


def observed_start(
    runner: Runner, path: Path, start: datetime, names: Mapping[str, str]
) -> None:
    """Bring a model of anomalies to the months before a date.

    Parameters
    ----------
    runner : Runner
        A model with the states ``anomaly`` and ``earlier``.
    path : Path
        CF file of monthly means of temperature on the grid of the model.
    start : datetime
        Beginning of the first month that is forecast.
    names : mapping of str to str
        ``temperature``, where the file calls it by none of the usual names.

    Raises
    ------
    ConfigError
        The model has no such states, or the start is not that of a month.
    DataError
        Months are not in the file, or miss numbers in the sea; or it has another grid.
    """
    part = next((p for p, name in runner.stores() if name == "earlier"), None)
    if part is None:
        raise ConfigError("--forecast-from: is for models of anomalies of the surface")
    if (start.day, start.hour) != (1, 0):
        raise ConfigError(
            f"--forecast-from: found {start}, expected the first of a month"
        )
    runner.parameterize()
    anomaly, earlier = (runner.stores()[part, n] for n in ("anomaly", "earlier"))
    means = read_fields(path, [_name(path, names)])
    ((name, values),) = means.values.items()
    _refuse_other_grid(runner, means, name)
    months = month_numbers(means.begins, str(path))
    first = (start.year - 1970) * _MONTHS + start.month - 1
    history = np.arange(first - 1, first - 2 - len(earlier), -1)
    if history[-1] < months[0] or history[0] > months[-1]:
        raise DataError(
            f"{path}: {name}: a forecast from {start:%Y-%m} on needs the "
            f"{len(history)} months before it, found {means.begins[0]!s:.7} to "
            f"{means.begins[-1]!s:.7}"
        )
    sea = runner.parameter(part, "sea") > 0.5
    latest_first = []
    for month in history:
        field = values[month - months[0]]
        if means.units[name]:
            field = _converted(field, means.units[name], f"{path}: {name}")
        bad = ~np.isfinite(field) & sea
        if bad.any():
            row, column = np.argwhere(bad)[0].tolist()
            raise DataError(
                f"{path}: {name}: is missing in {means.begins[month - months[0]]!s:.7} "
                f"at row {row}, column {column}, which is sea in the model"
            )
        where = f"{path}: {name}: {means.begins[month - months[0]]!s:.7}"
        _refuse_absurd(field[sea], means.units[name], where)
        usual = runner.parameter(part, f"usual_{month % _MONTHS + 1}")
        latest_first.append(np.where(sea, field - usual, 0.0))
    anomaly[...] = latest_first[0]
    earlier[...] = np.stack(latest_first[1:])


def _converted(values: Array, units: str, where: str) -> Array:
    try:
        return np.asarray(convert(values, units, "degC"), np.float64)
    except UnitsError as error:
        raise UnitsError(f"{where}: {error}") from None


def _refuse_absurd(temperatures: Array, units: str, where: str) -> None:
    """Refuse temperatures that no sea has, as of a file in K that does not say so."""
    absurd = temperatures[(temperatures < _COLDEST) | (temperatures > _WARMEST)]
    if absurd.size:
        note = f"in {units}" if units else "without units, taken for degC"
        raise DataError(
            f"{where}: found {absurd[0]:g} degC ({note}), expected {_COLDEST:g} to "
            f"{_WARMEST:g} degC in the sea"
        )


def _name(path: Path, names: Mapping[str, str]) -> str:
    """Return what the file calls the temperature."""
    if "temperature" in names:
        return names["temperature"]
    file = opened(path)
    try:
        there = [name for name in _NAMES if name in file.variables]
        variables = ", ".join(file.variables)
    finally:
        file.close()
    if not there:
        raise DataError(
            f"{path}: no {' or '.join(_NAMES)}, found {variables}; --names "
            "temperature=NAME says which one is meant"
        )
    return there[0]


def _refuse_other_grid(runner: Runner, means: FieldSeries, name: str) -> None:
    space = runner.space
    assert isinstance(space, Grid)
    for what, axis, expected in (
        ("rows", means.y, space.nodes("y")),
        ("columns", means.x, space.nodes("x")),
    ):
        if axis.shape != expected.shape or np.abs(axis - expected).max() > 1e-3:
            raise DataError(
                f"{means.path}: {name}: {what}: found {axis.size} from {axis[0]:g} to "
                f"{axis[-1]:g}, the model has {expected.size} from {expected[0]:g} to "
                f"{expected[-1]:g}"
            )
