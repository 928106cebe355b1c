"""Segments of the National Hydrologic Model, and the units of land that enter them.

Files point at segments by numbers that count them from 1. Those of PRMS itself and the
sample of the Delaware River that comes with the package are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....data import netcdf
from ....data.identity import listed
from ....errors import DataError
from .assemble import assembled
from .place_variables import columns_along, length_of, numbers_along
from .reach_table import title_of
from .river import River
from .rows import Column, Rows

__all__ = ["BELOW_BY_NUMBER", "read_segments"]

BELOW_BY_NUMBER = ("segment_downstream", "tosegment")
"""What files call the numbers of the segments below."""

SEGMENT = ("segment_id", "nhm_seg", "seg_id")
UNIT = ("hru_id", "nhm_id")
"""What files call the names of segments, and of units of land."""

UNIT_PREFIX = "hru-"
"""Before the names of units where some are called as a segment is."""

Numbers = NDArray[np.int64]


def read_segments(path: Path) -> River:
    """Read segments, the units of land that enter them, and gauges at their lower ends.

    Parameters
    ----------
    path : Path
        NetCDF with ``segment_downstream`` or ``tosegment``; segments without names are
        called by their number.

    Raises
    ------
    ConfigError, DataError
        When it is not there, or a number is that of no segment.
    """
    remarks: list[str] = []
    with netcdf.opened(path) as file:
        variables = file.variables
        pointer = title_of(variables, BELOW_BY_NUMBER)
        if not pointer:
            raise DataError(
                f"{path}: no variable names the segments below: found "
                f"{', '.join(variables) or 'none'}, expected one of "
                f"{', '.join(BELOW_BY_NUMBER)}"
            )
        along = variables[pointer].dimensions
        size = length_of(path, variables[pointer])
        title = title_of(variables, SEGMENT)
        ids = (
            _names(path, variables[title], size)
            if title
            else tuple(str(k + 1) for k in range(size))
        )
        names = (*ids, "")
        below = [names[k] for k in _numbers(path, variables[pointer], size, size)]
        columns = columns_along(path, variables, along)
        for name in (title, pointer):
            columns.pop(name, None)
        land = _land(path, file, ids, remarks)
        gauges, areas = _gauges(path, file, ids, remarks)
    local = np.zeros(size)
    place = {name: k for k, name in enumerate(ids)}
    for reach, area in land.values():
        local[place[reach]] += area
    if land and not np.isnan(local).any():
        columns["area_km2"] = Column(local, "km2")
    rows = Rows(where=str(path), ids=ids, below=below, columns=columns)
    return assembled(
        rows,
        remarks=remarks,
        gauges=gauges,
        gauge_areas=areas,
        entering={name: {reach: 1.0} for name, (reach, _) in land.items()},
    )


def _names(path: Path, variable: Any, size: int) -> tuple[str, ...]:
    names = netcdf.identifiers(path, variable)
    if len(names) != size:
        raise DataError(f"{path}: {variable.name}: found {len(names)}, expected {size}")
    return names


def _numbers(path: Path, variable: Any, count: int, size: int) -> Numbers:
    """Return positions of segments, -1 for none; files count from 1."""
    values = numbers_along(path, variable, count)
    good = (values >= 0) & (values <= size) & (values == np.floor(values))
    if not good.all():
        at = int(good.argmin())
        raise DataError(
            f"{path}: {variable.name}: entry {at} is {values[at]:g}, expected the "
            f"number of one of {size} segments, or 0"
        )
    return values.astype(np.int64) - 1


def _land(
    path: Path, file: Any, ids: tuple[str, ...], remarks: list[str]
) -> dict[str, tuple[str, float]]:
    """Return segment and area of every unit of land that enters one."""
    variables = file.variables
    if "hru_segment" not in variables:
        return {}
    count = length_of(path, variables["hru_segment"])
    to = _numbers(path, variables["hru_segment"], count, len(ids))
    title = title_of(variables, UNIT)
    names = (
        _names(path, variables[title], count)
        if title
        else tuple(str(k + 1) for k in range(count))
    )
    if not set(names).isdisjoint(ids):
        remarks.append(
            f"{path}: units of land are called as segments are; their names are given "
            f"{UNIT_PREFIX!r} in front"
        )
        names = tuple(f"{UNIT_PREFIX}{name}" for name in names)
    areas = np.full(len(to), np.nan)
    if "hru_area" in variables:
        areas = numbers_along(path, variables["hru_area"], count)
    nowhere = [name for name, k in zip(names, to, strict=True) if k < 0]
    if nowhere:
        remarks.append(
            f"{path}: units of land that enter no segment: {len(nowhere)} of "
            f"{len(names)} ({listed(nowhere)})"
        )
    return {
        name: (ids[k], float(area))
        for name, k, area in zip(names, to, areas, strict=True)
        if k >= 0
    }


def _gauges(
    path: Path, file: Any, ids: tuple[str, ...], remarks: list[str]
) -> tuple[dict[str, str], dict[str, float]]:
    """Return segments and drainage areas of the gauges."""
    variables = file.variables
    if "gauge_id" not in variables or "gauge_segment" not in variables:
        return {}, {}
    names = netcdf.identifiers(path, variables["gauge_id"])
    at = _numbers(path, variables["gauge_segment"], len(names), len(ids))
    away = [name for name, k in zip(names, at, strict=True) if k < 0]
    if away:
        remarks.append(
            f"{path}: gauges at no segment, left out: {len(away)} of {len(names)} "
            f"({listed(away)})"
        )
    gauges = {name: ids[k] for name, k in zip(names, at, strict=True) if k >= 0}
    areas: dict[str, float] = {}
    if "gauge_area" in variables:
        values = numbers_along(path, variables["gauge_area"], len(names)).tolist()
        areas = {
            name: area for name, area in zip(names, values, strict=True) if area > 0.0
        }
    return gauges, areas
