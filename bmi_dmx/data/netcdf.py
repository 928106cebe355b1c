"""NetCDF files: opened, and read variable by variable, with errors of one line."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, DataError
from ..files import NETCDF
from .axis import Moments, TimeAxis, moments
from .file_kinds import foreign
from .identity import names_of
from .one_time import one_step
from .zarr_store import ZarrFile, is_zarr

__all__ = [
    "Stamps",
    "identifiers",
    "identifying",
    "numbers",
    "opened",
    "raw",
    "stamps",
    "time_axis",
    "time_variable",
    "units_of",
]

Array = NDArray[np.float64]

_log = logging.getLogger(__name__)

_HEAP, _BEGINNING = b"GCOL\x01", 2**20
"""How a global heap of HDF5 begins, and in how many bytes of a file it is looked for.
"""

_BLOCK = 2**20
"""Times read at once where every place has its own."""


def opened(path: Path) -> Any:
    """Return an open NetCDF file, a ``netCDF4.Dataset``, to be closed.

    A Zarr store is opened in the same way.

    Raises
    ------
    ConfigError
        When there is none.
    DataError
        When it cannot be read or is something else.
    """
    import netCDF4

    if not path.exists():
        raise ConfigError(f"{path}: no such file")
    if is_zarr(path):
        return ZarrFile(path)
    if path.is_dir():
        raise DataError(f"{path}: is a folder, expected a NetCDF file")
    try:
        if _endless(path):
            raise DataError(f"{path}: not a NetCDF file: a heap in it is damaged")
        with NETCDF:
            return netCDF4.Dataset(path)
    except (OSError, RuntimeError, UnicodeError) as error:
        reason = _foreign(path) or getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: not a NetCDF file: {reason}") from None


def _foreign(path: Path) -> str:
    """Return what a file is instead, where that is known."""
    try:
        kind = foreign(path)
    except OSError:
        return ""
    return f"it is {kind}" if kind else ""


def _endless(path: Path) -> bool:
    """Return whether the HDF5 library would never come back from a file.

    It follows the objects of a global heap by their lengths, and stays at one that is
    all zeros, as after a write that the disk did not take, or leads back. Heaps are
    looked for where names and the like are, at the beginning.
    """
    with path.open("rb") as file:
        data = file.read(_BEGINNING)
    at = data.find(_HEAP)
    while at >= 0:
        size = int.from_bytes(data[at + 8 : at + 16], "little")
        here, end = at + 16, min(at + size, len(data))
        while here + 16 <= end:
            occupied = any(data[here : here + 2])
            length = int.from_bytes(data[here + 8 : here + 16], "little")
            if length >= 2**63 or not (occupied or length):
                return True
            here += 16 + -(-length // 8) * 8 if occupied else length
        at = data.find(_HEAP, at + len(_HEAP))
    return False


def raw(path: Path, variable: Any, index: Any = ...) -> Any:
    """Return numbers or text of a variable as the library gives them.

    Raises
    ------
    DataError
        Naming file and variable, when a part of the file is damaged, or says nothing
        that makes sense of how numbers are packed.
    """
    try:
        with (
            NETCDF,
            warnings.catch_warnings(record=True) as messages,
            np.errstate(all="ignore"),
        ):
            warnings.simplefilter("always", UserWarning)
            values = variable[index]
    except (OSError, RuntimeError, ValueError, UnicodeError, IndexError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path}: {variable.name}: cannot be read, the file is damaged: {reason}"
        ) from None
    for text in (str(warning.message) for warning in messages):
        if "scale_factor" in text:
            raise DataError(f"{path}: {variable.name}: {text}")
        # A marker that cannot be a number of the variable is none of its numbers.
        _log.debug("%s: %s: %s", path, variable.name, text)
    return values


def numbers(path: Path, variable: Any, index: Any = ...) -> Array:
    """Return numbers of a variable, NaN where the file declares that they are missing.

    Raises
    ------
    DataError
        When it holds no numbers, or a part of the file is damaged.
    """
    _refuse_text(path, variable)
    values = raw(path, variable, index)
    numbers: Array = np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)
    return numbers


def _refuse_text(path: Path, variable: Any) -> None:
    if getattr(variable.dtype, "kind", "O") not in "fiub":
        raise DataError(f"{path}: {variable.name}: found text, expected numbers")


def units_of(variable: Any) -> str:
    """Return the units a variable states, without blanks around; empty if none."""
    return str(getattr(variable, "units", "")).strip()


def identifiers(path: Path, variable: Any) -> tuple[str, ...]:
    """Return the names that a variable holds.

    Raises
    ------
    DataError
        As :func:`~.identity.names_of`.
    """
    return names_of(raw(path, variable), f"{path}: {variable.name}")


def identifying(file: Any) -> list[Any]:
    """Return the variables that name places, as CF marks them."""
    return [
        variable
        for variable in file.variables.values()
        if str(getattr(variable, "cf_role", "")) == "timeseries_id"
    ]


def time_variable(path: Path, file: Any, names: Sequence[str] = ()) -> Any:
    """Return the coordinate of time.

    Parameters
    ----------
    path : Path
        For messages.
    file : netCDF4.Dataset
    names : sequence of str
        What it is called; by default it is told by its units, and what is called as its
        dimension goes first.

    Raises
    ------
    DataError
        When there is none.
    """
    variables = file.variables
    for name in names:
        if name in variables:
            return variables[name]
    dated = [
        variable
        for variable in variables.values()
        if " since " in units_of(variable).lower() and variable.ndim in (1, 2)
    ]
    if names or not dated:
        there = ", ".join(variables) or "none"
        if file.groups:
            inside = ", ".join(file.groups)
            there += f" beside its groups {inside}, in which nothing is looked for"
        expected = " or ".join(map(repr, names)) or (
            "one whose units are such as 'days since 1980-01-01'"
        )
        raise DataError(
            f"{path}: no coordinate of time: found {there}, expected {expected}"
        )
    # A coordinate goes before what is merely a time of something.
    return min(dated, key=lambda variable: variable.dimensions != (variable.name,))


@dataclass(frozen=True)
class Stamps:
    """What a file says of its times.

    Parameters
    ----------
    where : str
        File and variable, for messages.
    dimension : str
        The dimension along which they stand.
    moments : Moments
        The times.
    bounds : (Moments, Moments) or None
        Beginnings and ends of the steps, where the file gives them.
    """

    where: str
    dimension: str
    moments: Moments
    bounds: tuple[Moments, Moments] | None

    def axis(
        self,
        some: slice = slice(None),
        *,
        centred: bool = True,
        lone_step: float | None = None,
    ) -> TimeAxis:
        """Return the steps that some of the times stand for.

        Parameters
        ----------
        some : slice
        centred : bool
            As for :meth:`.axis.TimeAxis.of`.
        lone_step : float, optional
            Seconds of the step that one time without bounds stands for; refused where
            absent.

        Raises
        ------
        DataError
            As :meth:`.axis.TimeAxis.of`.
        """
        bounds = None
        if self.bounds is not None:
            bounds = self.bounds[0].part(some), self.bounds[1].part(some)
        stamps = self.moments.part(some)
        if lone_step is not None and bounds is None and stamps.offsets.size == 1:
            return one_step(stamps, lone_step, self.where, centred=centred)
        return TimeAxis.of(stamps, self.where, bounds=bounds, centred=centred)


def time_axis(
    path: Path,
    file: Any,
    variable: Any,
    *,
    centred: bool = True,
    origin: Any = None,
    lone_step: float | None = None,
) -> tuple[TimeAxis, str]:
    """Return the steps of a file, and the dimension along which they stand.

    Parameters
    ----------
    path, file, variable, origin
        As for :func:`stamps`.
    centred, lone_step
        As for :meth:`Stamps.axis`.

    Raises
    ------
    DataError
        As :func:`stamps`; or when times do not follow each other evenly.
    """
    times = stamps(path, file, variable, origin=origin)
    return times.axis(centred=centred, lone_step=lone_step), times.dimension


def stamps(path: Path, file: Any, variable: Any, *, origin: Any = None) -> Stamps:
    """Return the times of a file.

    Parameters
    ----------
    path : Path
        For messages.
    file : netCDF4.Dataset
    variable : netCDF4.Variable
        Its coordinate of time, (time,); or with a row for every place, which must all
        be the same.
    origin : datetime, optional
        As for :func:`.axis.moments`.

    Raises
    ------
    DataError
        When times are missing, of another calendar, or not the same at all places.
    """
    where = f"{path}: {variable.name}"
    _refuse_text(path, variable)
    dimension = _along(variable)
    calendar = str(getattr(variable, "calendar", ""))
    units = units_of(variable)

    def read(values: Any, units: str = units) -> Moments:
        return moments(values, units, calendar, where, origin=origin)

    bounds = file.variables.get(str(getattr(variable, "bounds", "")))
    ends, between = _ends(path, bounds, variable, dimension), None
    if ends is not None:
        end_units = units_of(bounds) or units
        between = (read(ends[:, 0], end_units), read(ends[:, 1], end_units))
    return Stamps(where, dimension, read(_common(path, variable, dimension)), between)


def _ends(path: Path, bounds: Any, variable: Any, dimension: str) -> Any:
    """Return the bounds of times, (time, 2), those of the first place; None if none."""
    along = ((dimension,), variable.dimensions)
    if bounds is None or bounds.dimensions[:-1] not in along or bounds.shape[-1] != 2:
        return None
    _refuse_text(path, bounds)
    ends = raw(path, bounds)
    if bounds.ndim > 2:
        ends = np.moveaxis(ends, variable.dimensions.index(dimension), 0)[:, 0]
    return ends


def _along(variable: Any) -> str:
    """Return the dimension of time; of two, the one that is called like it."""
    if not variable.dimensions:
        return str(variable.name)
    candidates = [d for d in variable.dimensions if "time" in d.lower()]
    return str((candidates or variable.dimensions)[-1])


def _common(path: Path, variable: Any, dimension: str) -> Any:
    """Return the times that all places share."""
    if variable.ndim < 2:
        return np.ma.atleast_1d(raw(path, variable))
    along = variable.dimensions.index(dimension)

    def rows(some: slice) -> Any:
        block = raw(path, variable, some if along else (slice(None), some))
        return block if along else block.T

    first = rows(slice(0, 1))[0] if variable.shape[1 - along] else np.empty(0)
    count, few = variable.shape[1 - along], max(1, _BLOCK // max(1, len(first)))
    times = np.ma.filled(np.ma.asarray(first, dtype=np.float64), np.nan)
    for k in range(0, count, few):
        block = np.ma.filled(
            np.ma.asarray(rows(slice(k, k + few)), dtype=np.float64), np.nan
        )
        same = np.all((block == times) | (np.isnan(block) & np.isnan(times)), axis=1)
        if not same.all():
            place = k + int(np.argmin(same))
            raise DataError(
                f"{path}: {variable.name}: places differ in their times: entry {place} "
                "has others than entry 0"
            )
    return first
