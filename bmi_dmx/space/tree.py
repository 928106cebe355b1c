"""Places each of which drains into one other, or out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import DataError
from ..variables import At
from .checks import MOST_PLACES, Numbers, listed, name_hint, read_only, whole_numbers
from .description import Array, GridDescription
from .places import Points

__all__ = ["Downstream", "Tree"]

Downstream = Sequence[str | None] | Sequence[int] | Array
"""The place below each place, by name or position; ``""``, None or -1 is none."""

SHOWN = 10
"""Most places of a cycle that are named."""


class Tree(Points):
    """Places each of which has at most one place downstream.

    There may be several outlets. Building one takes time in proportion to the number of
    places, whatever the shape of the tree.

    Parameters
    ----------
    ids : sequence of str
        Names of the places, in any order.
    downstream : sequence of str or int
        For each the name of the place below it, ``""`` or None at an outlet; or its
        position, -1 at an outlet.
    longitude, latitude : sequence of float, optional
        As of :class:`Points`.

    Attributes
    ----------
    downstream : ndarray of int
        (place,) positions; -1 at outlets.

    Raises
    ------
    DataError
        As of :class:`Points`; when a place downstream is not among the places; when
        names and positions cannot be told apart, for both are numbers; or when places
        drain into each other in a circle, naming the places of it.
    """

    kind = "tree"
    made_of = ("ids", "downstream", "longitude", "latitude")

    def __init__(
        self,
        ids: Sequence[str] | Sequence[int] | Array,
        downstream: Downstream,
        longitude: Numbers | None = None,
        latitude: Numbers | None = None,
    ) -> None:
        super().__init__(ids, longitude, latitude)
        self.downstream = read_only(self._downstream(downstream, ids))
        self._level = _levels(self.downstream)
        if self._level.min() < 0:
            raise DataError(f"downstream: there is a cycle of {self._cycle()}")

    def _downstream(self, downstream: Downstream, ids: Iterable[Any]) -> Array:
        """Return the positions of the places downstream."""
        entries = listed("downstream", downstream)
        if len(entries) != len(self):
            raise DataError(
                f"downstream: expected {len(self)} places, found {len(entries)}"
            )
        if all(i is None or isinstance(i, str) for i in entries):
            return self._by_name(entries)
        if any(i is None or isinstance(i, str) for i in entries):
            raise DataError("downstream: expected names or positions, found both")
        if not isinstance(next(iter(ids)), str):
            raise DataError(
                "downstream: found numbers, which may be ids or positions as ids are "
                "numbers too; give ids as text"
            )
        return whole_numbers("downstream", entries, -1, len(self) - 1)

    def _by_name(self, entries: list[str | None]) -> Array:
        place = {**self._place, "": -1}
        at = [place.get(name or "", -2) for name in entries]
        array = np.array(at, dtype=np.int64)
        if (array == -2).any():
            bad = int((array == -2).argmax())
            name = str(entries[bad])
            raise DataError(
                f"downstream: {name!r}, downstream of {self.ids[bad]!r}, is not among "
                f"the ids{name_hint(name, self._place)}"
            )
        return array

    def _cycle(self) -> str:
        """Return the names of the places of one cycle."""
        # Nothing but cycles is never reached from above.
        first = at = int((self._level < 0).argmax())
        cycle: list[str] = []
        while not cycle or at != first:
            cycle.append(self.ids[at])
            at = int(self.downstream[at])
        shown = ", ".join(map(repr, cycle[:SHOWN]))
        more = len(cycle) - SHOWN
        return f"{shown} and {more} more" if more > 0 else shown

    @cached_property
    def order(self) -> Array:
        """Positions of all places, those upstream first; by level, then position."""
        return read_only(np.argsort(self._level, kind="stable"))

    @cached_property
    def levels(self) -> tuple[Array, ...]:
        """Positions of the places of every level, upstream first.

        A level is the longest distance from a place that nothing drains into, so places
        of one level do not see each other and depend on lower levels alone.
        """
        ends = np.cumsum(np.bincount(self._level))[:-1]
        return tuple(map(read_only, np.split(self.order, ends)))

    def upstream_of(self, ids: Iterable[str]) -> Array:
        """Return the positions of places and of all that drains into them, ascending.

        Parameters
        ----------
        ids : iterable of str
            Names of places.
        """
        # One more for what is below outlets, where nothing is wanted.
        inside = np.zeros(len(self) + 1, dtype=bool)
        inside[self.positions(ids)] = True
        for level in reversed(self.levels):
            inside[level] |= inside[self.downstream[level]]
        return np.flatnonzero(inside[:-1])

    def leaps(self) -> Iterator[tuple[Array, Array]]:
        """Yield the rounds of pointer jumping: which place adds its value to which.

        In the first round every place gives to the one below it, in the next to the
        second below, then to the fourth, and so on. Values added along in every round
        become the sums over all that drains into each place. The number of rounds is
        the logarithm of the number of levels.

        Yields
        ------
        source, target : ndarray of int
            Positions of the givers of one round, and of the receivers.
        """
        source = np.flatnonzero(self.downstream >= 0)
        target = self.downstream.copy()
        while source.size:
            yield source, target[source]
            beyond = target[target[source]]
            target[source] = beyond
            source = source[beyond >= 0]

    def accumulate(self, values: Array) -> Array:
        """Return for every place the sum over itself and all that drains into it.

        Parameters
        ----------
        values : ndarray
            (place, …).
        """
        total = np.array(values)
        for source, target in self.leaps():
            np.add.at(total, target, total[source])
        return total

    def received(self, values: Array) -> Array:
        """Return for every place the sum over those directly upstream.

        Parameters
        ----------
        values : ndarray
            (place, …).
        """
        total = np.zeros_like(values)
        above = np.flatnonzero(self.downstream >= 0)
        np.add.at(total, self.downstream[above], values[above])
        return total

    def subset(self, positions: Sequence[int] | Array) -> Tree:
        """Return the tree of some places; those without one downstream are outlets.

        Parameters
        ----------
        positions : sequence of int
            Of the places, in the order of the new tree.
        """
        at = whole_numbers("positions", positions, 0, len(self) - 1)
        new = np.full(len(self) + 1, -1, dtype=np.int64)
        new[at] = np.arange(at.size)
        return Tree(
            [self.ids[i] for i in at.tolist()],
            new[self.downstream[at]],
            None if self.longitude is None else self.longitude[at],
            None if self.latitude is None else self.latitude[at],
        )

    @cached_property
    def bonds(self) -> str:
        """Hash (SHA-256) of who drains into whom, by name: whatever the order."""
        below = (*self.ids, "")
        links = sorted(
            (name, below[to])
            for name, to in zip(self.ids, self.downstream.tolist(), strict=True)
        )
        return hashlib.sha256(f"tree {json.dumps(links)}".encode()).hexdigest()

    def repeated(self, copies: int) -> Tree:
        """Return copies of the tree side by side, which do not see each other.

        Parameters
        ----------
        copies : int
            How many.

        Returns
        -------
        Tree
            The places of one copy after those of another; ``x`` is called ``0/x`` in
            the first, ``1/x`` in the second.
        """
        (count,) = whole_numbers(
            "copies", [copies], 1, MOST_PLACES // len(self)
        ).tolist()
        first = len(self) * np.arange(count)[:, None]
        below = np.where(self.downstream < 0, -1, self.downstream + first)
        longitude, latitude = (
            None if x is None else np.tile(x, count)
            for x in (self.longitude, self.latitude)
        )
        ids = [f"{k}/{name}" for k in range(count) for name in self.ids]
        return Tree(ids, below.reshape(-1), longitude, latitude)

    @cached_property
    def strahler(self) -> Array:
        """Order of every place: 1 at the top, one more where two of the highest meet.

        Strahler (1957), doi:10.1029/TR038i006p00913.
        """
        order = [1] * len(self)
        # How many of the highest order drain into each place, and that order.
        most, highest = [0] * len(self), [0] * len(self)
        below = self.downstream.tolist()
        for at in self.order.tolist():
            if most[at]:
                order[at] = highest[at] + (most[at] > 1)
            if (to := below[at]) >= 0:
                if order[at] > highest[to]:
                    highest[to], most[to] = order[at], 1
                elif order[at] == highest[to]:
                    most[to] += 1
        return read_only(np.array(order, dtype=np.int64))

    def subtrees(self, size: int) -> tuple[Array, ...]:
        """Return connected parts of bounded size, as few as there can be.

        Where too much drains into a place, its largest tributaries are cut off first,
        which gives the fewest parts (Kundu and Misra 1977, doi:10.1137/0206012).

        Parameters
        ----------
        size : int
            Most places of a part.

        Returns
        -------
        tuple of ndarray
            Positions of the places of every part, upstream first; a part comes after
            all that drain into it.
        """
        whole_numbers("size", [size], 1, MOST_PLACES)
        below, order = self.downstream.tolist(), self.order.tolist()
        weight = [1] * len(self)
        above: list[list[int]] = [[] for _ in below]
        cut = self.downstream < 0
        for at in order:
            weight[at] += sum(weight[k] for k in above[at])
            if weight[at] > size:
                for k in sorted(above[at], key=weight.__getitem__, reverse=True):
                    weight[at] -= weight[k]
                    cut[k] = True
                    if weight[at] <= size:
                        break
            if below[at] >= 0:
                above[below[at]].append(at)
        part = np.where(cut, np.cumsum(cut[self.order])[np.argsort(self.order)] - 1, -1)
        numbers = part.tolist()
        for at in reversed(order):
            if numbers[at] < 0:
                numbers[at] = numbers[below[at]]
        numbered = np.array(numbers)[self.order]
        ends = np.cumsum(np.bincount(numbered))[:-1]
        grouped = self.order[np.argsort(numbered, kind="stable")]
        return tuple(map(read_only, np.split(grouped, ends)))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, with the places downstream by name."""
        below = (*self.ids, "")
        downstream = [below[i] for i in self.downstream.tolist()]
        return {**super().to_dict(), "downstream": downstream}

    def grid(self, at: At = "cell", axes: tuple[str, ...] = ()) -> GridDescription:
        """Return places as nodes, and the ways downstream as edges; one is a scalar."""
        points = super().grid(at, axes)
        if points.type == "scalar":
            return points
        above = np.flatnonzero(self.downstream >= 0)
        none = np.zeros(0, dtype=np.int64)
        return GridDescription(
            type="unstructured", rank=points.rank, size=points.size,
            x=points.x, y=points.y,
            node_count=points.size, edge_count=above.size, face_count=0,
            edge_nodes=np.stack([above, self.downstream[above]], axis=1).reshape(-1),
            face_edges=none, face_nodes=none, nodes_per_face=none,
        )  # fmt: skip


def _levels(downstream: Array) -> Array:
    """Return the longest distance of every place from one at the top; -1 on cycles.

    One pass over plain lists costs the same for a chain, a star and a bush; arrays of
    whole levels would be faster in a bush and hopeless in a chain.
    """
    size = len(downstream)
    below = downstream.tolist()
    waiting = np.bincount(downstream[downstream >= 0], minlength=size).tolist()
    level = [-1 if above else 0 for above in waiting]
    ready = [at for at, above in enumerate(waiting) if not above]
    for at in ready:
        if (to := below[at]) >= 0:
            waiting[to] -= 1
            if not waiting[to]:
                # The last to arrive is the farthest, for distances never decrease.
                level[to] = level[at] + 1
                ready.append(to)
    return np.array(level, dtype=np.int64)
