"""What files say of channels, under one name and in one unit each, and repaired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ....data.fill_values import without_markers
from ....data.identity import listed
from ....data.quantity import assumed, quantity
from ....errors import DataError
from ....space import Tree
from ....units import NO_DIMENSION
from ....variables import Attribute
from .rows import Column, Remark

__all__ = [
    "KNOWN",
    "LEAST_LENGTH",
    "LEAST_SLOPE",
    "UPSTREAM",
    "ChannelAttribute",
    "attributes_of",
    "repaired",
    "units_by_name",
    "upstream_length",
]

Array = NDArray[np.float64]

LEAST_LENGTH = 1.0
"""Length of a reach that has none, m: what enters it leaves it at once."""

LEAST_SLOPE = 1e-5
"""Slope of a reach that is flat or runs upwards; the least of the National Water Model.

Physics has a floor of its own above it.
"""

UPSTREAM = "upstream_length"
"""How large a river is, where no area is known."""


@dataclass(frozen=True, kw_only=True)
class ChannelAttribute:
    """A number of channels that files call and measure differently.

    Parameters
    ----------
    variable : Attribute
        Name and units here; bounds are what is usual, not what is admissible.
    aliases : mapping of str to str
        Names in files, in small letters, and the units where the file states none.
    inverse : tuple of str
        Of these names, those that hold the reciprocal.
    """

    variable: Attribute
    aliases: Mapping[str, str]
    inverse: tuple[str, ...] = field(default=())


def _known(
    name: str,
    units: str,
    bounds: tuple[float, float],
    aliases: str,
    about: str,
    others: Mapping[str, str] = MappingProxyType({}),
    inverse: tuple[str, ...] = (),
) -> ChannelAttribute:
    names = {name: units, **dict.fromkeys(aliases.split(), units), **others}
    variable = Attribute(name=name, units=units, bounds=bounds, about=about)
    return ChannelAttribute(variable=variable, aliases=names, inverse=inverse)


KNOWN = (
    _known("length", "m", (1.0, 2e5), "length_m seg_length segment_length rchlen",
           "length of the reach", {"lengthkm": "km", "length_km": "km"}),
    _known("slope", "1", (LEAST_SLOPE, 0.5), "so s0 seg_slope segment_slope",
           "slope of the bed"),
    _known("manning", "s m-1/3", (0.01, 0.5), "n mann_n segment_manning_n manning_n",
           "roughness of the channel (Manning)"),
    _known("bottom_width", "m", (0.1, 5e3), "btmwdth bw",
           "width of the bed"),
    _known("top_width", "m", (0.1, 5e3), "topwdth tw seg_width segment_width",
           "width of the full channel"),
    _known("side_slope", "1", (0.01, 50.0), "",
           "slope of the banks, horizontal per vertical",
           {"chslp": "1", "cs": "1"}, ("chslp", "cs")),
    _known("floodplain_width", "m", (0.1, 5e4), "topwdthcc twcc",
           "width of channel and flood plain"),
    _known("floodplain_manning", "s m-1/3", (0.01, 1.0), "ncc",
           "roughness of the flood plain (Manning)"),
    _known("musk_x", "1", (0.0, 0.5), "musx muskingum_x segment_muskingum_x",
           "weight of inflow (Muskingum)"),
    _known("area_km2", "km2", (0.0, 1e5),
           "areasqkm area_sqkm unitarea catchsize comid_unitarea_sqkm",
           "area that drains into the reach from its sides"),
    _known("drainage_area_km2", "km2", (0.0, 1e7),
           "tot_drainage_areasqkm totdasqkm uparea seg_cum_area comid_drain_sqkm",
           "area that drains through the lower end of the reach"),
    _known(UPSTREAM, "km", (1e-3, 1e7), "", "length of the reach and all above it"),
    _known("longitude", "degrees_east", (-180.0, 360.0), "lon",
           "of the reach"),
    _known("latitude", "degrees_north", (-90.0, 90.0), "lat seg_lat segment_lat",
           "of the reach"),
)  # fmt: skip
"""What readers call alike whatever the file calls it."""


def upstream_length(tree: Tree, length: Array) -> Array:
    """Return the length of each reach and all above it, (reach,), km of m."""
    return tree.accumulate(length) / 1e3


def units_by_name(title: str) -> str:
    """Return the units that a column has by its name; empty where it tells nothing."""
    lowered = title.casefold()
    units = (entry.aliases[lowered] for entry in KNOWN if lowered in entry.aliases)
    return next(units, "")


def attributes_of(
    columns: Mapping[str, Column], where: str, remark: Remark
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return numbers of reaches by the names of this package, and their units.

    Parameters
    ----------
    columns : mapping of str to Column
        By the names of the file.
    where : str
        File, for messages.
    remark : callable
        Takes what there is to say.

    Returns
    -------
    attributes : dict of str to ndarray
        What is known under its name here; the rest under that of the file.
    units : dict of str to str
        Of these; empty where the file says nothing.
    """
    attributes: dict[str, Array] = {}
    units: dict[str, str] = {}
    lowered = {title.casefold(): title for title in columns}
    titles: set[str] = set()
    guessed: dict[str, str] = {}
    for entry in KNOWN:
        name = entry.variable.name
        there = next((x for x in entry.aliases if x in lowered), None)
        if there is None:
            continue
        title = lowered[there]
        titles.add(title)
        place = f"{where}: {title}"
        unit = columns[title].units
        if unit.casefold() in ("", "1", *NO_DIMENSION):
            unit = entry.aliases[there]
            if unit != "1" and not columns[title].units:
                guessed[title] = unit
        if entry.inverse and there in entry.inverse:
            attributes[name] = _reciprocal(columns[title].values)
        else:
            unbounded = Attribute(name=name, units=entry.variable.units)
            attributes[name] = quantity(
                columns[title].values, unit, unbounded, place, remark
            )
        units[name] = entry.variable.units
    for title, column in columns.items():
        if title not in titles and title not in attributes:
            attributes[title] = without_markers(column.values).values
            units[title] = column.units
    if guessed:
        remark(f"{where}: {assumed(guessed)}")
    _say_missing(attributes, where, remark)
    return attributes, units


