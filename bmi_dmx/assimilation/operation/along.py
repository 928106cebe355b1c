"""Ways along the tree of a running model, and numbers that are alike along them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DataError
from ...operate.runner import Runner
from ...space import Tree

__all__ = ["alike", "ways_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]


def ways_of(runner: Runner, tree: Tree) -> Array:
    """Return how far it is from each place to the one below it; 0 at outlets.

    That is the length of the place below, through which the way leads to its end; 1
    where places have no length.

    Parameters
    ----------
    runner : Runner
        The model, whose attributes are set.
    tree : Tree
        Its places.

    Raises
    ------
    DataError
        When a length is not known, or below 0.
    """
    below = tree.downstream
    name = runner.operation.system.length
    length = runner.parameters.attribute.get(name)
    if length is None:
        return np.where(below >= 0, 1.0, 0.0)
    bad = ~(length >= 0.0)
    if bad.any():
        at = int(bad.argmax())
        raise DataError(
            f"assimilation: attribute {name!r} at {runner.ids[at]!r} is {length[at]:g};"
            " ways along the tree are made of it"
        )
    return np.where(below >= 0, length[below], 0.0)


def alike(drawn: Array, tree: Tree, ways: Array, length: float) -> Array:
    """Return numbers that are correlated along a tree, from independent ones.

    The correlation of two places is exp(-d / length), d being the way from one to the
    other, down to where they meet and up again: going up from the outlets, each place
    keeps its share of what the one below has.

    Parameters
    ----------
    drawn : ndarray
        (…, place) independent, of variance 1, which is kept.
    tree : Tree
        The places.
    ways : ndarray
        (place,) distance from each to the one below.
    length : float
        Distance at which 1/e is shared.
    """
    found = drawn.copy()
    share = np.exp(-ways / length)
    own = np.sqrt(1.0 - share**2)
    for level in reversed(tree.levels):
        at = level[tree.downstream[level] >= 0]
        below = found[..., tree.downstream[at]]
        found[..., at] = share[at] * below + own[at] * drawn[..., at]
    return found
