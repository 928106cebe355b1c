"""How much an observation counts at some distance, on a ring and along a tree."""

from __future__ import annotations

import numpy as np

from ..errors import DataError
from ..space import Tree
from ..space.description import Array

__all__ = [
    "gaspari_cohn",
    "on_ring",
    "on_tree",
    "taper",
    "ways_down",
]

_SCALE = 1.82
"""Of a radius, √(10/3): at short distances the taper is the bell of that width."""

LEAST = 1e-3
"""Weights that are not larger are none."""


def gaspari_cohn(z: Array) -> Array:
    """Return the compactly supported correlation of fifth order.

    Gaspari and Cohn (1999), doi:10.1002/qj.49712555417, equation 4.10: 1 at z = 0, and
    0 from z = 2 on.

    Parameters
    ----------
    z : ndarray
        Distances, not negative, in half-widths of the support.
    """
    z = np.asarray(z, dtype=np.float64)
    near = np.minimum(z, 1.0)
    inner = 1.0 + near**2 * (-5 / 3 + near * (5 / 8 + near * (1 / 2 - near / 4)))
    far = np.clip(z, 1.0, 2.0)
    outer = 4.0 + far * (
        -5.0 + far * (5 / 3 + far * (5 / 8 + far * (-1 / 2 + far / 12)))
    )
    outer -= 2.0 / (3.0 * far)
    return np.where(z <= 1.0, inner, np.where(z < 2.0, outer, 0.0))


def taper(distance: Array, radius: float | Array) -> Array:
    """Return weights of observations: 1 where they stand, and less farther away.

    The correlation of :func:`gaspari_cohn` with half of its support at 1.82 radii: it
    falls at first as exp(−d²/2r²) does, is 0.63 at the radius and 0 from 3.64 radii on.

    Parameters
    ----------
    distance : ndarray
        (n, p) between entries of the state and observations; infinite is never near.
    radius : float or ndarray
        In the same unit; weights up to :data:`LEAST` are 0.

    Raises
    ------
    DataError
        When a distance or radius is not usable.
    """
    if not (np.asarray(radius) > 0.0).all():
        raise DataError(f"radius: expected a positive number, found {radius}")
    if not (np.asarray(distance) >= 0.0).all():
        raise DataError("distance: expected none below 0 and no NaN")
    weight = gaspari_cohn(np.asarray(distance) / (_SCALE * np.asarray(radius)))
    return np.where(weight > LEAST, weight, 0.0)


def on_ring(points: Array, observed: Array, size: float) -> Array:
    """Return distances on a ring, the shorter way around.

    Parameters
    ----------
    points, observed : ndarray
        (n,) and (p,) places, such as indices.
    size : float
        Length of the ring, such as its number of places.
    """
    apart = np.abs(np.asarray(points)[:, None] - np.asarray(observed)) % size
    return np.asarray(np.minimum(apart, size - apart))


def ways_down(tree: Tree, length: Array) -> Array:
    """Return how far it is from each place to the one below it; 0 at outlets.

    That is the length of the place below, through which the way leads to its end.

    Parameters
    ----------
    tree : Tree
        The places.
    length : ndarray
        (place,) of each.
    """
    below = tree.downstream
    return np.where(below >= 0, length[below], 0.0)


def on_tree(
    tree: Tree,
    points: Array,
    observed: Array,
    ways: Array | None = None,
    *,
    flowing: bool = False,
) -> Array:
    """Return distances along a tree: down to where two places meet, and up again.

    Parameters
    ----------
    tree : Tree
        The places.
    points, observed : ndarray of int
        (n,) and (p,) positions of places.
    ways : ndarray, optional
        (place,) distance from each place to the one downstream; of none at outlets.
        Without it every way is 1.
    flowing : bool
        Whether places are near only where one drains into the other.

    Returns
    -------
    ndarray
        (n, p); infinite between places that do not meet.
    """
    ways = np.ones(len(tree)) if ways is None else np.asarray(ways, dtype=np.float64)
    if ways.shape != (len(tree),):
        raise DataError(f"ways: expected shape ({len(tree)},), found {ways.shape}")
    points, observed = np.asarray(points), np.asarray(observed)
    number = np.arange(len(observed))
    depth = np.zeros(len(tree))
    # Where the way down from a place first meets that from an observation.
    meeting = np.full((len(tree), len(observed)), -1, dtype=np.int64)
    at = observed.copy()
    while (going := at >= 0).any():
        meeting[at[going], number[going]] = at[going]
        at = np.where(going, tree.downstream[at], -1)
    for level in reversed(tree.levels):
        level = level[tree.downstream[level] >= 0]
        below = tree.downstream[level]
        depth[level] = ways[level] + depth[below]
        current = meeting[level]
        meeting[level] = np.where(current >= 0, current, meeting[below])
    met = meeting[points]
    apart = depth[points][:, None] + depth[observed] - 2.0 * depth[met]
    joined = met >= 0
    if flowing:
        joined &= (met == points[:, None]) | (met == observed)
    return np.where(joined, apart, np.inf)
