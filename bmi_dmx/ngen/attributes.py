"""Attributes of catchments: from the hydrofabric, from forcing, or from a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compose.part import step_key
from ..errors import DataError
from ..models.hydrology.climate import (
    CLIMATE,
    DAYS_PER_YEAR,
    climate_indices,
    day_of_year,
)
from ..models.hydrology.shipped import shipped
from ..networks.statistics import Moments
from ..operate.clock import DAY
from ..operate.operation import Operation
from ..program import evaluate
from ..variables import Attribute
from .attribute_table import read_attribute_table
from .fields import PRECIPITATION, TEMPERATURE
from .forcing import STEP, Array, ForcingProvider, moment
from .hydrofabric import Hydrofabric
from .outlines import centroids

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

    def at(self, place: int) -> dict[str, float]:
        """Return what is known of one catchment."""
        numbers = {name: float(values[place]) for name, values in self.values.items()}
        return {name: x for name, x in numbers.items() if math.isfinite(x)}


def attributes_of(
    operation: Operation,
    domain: Hydrofabric,
    forcing: ForcingProvider,
    table: Path | None = None,
) -> Attributes:
    """Return all that a model wants to know about catchments.

    Parameters
    ----------
    operation : Operation
        The model, and how it is run.
    domain : Hydrofabric
        The catchments, with ``divide-attributes`` unless the table gives the rest.
    forcing : ForcingProvider
        For the climate.
    table : Path, optional
        CSV file with a first column of catchments and others named as the attributes;
        what it says of a catchment goes before all else.

    Raises
    ------
    ConfigError, DataError
        When an attribute cannot be had, or cannot be what it is said to be; says which,
        of which catchment, and where it was looked for.
    """
    ids = tuple(domain.catchments)
    known = operation.understood
    given: dict[str, Array] = {}
    remarks: list[str] = []
    if table is not None:
        given, remarks = read_attribute_table(table, ids, known)
    given = _first_of(given, centroids(domain))
    _derive_aridity(given, given)
    values = _first_of(given, topography(domain))
    needed = operation.required
    values, caveat = _with_climate(needed, values, given, domain, forcing)
    for name in needed:
        if name not in values:
            raise DataError(
                f"{domain.path}: attribute {name!r} of the model is in neither "
                f"hydrofabric nor forcing; {_CURE}"
            )
    _refuse_gaps(needed, values, domain)
    wanted = dict.fromkeys([*needed, "area_km2", "latitude", "longitude"])
    found = {name: values[name] for name in wanted if name in values}
    for name, array in found.items():
        origin = forcing.path if name in CLIMATE else domain.path
        sources = np.full(len(ids), str(origin), dtype=object)
        sources[np.isfinite(given.get(name, np.full(len(ids), np.nan)))] = str(table)
        _refuse_impossible(known[name], array, ids, sources.tolist())
    remarks += [*caveat, *_unusual(operation.bundle.statistics, ids, found)]
    return Attributes(ids, found, remarks)


_CURE = "give it in a table (--attributes FILE)"


def _first_of(
    first: Mapping[str, Array], then: Mapping[str, Array]
) -> dict[str, Array]:
    """Return values of all names, cell by cell the first that is known."""
    found = {name: array.copy() for name, array in then.items()}
    for name, array in first.items():
        found[name] = np.where(np.isnan(array), found.get(name, np.nan), array)
    return found


def _derive_aridity(given: Mapping[str, Array], values: dict[str, Array]) -> None:
    """Let aridity follow from the means where one is given and it is not itself.

    Otherwise it would be that of the forcing, beside another precipitation.
    """
    rain, demand = values.get("p_mean"), values.get("pet_mean")
    if rain is None or demand is None:
        return
    nothing = np.full(len(rain), np.nan)
    own = np.isfinite([given.get(n, nothing) for n in ("p_mean", "pet_mean")])
    follows = own.any(axis=0) & np.isnan(given.get("aridity", nothing))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = demand / rain
    values["aridity"] = np.where(follows, ratio, values.get("aridity", nothing))


def _with_climate(
    needed: Sequence[str],
    values: dict[str, Array],
    given: Mapping[str, Array],
    domain: Hydrofabric,
    forcing: ForcingProvider,
) -> tuple[dict[str, Array], list[str]]:
    """Return values with the climate of the forcing where none is given, and caveats.

    Only forcing of catchments that need it is read.
    """
    ids = tuple(domain.catchments)
    wanted = [name for name in needed if name in CLIMATE]
    nothing = np.full(len(ids), np.nan)
    lacking = np.zeros(len(ids), dtype=bool)
    for name in wanted:
        lacking |= np.isnan(values.get(name, nothing))
    if not lacking.any():
        return values, []
    if "latitude" not in values:
        known = {"latitude", *values, *wanted}
        more = [name for name in needed if name not in known]
        nor = f", nor {', '.join(more)}" if more else ""
        cure = _CURE.replace("it", "them", 1) if more else _CURE
        raise DataError(
            f"{domain.path}: latitude of the catchments is not known{nor}; {cure}"
        )
    places = np.flatnonzero(lacking)
    others = [n for n in needed if n in values and n not in CLIMATE]
    _refuse_gaps([*others, "latitude"], values, domain, lacking)
    some = [ids[k] for k in places]
    indices, caveat = climate(forcing, some, values["latitude"][places])
    for name, array in indices.items():
        whole = nothing.copy()
        whole[places] = array
        indices[name] = whole
    found = _first_of(values, indices)
    _derive_aridity(given, found)
    return found, caveat


def _refuse_gaps(
    names: Sequence[str],
    values: Mapping[str, Array],
    domain: Hydrofabric,
    among: NDArray[np.bool_] | None = None,
) -> None:
    """Refuse a catchment of which something is not known, and say all that is not."""
    ids = tuple(domain.catchments)
    unknown = {n: ~np.isfinite(values[n]) for n in dict.fromkeys(names)}
    gaps = np.any(list(unknown.values()), axis=0)
    if among is not None:
        gaps &= among
    if not gaps.any():
        return
    at = int(np.argmax(gaps))
    lacking = [repr(name) for name, bad in unknown.items() if bad[at]]
    what, cure = f"attribute {lacking[0]} of the model is", _CURE
    if len(lacking) > 1:
        what = f"attributes {', '.join(lacking)} are"
        cure = cure.replace("it", "them", 1)
    why = ""
    if domain.attributes and ids[at] not in domain.attributes:
        why = ", which has no row in divide-attributes"
    more = f" and {int(gaps.sum()) - 1} more" if gaps.sum() > 1 else ""
    raise DataError(
        f"{domain.path}: {what} not known of {ids[at]!r}{more}{why}; {cure}"
    )


def _refuse_impossible(
    attribute: Attribute, array: Array, ids: Sequence[str], sources: Sequence[str]
) -> None:
    """Refuse values that cannot be, naming the file that they come from."""
    known = np.isfinite(array)
    at = attribute.first_outside(np.where(known, array, attribute.limits[0]))
    if at is not None:
        units = "" if attribute.units == "1" else f" {attribute.units}"
        raise DataError(
            f"{sources[at]}: attribute {attribute.name!r} of {ids[at]!r} is "
            f"{array[at]:g}{units}; expected {attribute.expected}"
        )


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
    hargreaves = shipped("hargreaves").programs[step_key(DAY)]
    (evaporation,) = evaluate(hargreaves, {
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
