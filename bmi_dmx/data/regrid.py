"""Fields brought from rows and columns of one grid to those of another."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

__all__ = ["edges_between", "filled", "interpolated", "regridded"]

Array = NDArray[np.float64]

_TURN = 360.0
"""Degrees."""


def edges_between(middles: Array, least: float, most: float) -> Array:
    """Return edges halfway between the middles of cells, which increase.

    The first and the last cell reach as far out as in, but not beyond ``least`` and
    ``most``.

    Raises
    ------
    DataError
        There are fewer than two cells, or they do not increase.
    """
    if middles.size < 2 or not (np.diff(middles) > 0.0).all():
        raise DataError(
            f"coordinates: found {np.round(middles, 3).tolist()!s:.80}, expected at "
            "least two that increase"
        )
    between = 0.5 * (middles[1:] + middles[:-1])
    first, last = 2.0 * middles[0] - between[0], 2.0 * middles[-1] - between[-1]
    return np.clip(np.concatenate(([first], between, [last])), least, most)


def regridded(
    values: Array, rows: tuple[Array, Array], columns: tuple[Array, Array]
) -> Array:
    """Return means over cells of another grid on the sphere.

    Each cell gets the mean of what lies in it, weighted by area; what is missing counts
    for nothing, so that land does not reach into the sea, and a cell is missing where
    nothing known lies in it. Where all is known the sum over the sphere is kept.

    Parameters
    ----------
    values : (..., row, column) array
        NaN is missing.
    rows : (array, array)
        Edges in degrees north, increasing, of the given grid and of the wanted one.
    columns : (array, array)
        Edges in degrees east, increasing; grids may begin anywhere around the sphere.

    Returns
    -------
    (..., row, column) ndarray

    References
    ----------
    Jones (1999), doi:10.1175/1520-0493(1999)127<2204:FASOCR>2.0.CO;2, to first order.
    """
    source, target = (np.sin(np.radians(edges)) for edges in rows)
    down = _overlaps(source, target)
    turns = [_overlaps(columns[0] + turn, columns[1]) for turn in (-_TURN, 0.0, _TURN)]
    across: Array = np.sum(turns, 0)
    valid = np.isfinite(values)
    total = down @ np.where(valid, values, 0.0) @ across.T
    weight = down @ valid.astype(float) @ across.T
    # What overlaps by rounding alone says nothing.
    least = 1e-9 * np.diff(target)[:, None] * np.diff(columns[1])
    means = np.full(total.shape, np.nan)
    np.divide(total, weight, out=means, where=weight > least)
    return means


def _overlaps(source: Array, target: Array) -> Array:
    """Return how much of each source cell lies in each target cell."""
    ends = np.minimum(source[1:], target[1:, None])
    overlaps: Array = np.maximum(ends - np.maximum(source[:-1], target[:-1, None]), 0.0)
    return overlaps


def interpolated(values: Array, source: Array, target: Array) -> Array:
    """Return levels between those given; beyond the first and the last these hold.

    Parameters
    ----------
    values : (level, ...) array
        NaN is missing; what lies between something missing and anything else is too.
    source, target : (level,) array
        Depths, increasing.
    """
    after = np.clip(np.searchsorted(source, target), 1, max(source.size - 1, 1))
    if source.size == 1:
        return np.repeat(values, target.size, 0)
    share = (target - source[after - 1]) / (source[after] - source[after - 1])
    share = np.clip(share, 0.0, 1.0).reshape(-1, *(1,) * (values.ndim - 1))
    before, behind = values[after - 1], values[after]
    # A level that counts for nothing may be missing.
    levels: Array = np.where(share == 0.0, before, np.where(
        share == 1.0, behind, (1.0 - share) * before + share * behind
    ))  # fmt: skip
    return levels


def filled(values: Array, mask: NDArray[np.bool_], around: bool) -> Array:
    """Return fields in which what is missing is the mean of neighbours that are known.

    Rows and columns are filled from their neighbours, ring by ring, and what then is
    missing still from the level above.

    Parameters
    ----------
    values : (level, row, column) array
        NaN is missing.
    mask : (level, row, column) array of bool
        Where something is needed.
    around : bool
        Whether the first column is a neighbour of the last.
    """
    fields: Array = values.copy()
    while True:
        missing = mask & ~np.isfinite(fields)
        sums, count = np.zeros(fields.shape), np.zeros(fields.shape)
        for step, axis in itertools.product((1, -1), (-2, -1)):
            beside = np.roll(fields, step, axis)
            if axis == -2 or not around:
                edge = [slice(None)] * 3
                edge[axis] = slice(0, 1) if step == 1 else slice(-1, None)
                beside[tuple(edge)] = np.nan
            valid = np.isfinite(beside)
            sums += np.where(valid, beside, 0.0)
            count += valid
        now = missing & (count > 0.0)
        if not now.any():
            break
        fields[now] = sums[now] / count[now]
    for level in range(1, len(fields)):
        lacking = mask[level] & ~np.isfinite(fields[level])
        fields[level][lacking] = fields[level - 1][lacking]
    return fields
