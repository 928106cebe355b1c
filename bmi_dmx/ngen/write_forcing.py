"""Forcing written in the layout that the framework's NetCDF provider reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import netCDF4
import numpy as np

from ..files import atomic
from .fields import FIELDS
from .forcing import STEP, Array, ForcingProvider
from .netcdf_forcing import CATCHMENT

__all__ = ["ForcingFile", "write_forcing"]

_BLOCK = 2**21


class ForcingFile:
    """A forcing file being written.

    Parameters
    ----------
    path : Path
        The file.
    ids : sequence of str
        The catchments.
    start, steps : int
        Seconds since 1970, and hours.
    units : dict of str to str
        Variables by their name in files, and their units.
    """

    def __init__(
        self,
        path: Path,
        ids: Sequence[str],
        start: int,
        steps: int,
        units: dict[str, str],
    ) -> None:
        self.file = netCDF4.Dataset(path, "w", format="NETCDF4")
        shape = (CATCHMENT, "time")
        for name, size in zip(shape, (len(ids), steps), strict=True):
            self.file.createDimension(name, size)
        names = self.file.createVariable("ids", str, (CATCHMENT,))
        names[:] = np.array(ids, dtype=object)
        time = self.file.createVariable("Time", "f8", shape, zlib=True)
        time.units = "seconds since 1970-01-01 00:00:00"
        time[:] = np.broadcast_to(
            start + STEP * np.arange(steps, dtype=np.float64), (len(ids), steps)
        )
        for name, unit in units.items():
            variable = self.file.createVariable(name, "f4", shape, zlib=True)
            variable.units = unit

    def write(self, name: str, first: int, values: Array) -> None:
        """Write (time, catchment) values from hour ``first`` on."""
        self.file[name][:, first : first + len(values)] = values.T

    def close(self) -> None:
        """End the file."""
        self.file.close()


def write_forcing(
    path: Path, forcing: ForcingProvider, ids: Sequence[str], start: int, steps: int
) -> None:
    """Write all known variables of some catchments and hours, piece by piece.

    Parameters
    ----------
    path : Path
        The file; it exists whole or not at all.
    forcing : ForcingProvider
        Where values come from.
    ids : sequence of str
    start, steps : int
        Seconds since 1970, and hours.
    """
    there = set(forcing.names(ids[0]))
    fields = [field for field in FIELDS if field.alias in there]
    # Values are kept in the units of the source, where it names any.
    units = {f.name: forcing.units(ids[0], f.alias) or f.units for f in fields}
    rows = max(1, _BLOCK // len(ids))
    with atomic(path) as temporary:
        file = ForcingFile(temporary, ids, start, steps, units)
        try:
            for field in fields:
                unit = units[field.name]
                for first in range(0, steps, rows):
                    count = min(rows, steps - first)
                    at = start + first * STEP
                    block = forcing.block(ids, field.alias, unit, at, count)
                    file.write(field.name, first, block)
        finally:
            file.close()
