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
from .reach_table import REACH, title_of

__all__ = ["ReachSeries", "SeriesOfPlaces", "read_series"]

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


class SeriesOfPlaces:
    """A series in a file that stays open, to be read piece by piece.

    Parameters
    ----------
    path : Path
        A NetCDF file or Zarr store.
    name : str
        Its variable, along time and places, in either order; packed or not.
    units : str
        What is wanted; taken as those of the file where that states none.
    stated : str, optional
        Units of the file, where it states none.

    Attributes
    ----------
    ids : tuple of str
        Names of the places.
    stamps : Stamps
        Its times.
    units : str
        What is given.
    stated : str
        What the file, or who opened it, says of its units; empty if nothing.
    remarks : dict of str to None
        What was assumed, each once, in order.

    Raises
    ------
    ConfigError, DataError
        When there is no such variable, or its places have no names.
    """

    def __init__(
        self, path: Path, name: str, units: str = "m3 s-1", stated: str = ""
    ) -> None:
        self.path, self.name, self.units = path, name, units
        self.remarks: dict[str, None] = {}
        self._file = netcdf.opened(path)
        try:
            self._open(stated)
        except BaseException:
            self.close()
            raise

    def _open(self, stated: str) -> None:
        path, file, name = self.path, self._file, self.name
        if name not in file.variables:
            hint = suggestion(name, file.variables)
            raise DataError(f"{path}: no variable {name!r}{hint}")
        self._variable = variable = file.variables[name]
        self.stamps = netcdf.stamps(path, file, netcdf.time_variable(path, file))
        along = self.stamps.dimension
        if along not in variable.dimensions or variable.ndim != 2:
            raise DataError(
                f"{path}: {name}: stands along {', '.join(variable.dimensions)}, "
                f"expected {along} and places"
            )
        self._along = variable.dimensions.index(along)
        place = variable.dimensions[1 - self._along]
        self.ids = _names(path, file, place, name)
        self.stated = netcdf.units_of(variable) or stated
        if not self.stated:
            self.remarks[
                f"{path}: {name}: no units are stated, taken as {self.units}"
            ] = None

    def read(self, some: slice = slice(None)) -> NDArray[np.float64]:
        """Return numbers of some of the times, (time, place); NaN where unknown.

        Raises
        ------
        UnitsError
            When units do not convert.
        """
        index = (slice(None), some) if self._along else (some, slice(None))
        numbers = netcdf.numbers(self.path, self._variable, index)
        return quantity(
            numbers.T if self._along else numbers, self.stated,
            Variable(name="series", units=self.units), f"{self.path}: {self.name}",
            lambda text: self.remarks.setdefault(text),
        )  # fmt: skip

    def close(self) -> None:
        """Close the file."""
        if self._file.isopen():
            self._file.close()

    def __enter__(self) -> SeriesOfPlaces:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()


def read_series(
    path: Path, name: str, *, units: str = "m3 s-1", some: slice = slice(None)
) -> ReachSeries:
    """Read a series, with the names of its places and its times.

    Parameters
    ----------
    path, name, units
        As of :class:`SeriesOfPlaces`.
    some : slice
        Which of the times.

    Raises
    ------
    ConfigError, DataError, UnitsError
        As :class:`SeriesOfPlaces`, or when units do not convert.
    """
    with SeriesOfPlaces(path, name, units) as series:
        values = series.read(some)
        return ReachSeries(
            ids=series.ids, time=series.stamps.axis(some), values=values, units=units,
            remarks=tuple(series.remarks),
        )  # fmt: skip


def _names(path: Path, file: Any, dimension: str, name: str) -> tuple[str, ...]:
    """Return the names of the places along a dimension."""
    along = {
        title: variable
        for title, variable in file.variables.items()
        if variable.dimensions[:1] == (dimension,) and variable.ndim <= 2
    }
    marked = [v for v in netcdf.identifying(file) if v.name in along]
    label = (
        marked[0].name if marked else title_of(along, (dimension, *REACH, *OTHERS))
    )  # fmt: skip
    if not label:
        raise DataError(
            f"{path}: {name}: nothing names the places along {dimension!r}: found "
            f"{', '.join(along) or 'nothing'}, expected one of "
            f"{', '.join((*REACH, *OTHERS))}"
        )
    return netcdf.identifiers(path, along[label])
