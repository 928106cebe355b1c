"""Variables of NetCDF files and Zarr stores, as one thing for each of some places."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....data import netcdf
from ....data.identity import texts_of
from ....errors import DataError
from .rows import Column

__all__ = ["columns_along", "length_of", "numbers_along", "texts_along"]

Array = NDArray[np.float64]


def length_of(path: Path, variable: Any) -> int:
    """Return how many a variable holds along its first dimension.

    Raises
    ------
    DataError
        When it has none.
    """
    if not variable.shape:
        raise DataError(f"{path}: {variable.name}: found a single value")
    return int(variable.shape[0])


def numbers_along(path: Path, variable: Any, size: int) -> Array:
    """Return one number for each of some places, (size,).

    Raises
    ------
    DataError
        When there are others, or no numbers.
    """
    if tuple(variable.shape) != (size,):
        shape = " x ".join(map(str, variable.shape)) or "a single value"
        raise DataError(f"{path}: {variable.name}: found {shape}, expected {size}")
    return netcdf.numbers(path, variable)


def texts_along(path: Path, variable: Any, size: int) -> tuple[str, ...]:
    """Return one name for each of some places; empty ones are none.

    Raises
    ------
    DataError
        When there are others, or no names.
    """
    where = f"{path}: {variable.name}"
    texts = texts_of(netcdf.raw(path, variable), where, missing=True)
    if len(texts) != size:
        raise DataError(f"{where}: found {len(texts)}, expected one for each of {size}")
    return texts


def columns_along(
    path: Path, variables: Mapping[str, Any], dimensions: tuple[str, ...]
) -> dict[str, Column]:
    """Return the variables that have numbers along one dimension, and no other."""
    return {
        name: Column(netcdf.numbers(path, variable), netcdf.units_of(variable))
        for name, variable in variables.items()
        if variable.dimensions == dimensions
        and getattr(variable.dtype, "kind", "O") in "fiu"
    }
