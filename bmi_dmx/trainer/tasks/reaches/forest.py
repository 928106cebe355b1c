"""Windows side by side: copies of the tree above some gauges, run as one forest."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....space import Tree
from .data import RiverData

__all__ = ["Forest", "Forests"]


class Forest:
    """Copies of the reaches above some gauges.

    Parameters
    ----------
    data : RiverData
        The whole river.
    gauges : (G,) array of int
        Positions of the gauges.
    copies : int
        How many windows run side by side.

    Attributes
    ----------
    reaches : (N,) array of int
        Positions of the reaches of a copy in the river.
    tree : Tree
        Of all copies, one after the other.
    outlets : (copies * G,) Tensor of int
        Positions in the tree of the gauges' reaches, copy by copy.
    """

    def __init__(self, data: RiverData, gauges: NDArray[np.intp], copies: int) -> None:
        whole = data.river.tree
        at = [data.gauges.reaches[g] for g in gauges.tolist()]
        self.reaches = whole.upstream_of(at)
        one = whole.subset(self.reaches)
        self.copies = copies
        self.tree = _repeated(one, copies)
        first = np.arange(copies)[:, None] * len(one)
        self.outlets = torch.from_numpy((first + one.positions(at)).reshape(-1))

    @cached_property
    def _levels(self) -> list[tuple[Tensor, Tensor]]:
        """Reaches of every level that drain into others, and these."""
        below = torch.tensor(self.tree.downstream)
        found = []
        for level in self.tree.levels:
            places = torch.tensor(level)
            places = places[below[places] >= 0]
            found.append((places, below[places]))
        return found

    def accumulated(self, lateral: Tensor) -> Tensor:
        """Return the sum of what enters a reach and all above it.

        Parameters
        ----------
        lateral : Tensor
            (..., reach of the tree).
        """
        total = lateral
        for places, below in self._levels:
            if len(places):
                total = total.index_add(-1, below, total[..., places])
        return total

    def from_upstream(self, values: Tensor) -> Tensor:
        """Return the sums of values of the reaches next upstream, (reach,)."""
        below = torch.tensor(self.tree.downstream)
        places = (below >= 0).nonzero().squeeze(-1)
        return torch.zeros_like(values).index_add(0, below[places], values[places])

    def name(self, position: int) -> str:
        """Return the reach at a position of the tree, as the river calls it."""
        return str(self.tree.ids[position].partition(SEPARATOR)[0])


SEPARATOR = "\N{MULTIPLICATION SIGN}"
"""Between the name of a reach and the number of its copy."""


def _repeated(tree: Tree, copies: int) -> Tree:
    if copies == 1:
        return Tree(tree.ids, tree.downstream)
    below = [
        np.where(tree.downstream < 0, -1, tree.downstream + k * len(tree))
        for k in range(copies)
    ]
    ids = [f"{name}{SEPARATOR}{k}" for k in range(copies) for name in tree.ids]
    return Tree(ids, np.concatenate(below))


class Forests:
    """The forests of a training, each made once.

    Parameters
    ----------
    data : RiverData
        The river.
    """

    MOST = 64
    """Forests that are kept."""

    def __init__(self, data: RiverData) -> None:
        self._data = data
        self._made: dict[tuple[int, ...], Forest] = {}

    def of(self, gauges: NDArray[np.intp], copies: int) -> Forest:
        """Return the forest of some gauges and a number of windows."""
        key = (copies, *gauges.tolist())
        if key not in self._made:
            if len(self._made) >= self.MOST:
                self._made.pop(next(iter(self._made)))
            self._made[key] = Forest(self._data, gauges, copies)
        return self._made[key]
