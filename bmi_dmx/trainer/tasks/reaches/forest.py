"""Windows side by side: copies of the tree above some gauges, run as one forest."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

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
        self.tree = one.repeated(copies)
        self._ids, self._one, self._gauged = one.ids, one, at
        first = np.arange(copies)[:, None] * len(one)
        self.outlets = torch.from_numpy((first + one.positions(at)).reshape(-1))

    @cached_property
    def above(self) -> torch.Tensor:
        """(gauge, reach of a copy) 1 where the water of a reach passes a gauge."""
        above = torch.zeros(len(self.outlets) // self.copies, len(self.reaches))
        for k, reach in enumerate(self._gauged):
            above[k, self._one.upstream_of([reach])] = 1.0
        return above

    def name(self, position: int) -> str:
        """Return the reach at a position of the tree, as the river calls it."""
        return self._ids[position % len(self._ids)]


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
