"""In which order the places of a tree are worked on, many at a time.

Cells, one per member and place, are put into chunks of a few cells such that all that
drains into a cell stands in chunks before its own. Who is farthest from the outlet
comes first, which makes the fewest chunks there can be of a tree (Hu 1961,
doi:10.1287/opre.9.6.841).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from .layout import LANES

__all__ = ["Schedule", "Unit", "distances", "schedule"]

Array = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Unit:
    """Chunks and places that one thread works on from start to end.

    Parameters
    ----------
    first_chunk, last_chunk, first_place, last_place : int
        Spans, the last not included; of places in :attr:`Schedule.places`.
    """

    first_chunk: int
    last_chunk: int
    first_place: int
    last_place: int


@dataclass(frozen=True, eq=False)
class Schedule:
    """The cells of a tree in slots, a slot being a lane of a chunk.

    Parameters
    ----------
    place, member : ndarray of int
        (slot,); slots that are left over repeat the one before.
    count : ndarray of int
        (chunk,) cells of every chunk.
    edge : ndarray of int
        (chunk + 1,) first of the edges into every chunk.
    lane, giver : ndarray of int
        (edge,) the lane that receives, and the slot that gives.
    slot : ndarray of int
        (cell,) of every cell, place-major.
    places : ndarray of int
        (place,) in the order of the units.
    stages : tuple of tuple of Unit
        Units that do not depend on each other, those upstream first.
    lanes : int
        Slots of a chunk.
    """

    place: Array
    member: Array
    count: Array
    edge: Array
    lane: Array
    giver: Array
    slot: Array
    places: Array
    stages: tuple[tuple[Unit, ...], ...]
    lanes: int

    @property
    def slots(self) -> int:
        """Number of slots."""
        return self.chunks * self.lanes

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return len(self.count)

    @cached_property
    def whole(self) -> Unit:
        """All of it, as one unit."""
        return Unit(0, self.chunks, 0, len(self.places))


def schedule(
    downstream: Array, members: int = 1, units: int = 1, lanes: int = LANES
) -> Schedule:
    """Return the order in which the cells of a tree are worked on.

    Parameters
    ----------
    downstream : ndarray of int
        (place,) position of the place below each place, -1 at outlets; without cycles.
    members : int
        Cells of a place, none of which sees the others.
    units : int
        About how many parts there are to be for threads to share.
    lanes : int
        Cells of a chunk.
    """
    below = np.ascontiguousarray(downstream, np.int64)
    return _schedule(below.tobytes(), members, units, lanes)


@lru_cache(maxsize=32)
def _schedule(downstream: bytes, members: int, units: int, lanes: int) -> Schedule:
    below = np.frombuffer(downstream, np.int64)
    distance = distances(below)
    stages = _stages(below, distance, units)
    chunks: list[list[int]] = []
    spans: list[tuple[Unit, ...]] = []
    begin = 0
    for stage in stages:
        stage_units = []
        for places in stage:
            first = len(chunks)
            chunks.extend(_chunks(below, distance, places, members, lanes))
            stage_units.append(Unit(first, len(chunks), begin, begin + len(places)))
            begin += len(places)
        spans.append(tuple(stage_units))
    ordered = np.concatenate([places for stage in stages for places in stage])
    return _in_slots(below, members, lanes, chunks, ordered, tuple(spans))


def _in_slots(
    below: Array,
    members: int,
    lanes: int,
    chunks: Sequence[Sequence[int]],
    places: Array,
    stages: tuple[tuple[Unit, ...], ...],
) -> Schedule:
    """Return the schedule of chunks of cells."""
    count = np.array([len(chunk) for chunk in chunks], np.int64)
    cells = np.array([cell for chunk in chunks for cell in chunk], np.int64)
    # Left-over lanes repeat the last cell of their chunk.
    start, across = np.cumsum(count) - count, np.arange(lanes)
    lane = np.minimum(across, count[:, None] - 1)
    filled = cells[start[:, None] + lane].reshape(-1)
    slot = np.empty(len(cells), np.int64)
    at = across + lanes * np.arange(len(count))[:, None]
    slot[cells] = at[across < count[:, None]]
    # Edges by the slot that receives; among them by the number of the giver, so that
    # sums do not depend on the schedule.
    of, member = np.divmod(np.arange(len(cells)), members)
    flowing = np.flatnonzero(below[of] >= 0)
    receiver = slot[below[of[flowing]] * members + member[flowing]]
    order = np.lexsort((flowing, receiver))
    receiver = receiver[order]
    edge = np.searchsorted(receiver, lanes * np.arange(len(count) + 1))
    place, member = np.divmod(filled, members)
    return Schedule(
        place=place.astype(np.int32), member=member.astype(np.int32), count=count,
        edge=edge.astype(np.int64),
        lane=receiver % lanes, giver=slot[flowing[order]], slot=slot, places=places,
        stages=stages, lanes=lanes,
    )  # fmt: skip


def distances(below: Array) -> Array:
    """Return how many places there are on the way from each to its outlet."""
    down = below.tolist()
    distance = [-1] * len(down)
    for start in range(len(down)):
        path = []
        at = start
        while at >= 0 and distance[at] < 0:
            path.append(at)
            at = down[at]
        far = distance[at] if at >= 0 else -1
        for place in reversed(path):
            far += 1
            distance[place] = far
    return np.array(distance, np.int64)


def _chunks(
    below: Array, distance: Array, places: Array, members: int, lanes: int
) -> Iterator[list[int]]:
    """Yield chunks of cells of some places, those upstream first.

    Places of other units upstream are done by then.
    """
    inside = set(places.tolist())
    down = below.tolist()
    waiting = dict.fromkeys(inside, 0)
    for place in inside:
        if (to := down[place]) in inside:
            waiting[to] += 1
    far = distance.tolist()
    ready = [(-far[p], p) for p in places.tolist() if not waiting[p]]
    heapify(ready)
    # Of a place with members some may be left for the next chunk.
    place, rest = -1, 0
    while ready or rest:
        chunk: list[int] = []
        complete = []
        while len(chunk) < lanes and (ready or rest):
            if not rest:
                place, rest = heappop(ready)[1], members
            count = min(rest, lanes - len(chunk))
            first = place * members + members - rest
            chunk.extend(range(first, first + count))
            rest -= count
            if not rest:
                complete.append(place)
        for other in complete:
            to = down[other]
            if to in inside:
                waiting[to] -= 1
                if not waiting[to]:
                    heappush(ready, (-far[to], to))
        yield chunk


def _stages(below: Array, distance: Array, units: int) -> list[list[Array]]:
    """Return the places of units, by stages that depend on earlier ones alone.

    A unit is what drains through one place and is no part of another unit, where it
    is a share of the tree worth a call; whole small trees are put together.
    """
    n = len(below)
    if units < 2:
        return [[np.arange(n)]]
    least = -(-n // units)
    size = [1] * n
    stage = [0] * n
    root = np.full(n, -1, np.int64)
    down = below.tolist()
    # From the farthest on: all that drains into a place is known when it comes.
    order = np.argsort(-distance, kind="stable").tolist()
    for place in order:
        to = down[place]
        if size[place] >= least or to < 0:
            root[place] = place
            if to >= 0:
                stage[to] = max(stage[to], stage[place] + 1)
        else:
            size[to] += size[place]
            stage[to] = max(stage[to], stage[place])
    for place in reversed(order):
        if root[place] < 0:
            root[place] = root[down[place]]
    groups: dict[int, list[Array]] = {}
    by_root = np.argsort(root, kind="stable")
    ends = np.flatnonzero(np.diff(root[by_root])) + 1
    for group in np.split(by_root, ends):
        groups.setdefault(stage[int(root[group[0]])], []).append(group)
    return [list(_merged(groups[k], least)) for k in sorted(groups)]


def _merged(groups: Sequence[Array], least: int) -> Iterator[Array]:
    """Put groups together until they are worth a call."""
    waiting: list[Array] = []
    for group in groups:
        waiting.append(group)
        if sum(map(len, waiting)) >= least:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)
