"""In waves, every place of a tree runs a block when those upstream have run it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.kernels.waves import block_steps, waves
from tests.scan.tree_cases import downstreams


@given(downstreams())
def test_places_upstream_are_one_level_higher(downstream: list[int]) -> None:
    order = waves(np.array(downstream))
    level = dict(zip(order.place.tolist(), order.level.tolist(), strict=True))
    assert sorted(level) == list(range(len(downstream)))
    for place, down in enumerate(downstream):
        if down >= 0:
            assert level[down] == level[place] + 1
    assert order.levels == max(level.values()) + 1


@given(downstreams())
def test_edges_lead_from_those_upstream_in_the_order_of_places(
    downstream: list[int],
) -> None:
    order = waves(np.array(downstream))
    for slot, place in enumerate(order.place.tolist()):
        edges = slice(order.edge[slot], order.edge[slot + 1])
        givers = order.place[order.giver[edges]].tolist()
        assert givers == [k for k, down in enumerate(downstream) if down == place]
        below = order.below[slot]
        assert downstream[place] == (-1 if below < 0 else order.place[below])
    assert (np.diff(order.level) >= 0).all()


@given(st.integers(1, 10**6), st.integers(1, 10**5))
def test_blocks_are_not_longer_than_the_run(steps: int, levels: int) -> None:
    assert 1 <= block_steps(steps, levels) <= min(steps, 32)


def test_narrow_trees_have_longer_blocks() -> None:
    assert block_steps(2160, 1) > block_steps(2160, 100) > block_steps(2160, 1143)
