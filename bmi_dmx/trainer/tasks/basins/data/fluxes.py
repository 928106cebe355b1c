"""Series of files as fluxes of water and temperatures, in our units."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....data.quantity import in_mass, quantity
from .....errors import UnitsError
from .....models.hydrology.names import DENSITY
from .....units import convert
from .....variables import Forcing
from .basins import SECONDS_PER_DAY, Array32
from .remarks import remark
from .spec import STREAMFLOW

__all__ = ["converted", "flow_depth", "series_of", "unobserved"]

DISCHARGE = Forcing(name="discharge", units="m3 s-1", bounds=(0.0, 1e6))
"""Streamflow as a volume; no river carries more."""

M3_PER_MM_KM2 = 1000.0


def converted(values: Any, from_units: str, to_units: str, where: str) -> Any:
    """Return ``values`` in ``to_units``; ``where`` is named in errors."""
    try:
        return convert(values, from_units, to_units)
    except UnitsError as error:
        raise UnitsError(f"{where}: {error}") from None


def series_of(values: Any, units: str, variable: Forcing, where: str) -> Array32:
    """Return a series in declared units, NaN where nothing is known.

    Parameters
    ----------
    values : array
        As in the file.
    units : str
        Of a flux of water also a mass: 1 kg m-2 is 1 mm.
    variable : Forcing
        What it is.
    where : str
        File and variable, for messages.

    Raises
    ------
    UnitsError
        When units cannot be converted.
    """
    target = in_mass(variable, units, DENSITY)
    return quantity(values, units, target, where, remark).astype(np.float32)


def flow_depth(
    values: NDArray[Any], units: str, area: NDArray[np.floating[Any]] | None, where: str
) -> Array32:
    """Return streamflow in mm d-1, NaN where there is none.

    Parameters
    ----------
    values : (T, B) array
        Depth or volume per time.
    units : str
        Its units.
    area : (B,) array or None
        Basin area in km2, needed for volumes.
    where : str
        File and variable, for messages.

    Raises
    ------
    UnitsError
        The units are neither, or a volume comes without areas.
    """
    try:
        return series_of(values, units, STREAMFLOW, where)
    except UnitsError as error:
        try:
            convert(0.0, units, DISCHARGE.units)
        except UnitsError:
            raise UnitsError(
                f"{error}; expected a depth or a volume per time, such as 'm3 s-1'"
            ) from None
    if area is None or not np.isfinite(area).all() or (area <= 0).any():
        raise UnitsError(
            f"{where}: {units!r} needs the area of every basin ('area_km2')"
        )
    volume = quantity(values, units, DISCHARGE, where, remark)
    depth = volume * (SECONDS_PER_DAY / M3_PER_MM_KM2) / area
    return np.asarray(depth, dtype=np.float32)


def unobserved(steps: int, basins: int) -> Array32:
    """Return streamflow that was never observed, (T, B)."""
    return np.full((steps, basins), np.nan, dtype=np.float32)
