"""Attributes of catchments: from the hydrofabric, from forcing, or from a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.fill_values import without_markers
from ..errors import DataError
from ..models.hydrology.climate import CLIMATE
from ..operate.attributes import FarAttribute, far_ones, told_far
from ..operate.operation import Operation
from ..operate.screen import Policy
from ..variables import Attribute
from .attribute_table import read_attribute_table
from .climate import Repair, climate
from .forcing import Array, ForcingProvider
from .hydrofabric import Hydrofabric
from .outlines import centroids
from .terrain import (
    MEAN_ELEVATION,
    MEAN_SLOPE,
    gradient,
    located,
    metres,
    numbers_of,
)

__all__ = ["Attributes", "attributes_of", "topography"]


_ELEVATIONS = (-9000.0, 900000.0)
"""Lowest and highest mean elevation of a catchment, cm."""


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
    policy: Policy = "raise",
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
    policy : Policy
        What is done with values of the forcing that are missing or absurd.

    Raises
    ------
    ConfigError, DataError
        When an attribute cannot be had, or cannot be what it is said to be; says which,
        of which catchment, and where it was looked for.
    """
    ids = tuple(domain.catchments)
    attributes = operation.understood
    entries: dict[str, Array] = {}
    remarks: list[str] = []
    if table is not None:
        entries, remarks = read_attribute_table(table, ids, attributes)
    entries = _first_of(entries, centroids(domain))
    _derive_aridity(entries, entries)
    terrain, doubts = topography(domain)
    remarks += doubts
    values = _first_of(entries, terrain)
    names = operation.required
    repair = Repair(operation, policy)
    values, caveat = _with_climate(names, values, entries, domain, forcing, repair)
    for name in names:
        if name not in values:
            raise DataError(
                f"{domain.path}: attribute {name!r} of the model is in neither "
                f"hydrofabric nor forcing; {_CURE}"
            )
    _refuse_gaps(names, values, domain)
    keys = dict.fromkeys([*names, "area_km2", "latitude", "longitude"])
    arrays = {name: values[name] for name in keys if name in values}
    for name, array in arrays.items():
        origin = forcing.path if name in CLIMATE else domain.path
        sources = np.full(len(ids), str(origin), dtype=object)
        sources[np.isfinite(entries.get(name, np.full(len(ids), np.nan)))] = str(table)
        _refuse_impossible(attributes[name], array, ids, sources.tolist())
    unusual = far_ones(operation.bundle.statistics, attributes, ids, arrays)
    told_far()
    remarks += [*caveat, *map(_remark, unusual)]
    return Attributes(ids, arrays, remarks)


_CURE = "give it in a table (--attributes FILE)"


def _first_of(
    first: Mapping[str, Array], then: Mapping[str, Array]
) -> dict[str, Array]:
    """Return values of all names, cell by cell the first that is known."""
    values = {name: array.copy() for name, array in then.items()}
    for name, array in first.items():
        values[name] = np.where(np.isnan(array), values.get(name, np.nan), array)
    return values


def _derive_aridity(entries: Mapping[str, Array], values: dict[str, Array]) -> None:
    """Let aridity follow from the means where one is given and it is not itself.

    Otherwise it would be that of the forcing, beside another precipitation.
    """
    rain, demand = values.get("p_mean"), values.get("pet_mean")
    if rain is None or demand is None:
        return
    nothing = np.full(len(rain), np.nan)
    has_entry = np.isfinite([entries.get(n, nothing) for n in ("p_mean", "pet_mean")])
    follows = has_entry.any(axis=0) & np.isnan(entries.get("aridity", nothing))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = demand / rain
    values["aridity"] = np.where(follows, ratio, values.get("aridity", nothing))


