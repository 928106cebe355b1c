"""Series of a model in a CF NetCDF file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..files import writing
from ..space import GridDescription

__all__ = ["Axis", "OutputVariable", "SeriesFile"]

Array = np.ndarray[Any, np.dtype[Any]]

_CHUNK = 2**17
"""Numbers that are compressed together: the library would take more into memory."""


@dataclass(frozen=True)
class OutputVariable:
    """One series of an output file.

    Parameters
    ----------
    name, units, about : str
    grid : int
        Number of the grid it stands on.
    texts : tuple of (str, str)
        More attributes by name, such as ``cell_methods``.
    """

    name: str
    units: str
    about: str = ""
    grid: int = 0
    texts: tuple[tuple[str, str], ...] = ()

    def describe(self, variable: Any) -> None:
        """Say of a variable of a file what it is."""
        variable.units = self.units
        if self.about:
            variable.long_name = self.about
        variable.setncatts(dict(self.texts))


@dataclass(frozen=True)
class Axis:
    """The times of an output file.

    Parameters
    ----------
    start : float
        Beginning of the first step, seconds since 1970.
    seconds : float
        Length of a step.
    steps : int
        Number of steps.
    ends : bool
        Whether values are of the ends of the steps, and not of these.
    """

    start: float
    seconds: float
    steps: int
    ends: bool = False

    @property
    def times(self) -> Array:
        """Beginning of each step, or its end; whole numbers where they are."""
        times = self.start + self.seconds * (np.arange(self.steps) + self.ends)
        whole = float(self.start).is_integer() and float(self.seconds).is_integer()
        return times.astype(np.int64) if whole else times


class SeriesFile:
    """A CF file of series at places (discrete sampling geometry), or of whole fields.

    Parameters
    ----------
    path : Path
        The file.
    variables : sequence of OutputVariable
        What is written to it.
    grids : sequence of GridDescription
        By number; rows and columns become dimensions of their own.
    ids : sequence of str
        Names of the places.
    axis : Axis
        When.
    place : str
        What the dimension of the places is called.
    beside : sequence of str
        Constants of the places that are coordinates of the series as well.
    chunk : (int, int), optional
        Steps and places that are compressed together. Who writes whole ones has each
        compressed once.
    single : bool
        Whether numbers of the series have 32 bits, else 64.
    texts : str
        Attributes of the file, such as ``source``.
    """

    def __init__(
        self,
        path: Path,
        variables: Sequence[OutputVariable],
        grids: Sequence[GridDescription],
        ids: Sequence[str],
        axis: Axis,
        *,
        place: str = "place",
        beside: Sequence[str] = (),
        chunk: tuple[int, int] | None = None,
        single: bool = False,
        **texts: str,
    ) -> None:
        import netCDF4

        self._path, self._place, self._ids = path, place, tuple(ids)
        self._beside, self._chunk = tuple(beside), chunk
        self._kind = np.dtype(np.float32 if single else np.float64)
        self._file = netCDF4.Dataset(path, "w", format="NETCDF4")
        with writing(path):
            self._begin(variables, grids, axis, texts)

    def _begin(
        self,
        variables: Sequence[OutputVariable],
        grids: Sequence[GridDescription],
        axis: Axis,
        texts: Mapping[str, str],
    ) -> None:
        self._file.setncatts({"Conventions": "CF-1.10", **texts})
        self._write_time(axis)
        numbers = dict.fromkeys(v.grid for v in variables)
        dims = {number: self._dimensions(number, grids[number]) for number in numbers}
        for v in variables:
            shape = [len(self._file.dimensions[d]) for d in dims[v.grid]]
            rows = max(1, min(axis.steps, _CHUNK // max(1, math.prod(shape))))
            if self._chunk is not None and len(shape) == 1:
                rows, shape = self._chunk[0], [min(self._chunk[1], shape[0])]
            variable = self._file.createVariable(
                v.name, self._kind, ("time", *dims[v.grid]), zlib=True, complevel=1,
                chunksizes=(rows, *shape),
            )  # fmt: skip
            # Written once, from the first to the last.
            room = rows * math.prod(shape) * self._kind.itemsize
            variable.set_var_chunk_cache(2 * room)
            v.describe(variable)
            if dims[v.grid] == (self._place,):
                variable.coordinates = " ".join((f"{self._place}_id", *self._beside))

    def __enter__(self) -> SeriesFile:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the file."""
        with writing(self._path):
            self._file.close()

    def _write_time(self, axis: Axis) -> None:
        begin = axis.times
        kind = "i8" if begin.dtype.kind == "i" else "f8"
        self._file.createDimension("time", axis.steps)
        time = self._file.createVariable("time", kind, ("time",))
        time.setncatts(
            {
                "standard_name": "time", "calendar": "standard", "axis": "T",
                "units": "seconds since 1970-01-01 00:00:00",
                "comment": f"{'end' if axis.ends else 'beginning'} of the step, UTC",
            }
        )  # fmt: skip
        time[:] = begin
        if axis.ends:
            return
        time.bounds = "time_bounds"
        self._file.createDimension("bounds", 2)
        bounds = self._file.createVariable("time_bounds", kind, ("time", "bounds"))
        bounds[:] = np.column_stack((begin, begin + begin.dtype.type(axis.seconds)))

    def _dimensions(self, number: int, grid: GridDescription) -> tuple[str, ...]:
        """Make the dimensions of a grid; return their names."""
        if grid.shape is None:
            self._write_ids()
            return (self._place,)
        suffix = f"_{number}" if number else ""
        axes = ("z", "y", "x")[-len(grid.shape) :]
        for axis, size in zip(axes, grid.shape, strict=True):
            name = axis + suffix
            self._file.createDimension(name, size)
            coordinate = getattr(grid, axis)
            if coordinate is not None and len(coordinate) == size:
                variable = self._file.createVariable(name, "f8", (name,))
                variable.axis = axis.upper()
                variable[:] = coordinate
        return tuple(axis + suffix for axis in axes)

    def _write_ids(self) -> None:
        if self._place not in self._file.dimensions:
            self._file.featureType = "timeSeries"
            self._file.createDimension(self._place, len(self._ids))
            names = self._file.createVariable(f"{self._place}_id", str, (self._place,))
            names.cf_role = "timeseries_id"
            names[:] = np.array(self._ids, dtype=object)

    def write_constants(self, constants: Mapping[OutputVariable, Array]) -> None:
        """Write what is known of the places, (place,) by declaration."""
        if self._place in self._file.dimensions:
            for v, values in constants.items():
                kind = str if np.asarray(values).dtype.kind in "OU" else "f8"
                variable = self._file.createVariable(v.name, kind, (self._place,))
                v.describe(variable)
                with writing(self._path):
                    variable[:] = values

    def write(
        self, first: int, values: Mapping[str, Array], some: slice | None = None
    ) -> None:
        """Write (time, place) series from a step on, of all or some of the places.

        Whole fields are flat.
        """
        for name, block in values.items():
            variable = self._file[name]
            rows = slice(first, first + len(block))
            with writing(self._path):
                if some is not None and variable.ndim == 2:
                    variable[rows, some] = block
                else:
                    variable[rows] = block.reshape((len(block), *variable.shape[1:]))
