"""In which order a GPU works on the places of a tree: in waves.

Places of a level run a block of steps when those upstream have run it: a place of level
l runs block b in wave l + b, so that blocks + levels - 1 waves run all, and all levels
work at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .schedule import distances

__all__ = ["Waves", "block_steps", "waves"]

Array = np.ndarray[Any, np.dtype[np.int64]]

_LAUNCH = 3
"""What the launch of a wave costs, in steps of a place."""

_SHORTEST, _LONGEST = 4, 32
"""Steps of a block: fewer keep too many states, more let too many places wait."""


@dataclass(frozen=True, eq=False)
class Waves:
    """The places of a tree in slots, by level.

    Parameters
    ----------
    place, level : ndarray of int
        (slot,).
    edge : ndarray of int
        (slot + 1,) first of the edges into every slot.
    giver : ndarray of int
        (edge,) slots that give, in the order of their places.
    below : ndarray of int
        (slot,) the slot below, -1 at outlets.
    levels : int
        Number of levels.
    """

    place: Array
    level: Array
    edge: Array
    giver: Array
    below: Array
    levels: int


def waves(downstream: Array) -> Waves:
    """Return the slots of a tree.

    Parameters
    ----------
    downstream : ndarray of int
        (place,) position of the place below each place, -1 at outlets; without cycles.
    """
    return _waves(np.ascontiguousarray(downstream, np.int64).tobytes())


@lru_cache(maxsize=32)
def _waves(downstream: bytes) -> Waves:
    down = np.frombuffer(downstream, np.int64)
    distance = distances(down)
    # As late as the places below allow: those side by side in a level are neighbours.
    level = int(distance.max()) - distance
    place = np.argsort(level, kind="stable")
    slot = np.empty(len(down), np.int64)
    slot[place] = np.arange(len(down))
    flowing = np.flatnonzero(down >= 0)
    receiver = slot[down[flowing]]
    order = np.lexsort((flowing, receiver))
    below = np.where(down >= 0, slot[down], -1)[place]
    edge = np.searchsorted(receiver[order], np.arange(len(down) + 1))
    return Waves(
        place, level[place], edge.astype(np.int64), slot[flowing[order]], below,
        int(level.max()) + 1,
    )  # fmt: skip


def block_steps(steps: int, levels: int) -> int:
    """Return how many steps a place runs in a wave.

    What the longest way takes is (steps / n + levels) waves of n steps and a launch;
    that is least at the root of the launch's share.
    """
    best = math.isqrt(_LAUNCH * steps // levels)
    return min(max(best, _SHORTEST), _LONGEST, steps)