def _with_climate(
    names: Sequence[str],
    values: dict[str, Array],
    entries: Mapping[str, Array],
    domain: Hydrofabric,
    forcing: ForcingProvider,
    repair: Repair,
) -> tuple[dict[str, Array], list[str]]:
    """Return values with the climate of the forcing where none is given, and caveats.

    Only forcing of catchments that need it is read.
    """
    ids = tuple(domain.catchments)
    targets = [name for name in names if name in CLIMATE]
    nothing = np.full(len(ids), np.nan)
    lacking = np.zeros(len(ids), dtype=bool)
    for name in targets:
        lacking |= np.isnan(values.get(name, nothing))
    if not lacking.any():
        return values, []
    if "latitude" not in values:
        present = {"latitude", *values, *targets}
        more = [name for name in names if name not in present]
        nor = f", nor {', '.join(more)}" if more else ""
        cure = _CURE.replace("it", "them", 1) if more else _CURE
        raise DataError(
            f"{domain.path}: latitude of the catchments is not known{nor}; {cure}"
        )
    places = np.flatnonzero(lacking)
    others = [n for n in names if n in values and n not in CLIMATE]
    _refuse_gaps([*others, "latitude"], values, domain, lacking)
    some = [ids[k] for k in places]
    indices, caveat = climate(forcing, some, values["latitude"][places], repair)
    for name, array in indices.items():
        whole = nothing.copy()
        whole[places] = array
        indices[name] = whole
    complete = _first_of(values, indices)
    _derive_aridity(entries, complete)
    return complete, caveat


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
    finite = np.isfinite(array)
    at = attribute.first_outside(np.where(finite, array, attribute.limits[0]))
    if at is not None:
        units = "" if attribute.units == "1" else f" {attribute.units}"
        raise DataError(
            f"{sources[at]}: attribute {attribute.name!r} of {ids[at]!r} is "
            f"{array[at]:g}{units}; expected {attribute.expected}"
        )


def topography(domain: Hydrofabric) -> tuple[dict[str, Array], list[str]]:
    """Return area, elevation, slope and location from the hydrofabric.

    Parameters
    ----------
    domain : Hydrofabric

    Returns
    -------
    values : dict of str to ndarray
        ``area_km2``; with ``divide-attributes`` also ``elevation_mean`` (m),
        ``slope_mean`` (m km-1), ``latitude`` and ``longitude``; NaN where a catchment
        has no row.
    remarks : list of str
        Which values contradict the units that the layer has.

    Notes
    -----
    The columns of hydrofabric 2.2 are not what they seem. ``mean.elevation`` is in
    centimetres. ``mean.slope`` is the angle, in degrees, of a gradient that was taken
    of centimetres over metres: hence the gradient is a hundredth of its tangent.
    """
    values = {"area_km2": np.array([c.area_km2 for c in domain.catchments.values()])}
    if not domain.attributes:
        return values, []
    rows = [domain.attributes.get(name, {}) for name in domain.catchments]

    remarks: list[str] = []

    def column(name: str, lowest: float, highest: float) -> Array:
        where = f"{domain.path}: divide-attributes: {name}"
        marked = without_markers(numbers_of(rows, name, where), (lowest, highest))
        if marked.markers:
            remarks.append(marked.remark(where))
        return marked.values

    evidence = metres(domain)
    if evidence:
        remarks.append(evidence)
    elevation = column(MEAN_ELEVATION, *_ELEVATIONS)
    values["elevation_mean"] = elevation * (1.0 if evidence else 0.01)
    angles = column(MEAN_SLOPE, 0.0, 90.0)
    wrong = (angles < 0.0) | (angles >= 90.0)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise DataError(
            f"{domain.path}: divide-attributes: {MEAN_SLOPE} of "
            f"{list(domain.catchments)[at]!r}: found {float(angles[at])!r}, expected "
            "0 to 90 degrees"
        )
    values["slope_mean"] = np.array([gradient(angle) for angle in angles])
    places = located(domain)
    values["latitude"], values["longitude"] = places.latitude, places.longitude
    return values, [*remarks, *places.remarks]


def _remark(far: FarAttribute) -> str:
    return (
        f"attribute {far.name!r} of {far.count} catchments is far from the training "
        f"basins (typically {far.typical:.4g}); furthest is {far.place!r} with "
        f"{far.value:.4g}"
    )
