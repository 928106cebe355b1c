"""In what order the places of trees are worked on."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.kernels.schedule import Schedule, schedule
from tests.scan.tree_cases import downstreams

LANES = st.sampled_from([1, 2, 4, 16])
MEMBERS = st.integers(1, 5)
UNITS = st.sampled_from([1, 2, 5, 16])


def chunk_of(order: Schedule) -> np.ndarray:
    """Return the chunk of every cell, (place, member)."""
    members = int(order.member.max()) + 1
    return (order.slot // order.lanes).reshape(-1, members)


@given(downstream=downstreams(60), members=MEMBERS, units=UNITS, lanes=LANES)
def test_everyone_comes_after_those_upstream(
    downstream: list[int], members: int, units: int, lanes: int
) -> None:
    below = np.array(downstream)
    order = schedule(below, members, units, lanes)
    chunk, flowing = chunk_of(order), below >= 0
    assert (chunk[flowing] < chunk[below[flowing]]).all()


@given(downstream=downstreams(60), members=MEMBERS, units=UNITS, lanes=LANES)
def test_every_cell_has_a_slot_and_spare_ones_repeat_the_last(
    downstream: list[int], members: int, units: int, lanes: int
) -> None:
    order = schedule(np.array(downstream), members, units, lanes)
    n = len(downstream) * members
    assert len(set(order.slot.tolist())) == n
    cell = order.place.astype(int) * members + order.member
    assert cell[order.slot].tolist() == list(range(n))
    assert len(cell) == order.slots == order.chunks * lanes
    assert order.count.sum() == n
    for k, count in enumerate(order.count.tolist()):
        assert 1 <= count <= lanes
        row = cell[k * lanes : (k + 1) * lanes]
        assert (row[count:] == row[count - 1]).all()


@given(downstream=downstreams(60), members=MEMBERS, units=UNITS, lanes=LANES)
def test_edges_lead_from_every_cell_to_the_one_below(
    downstream: list[int], members: int, units: int, lanes: int
) -> None:
    below = np.array(downstream)
    order = schedule(below, members, units, lanes)
    cell = order.place.astype(int) * members + order.member
    pairs = []
    for k in range(order.chunks):
        edges = slice(int(order.edge[k]), int(order.edge[k + 1]))
        to = cell[k * lanes + order.lane[edges]]
        givers = cell[order.giver[edges]]
        assert (order.lane[edges] < order.count[k]).all()
        pairs += list(zip(givers.tolist(), to.tolist(), strict=True))
        # What a cell sums up comes in the order of the places, in any schedule.
        for one in set(to.tolist()):
            assert (np.diff(givers[to == one]) > 0).all()
    expected = [
        (place * members + m, to * members + m)
        for place, to in enumerate(downstream) if to >= 0
        for m in range(members)
    ]  # fmt: skip
    assert sorted(pairs) == sorted(expected)


@given(downstream=downstreams(60), members=MEMBERS, units=UNITS, lanes=LANES)
def test_units_are_apart_from_others_of_their_stage(
    downstream: list[int], members: int, units: int, lanes: int
) -> None:
    below = np.array(downstream)
    order = schedule(below, members, units, lanes)
    parts = [unit for stage in order.stages for unit in stage]
    chunks = [k for u in parts for k in range(u.first_chunk, u.last_chunk)]
    places = [k for u in parts for k in range(u.first_place, u.last_place)]
    assert chunks == list(range(order.chunks))
    assert places == list(range(len(below)))
    assert sorted(order.places.tolist()) == places
    stage_of, unit_of = np.zeros(len(below), int), np.zeros(len(below), int)
    for k, stage in enumerate(order.stages):
        for unit in stage:
            inside = order.places[unit.first_place : unit.last_place]
            stage_of[inside], unit_of[inside] = k, unit.first_chunk
            chunk = chunk_of(order)[inside]
            assert chunk.min() >= unit.first_chunk
            assert chunk.max() < unit.last_chunk
    flowing = np.flatnonzero(below >= 0)
    other = flowing[unit_of[flowing] != unit_of[below[flowing]]]
    assert (stage_of[other] < stage_of[below[other]]).all()


def hu(downstream: list[int], lanes: int) -> int:
    """Return the fewest chunks there can be; Hu 1961, doi:10.1287/opre.9.6.841.

    Those farther than k places from their outlet have to be done k chunks before the
    end.
    """
    far = []
    for place in range(len(downstream)):
        k, at = 0, place
        while downstream[at] >= 0:
            k, at = k + 1, downstream[at]
        far.append(k)
    return max(
        k + -(-sum(x >= k for x in far) // lanes) for k in range(max(far) + 1)
    )  # fmt: skip


@given(downstream=downstreams(60), lanes=LANES)
def test_there_are_as_few_chunks_as_there_can_be(
    downstream: list[int], lanes: int
) -> None:
    order = schedule(np.array(downstream), 1, 1, lanes)
    assert order.chunks == hu(downstream, lanes)


def fewest(downstream: list[int], lanes: int) -> int:
    """Return the fewest chunks of all orders there are."""
    above: list[set[int]] = [set() for _ in downstream]
    for place, to in enumerate(downstream):
        if to >= 0:
            above[to].add(place)

    @cache
    def rest(finished: frozenset[int]) -> int:
        ready = [
            p
            for p in range(len(downstream))
            if p not in finished and above[p] <= finished
        ]
        if not ready:
            return 0
        # One that is left out can never be better than one that is taken.
        count = min(lanes, len(ready))
        return 1 + min(rest(finished | set(c)) for c in combinations(ready, count))

    return rest(frozenset())


@given(downstream=downstreams(8), lanes=st.sampled_from([2, 4]))
def test_no_order_has_fewer_chunks(downstream: list[int], lanes: int) -> None:
    order = schedule(np.array(downstream), 1, 1, lanes)
    assert order.chunks == fewest(downstream, lanes)


@pytest.mark.parametrize("units", [1, 16])
def test_a_long_chain_is_no_matter(units: int) -> None:
    order = schedule(np.arange(-1, 9_999), 1, units)
    assert order.chunks == 10_000


def test_a_star_fills_its_lanes() -> None:
    order = schedule(np.array([-1] + [0] * 1000))
    assert order.chunks == -(-1000 // 16) + 1
