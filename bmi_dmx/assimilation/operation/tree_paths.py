"""Ways along the tree of a running model, and numbers that are alike along them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DataError
from ...operate.runner import Runner
from ...space import Tree
from ..localisation import ways_down

__all__ = ["TreeCorrelation", "Ways", "ways_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.intp]]


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
    return ways_down(tree, length)


class Ways:
    """Ways along the tree of a running model, whose lengths may be set while it runs.

    Parameters
    ----------
    runner : Runner
        The model.
    tree : Tree
        Its places.
    """

    def __init__(self, runner: Runner, tree: Tree) -> None:
        self._runner, self.tree = runner, tree
        self._last: Array | None = None

    def now(self) -> Array:
        """Return them; the same array as before unless one has changed."""
        lengths = ways_of(self._runner, self.tree)
        if self._last is None or not np.array_equal(self._last, lengths):
            self._last = lengths
        return self._last


class TreeCorrelation:
    """Makes numbers that are alike along a tree of independent ones.

    The correlation of two places is exp(-d / length), d being the way from one to the
    other, down to where they meet and up again: going up from the outlets, each place
    keeps its share of what the one below has. It is computed for all places at once, by
    twice as many places down in every round.

    Parameters
    ----------
    tree : Tree
        The places.
    ways : ndarray
        (place,) distance from each to the one below.
    length : float
        Distance at which 1/e is shared.
    """

    def __init__(self, tree: Tree, ways: Array, length: float) -> None:
        below = tree.downstream.copy()
        share = np.where(below >= 0, np.exp(-ways / length), 0.0)
        self._own = np.sqrt(1.0 - share**2)
        self._rounds: list[tuple[Indices, Indices, Array]] = []
        at = np.flatnonzero(below >= 0)
        while at.size:
            to = below[at]
            self._rounds.append((at, to, share[at]))
            share[at] = share[at] * share[to]
            below[at] = below[to]
            at = at[below[at] >= 0]

    def of(self, drawn: Array) -> Array:
        """Return correlated numbers from independent ones, both of variance 1.

        Parameters
        ----------
        drawn : ndarray
            (…, place).
        """
        noise = self._own * drawn
        for at, to, share in self._rounds:
            noise[..., at] = noise[..., at] + share * noise[..., to]
        return noise
