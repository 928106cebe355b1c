"""Series of reaches and gauges, such as what enters from the sides, from NetCDF."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....data import netcdf
from ....data.axis import TimeAxis
from ....data.quantity import quantity
from ....errors import DataError, suggestion
from ....variables import Variable
from .reach_table import REACH, called

__all__ = ["ReachSeries", "read_series"]

OTHERS = ("gauge_id", "divide_id", "nexus_id", "station_id", "hru_id")
"""What files call the names of places that are no reaches."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ReachSeries:
    """A series at several places.

    Parameters
    ----------
    ids : tuple of str
        Names of the places: reaches, gauges or others.
    time : TimeAxis
        Its steps.
    values : ndarray
        (time, place) in ``units``; NaN where nothing is known.
    units : str
        Of the values.
    remarks : tuple of str
        What was assumed.
    """

    ids: tuple[str, ...]
    time: TimeAxis
    values: NDArray[np.float64]
    units: str
    remarks: tuple[str, ...] = ()


def read_series(
    path: Path, name: str, *, units: str = "m3 s-1", some: slice = slice(None)
) -> ReachSeries:
    """Read a series, with the names of its places and its times.

    Parameters
    ----------
    path : Path
        A NetCDF file or Zarr store.
    name : str
        Its variable, along time and places, in either order; packed or not.
    units : str
        What is wanted; taken as those of the file where that states none.
    some : slice
        Which of the times.

    Raises
    ------
    ConfigError, DataError, UnitsError
        When there is no such variable, its places have no names, or units do not
        convert.
    """
    remarks: list[str] = []
    with netcdf.opened(path) as file:
        if name not in file.variables:
            hint = suggestion(name, file.variables)
            raise DataError(f"{path}: no variable {name!r}{hint}")
        variable = file.variables[name]
        stamps = netcdf.stamps(path, file, netcdf.time_variable(path, file))
        if stamps.dimension not in variable.dimensions or variable.ndim != 2:
            raise DataError(
                f"{path}: {name}: stands along {', '.join(variable.dimensions)}, "
                f"expected {stamps.dimension} and places"
            )
        along = variable.dimensions.index(stamps.dimension)
        ids = _names(path, file, variable.dimensions[1 - along], name)
        index = (slice(None), some) if along else (some, slice(None))
        numbers = netcdf.numbers(path, variable, index)
        stated = netcdf.units_of(variable)
        time = stamps.axis(some)
    values = quantity(
        numbers.T if along else numbers, stated,
        Variable(name="series", units=units), f"{path}: {name}", remarks.append,
    )  # fmt: skip
    if not stated:
        remarks.append(f"{path}: {name}: no units are stated, taken as {units}")
    return ReachSeries(
        ids=ids, time=time, values=values, units=units, remarks=tuple(remarks)
    )


def _names(path: Path, file: Any, dimension: str, name: str) -> tuple[str, ...]:
    """Return the names of the places along a dimension."""
    along = {
        title: variable
        for title, variable in file.variables.items()
        if variable.dimensions[:1] == (dimension,) and variable.ndim <= 2
    }
    marked = [v for v in netcdf.identifying(file) if v.name in along]
    found = (
        marked[0].name if marked else called(along, (dimension, *REACH, *OTHERS))
    )  # fmt: skip
    if not found:
        raise DataError(
            f"{path}: {name}: nothing names the places along {dimension!r}: found "
            f"{', '.join(along) or 'nothing'}, expected one of "
            f"{', '.join((*REACH, *OTHERS))}"
        )
    return netcdf.identifiers(path, along[found])
