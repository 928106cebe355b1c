"""Attributes of catchments: from the hydrofabric, from forcing, or from a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..bmi.clock import DAY
from ..bmi.csv_table import numbers, read_csv_table
from ..bmi.processes import shipped
from ..bundle import Bundle
from ..climate import CLIMATE, DAYS_PER_YEAR, climate_indices, day_of_year
from ..errors import DataError, suggestion
from ..models.statistics import Moments
from ..scan.evaluate import evaluate
from .fields import PRECIPITATION, TEMPERATURE
from .forcing import Array, ForcingProvider, moment
from .hydrofabric import Hydrofabric
from .realization import STEP

__all__ = ["Attributes", "attributes_of", "climate", "topography"]

_FEW_YEARS = 3.0
_FAR = 3.0
"""Standard deviations from the training mean beyond which a value is remarked on."""

_BLOCK = 2**21
"""Numbers of one variable in memory."""

_MEAN_ELEVATION, _MEAN_SLOPE = "mean.elevation", "mean.slope"


@dataclass
class Attributes:
    """Attributes of catchments and what is to be said about them.

    Parameters
    ----------
    ids : tuple of str
        The catchments.
    values : dict of str to ndarray
        (catchment,) by the model's name.
    remarks : list of str
        Caveats, for people.
    """

    ids: tuple[str, ...]
    values: dict[str, Array]
    remarks: list[str] = field(default_factory=list)

    def of(self, catchment: str) -> dict[str, float]:
        """Return the values of one catchment."""
        at = self.ids.index(catchment)
        return {name: float(values[at]) for name, values in self.values.items()}


def attributes_of(
    bundle: Bundle,
    domain: Hydrofabric,
    forcing: ForcingProvider,
    table: Path | None = None,
) -> Attributes:
    """Return all that a model wants to know about catchments.

    Parameters
    ----------
    bundle : Bundle
        The model.
    domain : Hydrofabric
        The catchments, with ``divide-attributes`` unless the table gives the rest.
    forcing : ForcingProvider
        For the climate.
    table : Path, optional
        CSV file with a first column of catchments and others named as the attributes;
        it goes before all else.

    Raises
    ------
    ConfigError, DataError
        When an attribute cannot be had; says which and where it was looked for.
    """
    ids = tuple(domain.catchments)
    given = _read_table(table, ids) if table is not None else {}
    needed = [a.name for a in bundle.variables.attributes]
    remarks: list[str] = []
    values = {**topography(domain), **given}
    open_ = [name for name in needed if name not in values]
    if any(name in CLIMATE for name in open_):
        if "latitude" not in values:
            raise DataError(f"{domain.path}: latitude of the catchments is not known")
        indices, caveat = climate(forcing, ids, values["latitude"])
        remarks += caveat
        values = {**indices, **values}
    for name in needed:
        if name not in values or not np.isfinite(values[name]).all():
            raise DataError(_lacking(name, ids, values, domain))
    wanted = dict.fromkeys([*needed, "area_km2", "latitude", "longitude"])
    known = {name: values[name] for name in wanted if name in values}
    remarks += _unusual(bundle.statistics, ids, known)
    return Attributes(ids, known, remarks)


def _lacking(
    name: str, ids: Sequence[str], values: Mapping[str, Array], domain: Hydrofabric
) -> str:
    start = f"attribute {name!r} of the model"
    cure = "give it in a table (--attributes FILE)"
    if name in values:
        at = int(np.argmin(np.isfinite(values[name])))
        return f"{domain.path}: {start} is not known of {ids[at]!r}; {cure}"
    return f"{domain.path}: {start} is in neither hydrofabric nor forcing; {cure}"


def topography(domain: Hydrofabric) -> dict[str, Array]:
    """Return area, elevation, slope and location from the hydrofabric.

    Parameters
    ----------
    domain : Hydrofabric

    Returns
    -------
    dict of str to ndarray
        ``area_km2``; with ``divide-attributes`` also ``elevation_mean`` (m),
        ``slope_mean`` (m km-1), ``latitude`` and ``longitude``; NaN where a catchment
        has no row.

    Notes
    -----
    The columns of hydrofabric 2.2 are not what they seem. ``mean.elevation`` is in
    centimetres. ``mean.slope`` is the angle, in degrees, of a gradient that was taken
    of centimetres over metres: hence the gradient is a hundredth of its tangent.
    """
    found = {"area_km2": np.array([c.area_km2 for c in domain.catchments.values()])}
    if not domain.attributes:
        return found
    rows = [domain.attributes.get(name, {}) for name in domain.catchments]

    def column(read: Callable[[Mapping[str, Any]], float | None]) -> Array:
        return np.array([np.nan if (x := read(r)) is None else x for r in rows])

    found["elevation_mean"] = column(lambda r: _scaled(r.get(_MEAN_ELEVATION), 0.01))
    found["slope_mean"] = column(_slope)
    places = [_place(row) for row in rows]
    found["latitude"] = np.array([latitude for latitude, _ in places])
    found["longitude"] = np.array([longitude for _, longitude in places])
    return found


def _scaled(value: Any, factor: float) -> float | None:
    return None if value is None else float(value) * factor


def _slope(row: Mapping[str, Any]) -> float | None:
    angle = row.get(_MEAN_SLOPE)
    if angle is None:
        return None
    if not 0.0 <= angle < 90.0:
        raise DataError(
            f"divide-attributes: {_MEAN_SLOPE} of {row.get('divide_id')!r}: found "
            f"{angle!r}, expected 0 to 90 degrees"
        )
    return 10.0 * math.tan(math.radians(angle))


def _place(row: Mapping[str, Any]) -> tuple[float, float]:
    from .projection import from_conus_albers

    x, y = row.get("centroid_x"), row.get("centroid_y")
    if x is None or y is None:
        return math.nan, math.nan
    return from_conus_albers(float(x), float(y))


def climate(
    forcing: ForcingProvider, ids: Sequence[str], latitude: Array
) -> tuple[dict[str, Array], list[str]]:
    """Return the climate indices of all whole days (UTC) of the forcing, and caveats.

    Parameters
    ----------
    forcing : ForcingProvider
        Hourly precipitation and air temperature.
    ids : sequence of str
        The catchments.
    latitude : (B,) array
        Degrees north.

    Raises
    ------
    DataError
        When there is no whole day, a value is missing, or it never rains.
    """
    start, end = forcing.span(ids[0])
    first = -(-start // DAY) * DAY
    days = (end - first) // DAY
    if days < 1:
        raise DataError(
            f"{forcing.path}: from {moment(start)} to {moment(end)} there is no whole "
            "day; climate attributes need days, at best years"
        )
    rain, warm, low, high = _daily(forcing, ids, first, days)
    for name, series in (("precipitation", rain), ("air temperature", warm)):
        bad = ~np.isfinite(series).all(axis=0)
        if bad.any():
            raise DataError(
                f"{forcing.path}: {name} of {ids[int(np.argmax(bad))]!r} has gaps; "
                "climate attributes need all days"
            )
    begin = np.datetime64(first, "s").astype("datetime64[D]")
    dates = day_of_year(begin + np.arange(days))
    (evaporation,) = evaluate(shipped("hargreaves")[1], {
        "f.air_temperature_min": low, "f.air_temperature_max": high,
        "f.day_of_year": dates[:, None], "p.latitude": latitude[None, :],
    }).values()  # fmt: skip
    found = climate_indices(rain, warm, evaporation, dates)
    years = days / DAYS_PER_YEAR
    remarks = []
    if years < _FEW_YEARS:
        remarks.append(
            f"climate attributes are those of {days} days ({years:.1f} years) of "
            "forcing, not of a climate; give better ones in a table "
            "(--attributes FILE)"
        )
    return found, remarks


def _daily(
    forcing: ForcingProvider, ids: Sequence[str], first: int, days: int
) -> tuple[Array, Array, Array, Array]:
    """Return precipitation, mean, least and greatest temperature, (day, catchment)."""
    rain, warm, low, high = (np.empty((days, len(ids))) for _ in range(4))
    few = max(1, _BLOCK // (24 * len(ids)))
    for day in range(0, days, few):
        some = slice(day, min(day + few, days))
        at, hours = first + day * DAY, (some.stop - day) * 24
        shape = (-1, DAY // STEP, len(ids))
        block = forcing.block(ids, PRECIPITATION, "mm d-1", at, hours)
        rain[some] = block.reshape(shape).mean(axis=1)
        temperature = forcing.block(ids, TEMPERATURE, "degC", at, hours).reshape(shape)
        warm[some] = temperature.mean(axis=1)
        low[some], high[some] = temperature.min(axis=1), temperature.max(axis=1)
    return rain, warm, low, high


def _unusual(
    statistics: Mapping[str, Moments], ids: Sequence[str], values: Mapping[str, Array]
) -> list[str]:
    """Return remarks on values far from those the model was trained with."""
    remarks = []
    for name, array in values.items():
        if name not in statistics:
            continue
        moments = statistics[name]
        distance = np.abs(moments.standardized(array))
        far = ~(distance <= _FAR)
        if far.any():
            at = int(np.argmax(np.where(np.isnan(distance), np.inf, distance)))
            remarks.append(
                f"attribute {name!r} of {int(far.sum())} catchments is far from the "
                f"training basins (typically {moments.typical:.4g}); furthest is "
                f"{ids[at]!r} with {array[at]:.4g}"
            )
    return remarks


def _read_table(path: Path, ids: Sequence[str]) -> dict[str, Array]:
    """Read a CSV file of attributes for all catchments."""
    header, rows = read_csv_table(path, "at least one catchment")
    entries = {row[0].strip(): row for row in rows}
    for name in ids:
        if name not in entries:
            hint = suggestion(name, entries)
            raise DataError(f"{path}: no row for catchment {name!r}{hint}")
    chosen = [entries[name] for name in ids]
    return {
        title: numbers(path, title, [row[k] for row in chosen])
        for k, title in enumerate(header)
        if k
    }
