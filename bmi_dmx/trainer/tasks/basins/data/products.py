"""Several forcing products of the same basins, side by side."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from .....errors import DataError
from .basins import Array32
from .source import Series, Source

__all__ = ["common_days", "marked", "moved_alike", "side_by_side"]

log = logging.getLogger(__name__)

EXTREME, MEAN = "air_temperature_min", "air_temperature"
"""Where files give the extremes alone, the mean is that of the same product."""


def marked(name: str, product: str) -> str:
    """Return what a forcing of one product among several is called."""
    return f"{name}_{product}"


def common_days(series: Sequence[Series], products: Sequence[str]) -> list[Series]:
    """Return the series of all products over the time that they share.

    Raises
    ------
    DataError
        They share none, or their time steps differ.
    """
    first = max(one.time[0] for one in series)
    last = min(one.time[-1] for one in series)
    parts = [_part(one, first, last) for one in series]
    for product, one in zip(products, parts, strict=True):
        if one.time.size == 0 or not np.array_equal(one.time, parts[0].time):
            raise DataError(
                f"data.products: {products[0]!r} and {product!r} share no time steps"
            )
    if any(len(a.time) != len(b.time) for a, b in zip(series, parts, strict=True)):
        log.warning("data.products: read from %s to %s, which all have", first, last)
    return parts


def _part(series: Series, first: np.datetime64, last: np.datetime64) -> Series:
    inside = (series.time >= first) & (series.time <= last)

    return Series(
        time=series.time[inside],
        forcing={name: x[inside] for name, x in series.forcing.items()},
        target=series.target[inside],
        observed={
            name: replace(x, values=x.values[inside])
            for name, x in series.observed.items()
        },
    )


def side_by_side(
    products: Sequence[str],
    sources: Sequence[Source],
    forcing: Sequence[Mapping[str, Array32]],
    basin: str,
) -> dict[str, Array32]:
    """Return the forcing of the first product, and that of each under its own names.

    What bears no mark in the data is of all products and has its plain name alone.

    Parameters
    ----------
    products : sequence of str
        Their marks.
    sources : sequence of Source
        The data of each.
    forcing : sequence of mapping of str to (T, B) float32
        Complete, by plain names.
    basin : str
        Any basin, by which variables are told apart.

    Raises
    ------
    DataError
        Two products have the same precipitation, or one lacks what others have.
    """
    series = dict(forcing[0])
    for name in forcing[0]:
        # A mean that was made of the extremes stands nowhere itself.
        stands = EXTREME if name == MEAN and EXTREME in forcing[0] else name
        places = [source.where(stands, basin) for source in sources]
        if name == "precipitation":
            _refuse_alike(products, places)
        if len(set(places)) == 1:
            continue
        for product, one in zip(products, forcing, strict=True):
            if name not in one:
                raise DataError(
                    f"data.products: {product!r} has no {name}, which"
                    f" {products[0]!r} has"
                )
            series[marked(name, product)] = one[name]
    return series


def _refuse_alike(products: Sequence[str], places: Sequence[str]) -> None:
    for at, place in enumerate(places):
        if place in places[:at]:
            other = products[places.index(place)]
            raise DataError(
                f"data.products: precipitation of {other!r} and of {products[at]!r} is"
                f" the same, {place}; expected a variable marked by each"
            )


def moved_alike(
    shift: Mapping[str, int], products: Sequence[str], forcing: Mapping[str, Array32]
) -> dict[str, int]:
    """Return by how much every series is moved: those of products as they, or all are.

    Parameters
    ----------
    shift : mapping of str to int
        By plain names, which stand for all products, or by those of products.
    products : sequence of str
        Their marks, the first first.
    forcing : mapping of str to array
        The series there are.
    """
    shifts = dict(shift)
    for name in [n for n in forcing if marked(n, products[0]) in forcing]:
        usual = shift.get(name, 0)
        for product in products:
            shifts.setdefault(marked(name, product), usual)
        # The plain name stands for the first product.
        shifts[name] = shifts[marked(name, products[0])]
    return shifts