def _reciprocal(values: Array) -> Array:
    numbers = without_markers(values).values
    with np.errstate(divide="ignore"):
        result: Array = np.where(numbers > 0.0, 1.0 / numbers, np.nan)
    return result


def _say_missing(attributes: Mapping[str, Array], where: str, remark: Remark) -> None:
    lacking = {
        name: int(np.isnan(values).sum())
        for name, values in attributes.items()
        if name not in ("length", "slope") and np.isnan(values).any()
    }
    if lacking:
        each = ", ".join(f"{name} ({count})" for name, count in lacking.items())
        remark(f"{where}: numbers that reaches lack: {each}")


def repaired(
    attributes: dict[str, Array], ids: Sequence[str], where: str, remark: Remark
) -> dict[str, Array]:
    """Return attributes with a length and a slope above 0 for every reach.

    No length becomes :data:`LEAST_LENGTH`, no slope and one upwards
    :data:`LEAST_SLOPE`; one that is not known becomes the median of the others. Each is
    remarked on.

    Raises
    ------
    DataError
        When a length is negative, or none is known, naming reaches.
    """
    result = dict(attributes)
    if "length" in attributes:
        values = attributes["length"]
        if (values < 0.0).any():
            names = [ids[int(k)] for k in np.flatnonzero(values < 0.0)]
            raise DataError(
                f"{where}: length: {len(names)} of {len(ids)} are negative, expected "
                f"numbers above 0 ({listed(names)})"
            )
        place = f"{where}: length"
        result["length"] = _raised(values, LEAST_LENGTH, "m", ids, place, remark)
    if "slope" in attributes:
        place = f"{where}: slope"
        values = attributes["slope"]
        result["slope"] = _raised(values, LEAST_SLOPE, "", ids, place, remark)
    return result


def _raised(
    values: Array, least: float, units: str, ids: Sequence[str], place: str,
    remark: Remark,
) -> Array:  # fmt: skip
    """Return numbers above 0, and say which were not."""
    good = values > 0.0
    if not good.any():
        raise DataError(f"{place}: none of {len(ids)} is above 0")
    result: Array = values.copy()
    middle = float(np.median(values[good]))
    unknown = np.isnan(values)
    for bad, to, what in (
        (~good & ~unknown, least, "not above 0"),
        (unknown, middle, "missing"),
    ):
        if bad.any():
            result[bad] = to
            names = [ids[int(k)] for k in np.flatnonzero(bad)]
            remark(
                f"{place}: {what}, taken as {f'{to:g} {units}'.strip()}: {len(names)} "
                f"of {len(ids)} ({listed(names)})"
            )
    return result
