"""Lateral inflow in files, read piece by piece."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import netcdf
from ..data.axis import TimeAxis
from ..errors import DataError, UnitsError, suggestion
from ..models.rivers.formats import River
from ..models.rivers.formats.series import SeriesOfPlaces
from ..models.rivers.names import FILES
from ..operate.operation import step_text
from ..space import Map
from ..units import convert

__all__ = ["LATERAL", "UNITS", "Inflow", "NetcdfInflow", "lateral_names"]

Array = NDArray[np.float64]

LATERAL = "lateral_inflow"
STANDARD = "land_surface_water_source__volume_flow_rate"
UNITS, DEPTH = "m3 s-1", "mm d-1"
FLOW_OF_DEPTH = 1.0 / 86.4  # m3 s-1 of 1 mm d-1 over 1 km2

MOST = 1e5
"""m3 s-1 that no reach gets from its sides."""


def lateral_names() -> tuple[str, ...]:
    """Return what files call lateral inflow, that of models of the land among it."""
    usual = (name for f in FILES if f.variable == LATERAL for name in f.names)
    return (LATERAL, STANDARD, *usual, "runoff_volume", "runoff", "Q_OUT")


class Inflow(ABC):
    """What enters a river, under the names under which it comes.

    Attributes
    ----------
    path : Path
        File or folder.
    ids : tuple of str
        Names: of reaches, or of what enters some.
    axis : TimeAxis
        When its steps begin.
    remarks : dict of str to None
        What was assumed, each once, in order.
    """

    path: Path
    ids: tuple[str, ...]
    axis: TimeAxis
    remarks: dict[str, None]

    def join(self, river: River) -> None:
        """Find where all of it enters.

        Raises
        ------
        DataError
            When a name is none of the river, or nothing of it is.
        """
        known_names = {*river.entering, *river.tree.ids}
        indices = [k for k, name in enumerate(self.ids) if name in known_names]
        if len(indices) < len(self.ids):
            rest = [name for name in self.ids if name not in known_names]
            if not indices:
                names = (*river.entering, *river.tree.ids)
                raise DataError(
                    f"{self.path}: none of its {len(self.ids)} names is of the river: "
                    f"found {rest[0]!r}{suggestion(rest[0], names)}, the river has "
                    f"{river.tree.ids[0]!r}"
                )
            self.remarks[
                f"{self.path}: {len(rest)} of {len(self.ids)} are not of the river, "
                f"and left out; the first is {rest[0]!r}"
            ] = None
        self._kept = np.array(indices)
        self._names = [self.ids[k] for k in indices]
        self._map: Map = river.map_from(self._names)
        self._scale = self._areas(river) if self._deep else None
        dry = len(river) - len(np.unique(self._map.rows))
        if dry:
            self.remarks[
                f"{self.path}: {dry} of {len(river)} reaches get nothing from it"
            ] = None

    _deep = False

    def _areas(self, river: River) -> Array:
        """Return m3 s-1 of a depth of one, by the area of the reach it comes to."""
        area = river.attributes.get("area_km2")
        target = dict(
            zip(self._map.columns.tolist(), self._map.rows.tolist(), strict=True)
        )
        shared = len(self._map.rows) != len(target)
        if area is None or shared or len(set(target.values())) != len(target):
            raise UnitsError(
                f"{self.path}: a depth becomes flow by the area of its reach "
                "(area_km2), which the river does not say of each name; expected "
                f"{UNITS}"
            )
        return FLOW_OF_DEPTH * area[[target[k] for k in range(len(target))]]

    @abstractmethod
    def _read(self, first: int, count: int) -> Array:
        """Return (step, name) numbers as they are, in m3 s-1 or mm d-1."""

    def read(self, first: int, count: int) -> Array:
        """Return what enters the reaches in some steps, (step, reach), m3 s-1.

        Raises
        ------
        DataError
            When a number is missing, negative or absurd; names the first and its time,
            and says how many there are in these steps, under how many names.
        """
        values = self._read(first, count)[:, self._kept]
        if self._scale is not None:
            values = values * self._scale
        bad = ~((values >= 0.0) & (values <= MOST))
        if bad.any():
            step, at = (int(k[0]) for k in np.nonzero(bad))
            inflow = values[step, at]
            what = "missing" if np.isnan(inflow) else f"{inflow:g} {UNITS}"
            raise DataError(
                f"{self.path}: lateral inflow of {self._names[at]!r} at "
                f"{self.axis.times[first + step]} is {what}; expected 0 to {MOST:g} "
                f"{UNITS} ({int(bad.sum())} such values, under "
                f"{int(bad.any(axis=0).sum())} of {bad.shape[1]} names, in the "
                f"{count} steps read)"
            )
        entering: Array = self._map.apply(values)
        return entering

    def close(self) -> None:  # noqa: B027 - not every source is kept open
        """Let go of the file."""

    def describe(self) -> str:
        """Return what there is of it, in a few words."""
        return (
            f"{self.axis.steps} steps of {step_text(self.axis.seconds)} from "
            f"{self.axis.start} under {len(self.ids)} names"
        )


class NetcdfInflow(Inflow):
    """A variable of a NetCDF file or Zarr store, by time and places in either order.

    Parameters
    ----------
    path : Path
    name : str, optional
        Of the variable, where it is none of the usual ones.
    units : str
        Where the file states none.
    ends : bool
        Whether times are those of the ends of steps.

    Raises
    ------
    ConfigError, DataError
        When there is no such file or variable, or times are not even.
    """

    def __init__(self, path: Path, name: str | None, units: str, *, ends: bool) -> None:
        self.path = path
        name = name or inflow_variable(path)
        self._series = SeriesOfPlaces(path, name, stated=units)
        try:
            self._begin(ends)
        except BaseException:
            self._series.close()
            raise

    def _begin(self, ends: bool) -> None:
        series = self._series
        self.ids, self.remarks = series.ids, series.remarks
        self.axis = moved(series.stamps.axis(centred=not ends), ends)
        self._deep = is_depth(series.stated, f"{self.path}: {series.name}")
        if self._deep:
            series.units = DEPTH

    def _read(self, first: int, count: int) -> Array:
        return self._series.read(slice(first, first + count))

    def close(self) -> None:
        """Close the file."""
        self._series.close()


def moved(axis: TimeAxis, ends: bool) -> TimeAxis:
    """Return the steps of times that may be those of their ends."""
    if not ends:
        return axis
    step = np.timedelta64(round(axis.seconds * 1e6), "us")
    return TimeAxis(axis.first - step, axis.seconds, axis.steps)


def inflow_variable(path: Path) -> str:
    """Return the variable of a file that is called as lateral inflow is.

    Raises
    ------
    DataError
        When none is, or several are.
    """
    with netcdf.opened(path) as file:
        variables = [name for name in lateral_names() if name in file.variables]
        there = ", ".join(file.variables)
    if len(variables) == 1:
        return variables[0]
    which = (
        f"{' and '.join(variables)} may both be"
        if variables
        else "nothing is called as"
    )
    raise DataError(
        f"{path}: {which} lateral inflow; --variable NAME says which of {there}"
    )


def is_depth(units: str, where: str) -> bool:
    """Return whether units are of a depth in a time, and not of a flow.

    Raises
    ------
    UnitsError
        When they are of neither.
    """
    if not units:
        return False
    try:
        convert(0.0, units, UNITS)
    except UnitsError as error:
        try:
            convert(0.0, units, DEPTH)
        except UnitsError:
            raise UnitsError(f"{where}: {error}") from None
        return True
    return False
