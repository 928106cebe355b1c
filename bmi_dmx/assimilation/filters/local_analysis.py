"""Entries of the state with what is observed near them, some at a time.

Entries that stand side by side and are as far from all that is observed are one group.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...kernels.roots import triangle
from ...space.description import Array
from .filter import Departures

__all__ = ["in_groups", "local_blocks", "local_systems"]

_MOST = 1 << 20
"""Numbers of one array of a block."""


def local_blocks(
    departures: Departures, taper: Array
) -> Iterator[tuple[slice, Array, Array, Array, Array | None]]:
    """Yield entries of the state with what is observed near them, some at a time.

    Observations are weighted by the roots of the taper, which divides the variances of
    their errors by it (Hunt et al. 2007, doi:10.1016/j.physd.2006.11.008).

    Parameters
    ----------
    departures : Departures
        Of all.
    taper : ndarray
        (…, r, p) weights of r groups of n/r entries side by side.

    Yields
    ------
    slice
        Which groups, b of them.
    anomalies : ndarray
        (…, b, m, n/r) of their entries.
    scaled : ndarray
        (…, b, m, k) weighted anomalies of what is predicted; k is p, or the largest
        number of observations with a weight where they are much fewer.
    innovation : ndarray
        (…, b, k) weighted.
    near : ndarray or None
        (b, k) which observations these are; None is all.
    """
    taper = taper.astype(departures.anomalies.dtype, copy=False)
    near = _nearest(taper)
    width = taper.shape[-1] if near is None else near[0].shape[-1]
    grouped = in_groups(departures.anomalies, taper)
    for block in _spans(departures, taper, width):
        if near is None:
            at = None
            root = np.sqrt(taper[..., block, :])
            scaled = departures.scaled[..., None, :, :]
            innovation = departures.innovation[..., None, :]
        else:
            at = near[0][block]
            root = np.sqrt(near[1][block])
            scaled = np.moveaxis(departures.scaled[..., at], -3, -2)
            innovation = departures.innovation[..., at]
        anomalies = np.moveaxis(grouped[..., block, :], -3, -2)
        yield block, anomalies, scaled * root[..., None, :], innovation * root, at


def in_groups(ensemble: Array, taper: Array) -> Array:
    """Return (…, m, n) as (…, m, r, n/r), r being the rows of a taper."""
    return ensemble.reshape(*ensemble.shape[:-1], taper.shape[-2], -1)


def _sparse(taper: Array) -> bool:
    """Return whether one taper is for all, and no more than half of it has weight."""
    return taper.ndim == 2 and 2 * int((taper > 0).sum(-1).max(initial=0)) <= int(
        taper.shape[-1]
    )


def _nearest(taper: Array) -> tuple[Array, Array] | None:
    """Return (n, k) positions of what has weight, and its weights.

    None where most has weight, or it is another taper for every problem. What lacks to
    the largest number k has no weight.
    """
    if not _sparse(taper):
        return None
    there = taper > 0
    count = there.sum(-1)
    most = int(count.max(initial=0))
    entry, observed = np.nonzero(there)
    rank = np.arange(len(entry)) - np.repeat(np.cumsum(count) - count, count)
    at = np.zeros((len(taper), most), dtype=np.intp)
    weight = np.zeros((len(taper), most), dtype=taper.dtype)
    at[entry, rank] = observed
    weight[entry, rank] = taper[entry, observed]
    return at, weight


def local_systems(
    departures: Departures, taper: Array
) -> Iterator[tuple[slice, Array, Array]]:
    """Yield what local analyses solve, some entries of the state at a time.

    Parameters
    ----------
    departures : Departures
        Of all.
    taper : ndarray
        (…, r, p) weights of r groups of n/r entries side by side.

    Yields
    ------
    slice
        Which groups, b of them.
    matrix : ndarray
        (…, b, m(m + 1)/2) lower triangles of SSᵀ of the weighted anomalies.
    vector : ndarray
        (…, b, m) S times the weighted innovation.
    """
    scaled = departures.scaled
    members = scaled.shape[-2]
    row, column = triangle(members)
    if _sparse(taper):
        for block, _, near, innovation, _ in local_blocks(departures, taper):
            matrix = near @ np.swapaxes(near, -1, -2)
            vector = (near @ innovation[..., None])[..., 0]
            yield block, matrix[..., row, column], vector
        return
    # Products of all pairs of members first, so that weighing them is one product of
    # matrices.
    taper = taper.astype(scaled.dtype, copy=False)
    pairs = np.swapaxes(scaled[..., row, :] * scaled[..., column, :], -1, -2)
    products = scaled * departures.innovation[..., None, :]
    for block in _spans(departures, taper, members):
        weight = taper[..., block, :]
        yield block, weight @ pairs, weight @ np.swapaxes(products, -1, -2)


def _spans(departures: Departures, taper: Array, width: int) -> Iterator[slice]:
    """Yield spans of groups of which an array (…, b, m, width) is not too large."""
    *problems, members, _ = departures.anomalies.shape
    entries = taper.shape[-2]
    each = int(np.prod(problems)) * members * max(width, members)
    size = max(1, _MOST // each)
    for start in range(0, entries, size):
        yield slice(start, start + size)
