"""Trees: levels, what is upstream, and what is not a tree."""

from __future__ import annotations

import re
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.errors import DataError, VariableError
from bmi_dmx.space import Points, Tree
from bmi_dmx.variables import State


@st.composite
def trees(draw: st.DrawFn, largest: int = 30) -> Tree:
    """Draw a forest whose places stand in any order."""
    size = draw(st.integers(1, largest))
    below = [draw(st.integers(at + 1, size)) for at in range(size)]
    order = draw(st.permutations(range(size)))
    names = [f"p{at}" for at in order]
    return Tree(names, ["" if below[a] == size else f"p{below[a]}" for a in order])


def distance(tree: Tree, at: int) -> int:
    """Return the longest way to a place, by trying all of them."""
    above = np.flatnonzero(tree.downstream == at)
    return max((distance(tree, int(i)) + 1 for i in above), default=0)


def drains_through(tree: Tree, at: int, through: set[int]) -> bool:
    """Return whether the way from a place to its outlet passes others."""
    while at >= 0:
        if at in through:
            return True
        at = int(tree.downstream[at])
    return False


def by_name(tree: Tree) -> dict[str, int]:
    """Return the level of every place."""
    return {tree.ids[i]: n for n, level in enumerate(tree.levels) for i in level}


@given(trees())
def test_levels_are_the_longest_distances_from_the_top(tree: Tree) -> None:
    expected = {name: distance(tree, at) for at, name in enumerate(tree.ids)}
    assert by_name(tree) == expected
    for level in tree.levels:
        assert level.size
        np.testing.assert_array_equal(level, np.sort(level))


@given(trees())
def test_the_order_has_every_place_once_and_upstream_first(tree: Tree) -> None:
    assert sorted(tree.order) == list(range(len(tree)))
    np.testing.assert_array_equal(tree.order, np.concatenate(tree.levels))
    rank = np.argsort(tree.order)
    inner = tree.downstream >= 0
    assert (rank[inner] < rank[tree.downstream[inner]]).all()


@given(trees(), st.randoms())
def test_the_order_in_which_places_are_given_changes_no_level(
    tree: Tree, random: Any
) -> None:
    below = dict(zip(tree.ids, tree.to_dict()["downstream"], strict=True))
    ids = random.sample(tree.ids, len(tree))
    assert by_name(Tree(ids, [below[name] for name in ids])) == by_name(tree)


@given(trees(), st.data())
def test_upstream_is_whatever_drains_through_a_place(tree: Tree, data: Any) -> None:
    names = data.draw(st.lists(st.sampled_from(tree.ids), max_size=3))
    at = set(tree.positions(names).tolist())
    expected = [i for i in range(len(tree)) if drains_through(tree, i, at)]
    assert tree.upstream_of(names).tolist() == expected


@given(trees(), st.data())
def test_a_part_of_a_tree_drains_as_the_whole(tree: Tree, data: Any) -> None:
    indices = data.draw(
        st.lists(st.sampled_from(range(len(tree))), min_size=1, unique=True)
    )
    part = tree.subset(indices)
    assert part.ids == tuple(tree.ids[i] for i in indices)
    below = dict(zip(tree.ids, tree.to_dict()["downstream"], strict=True))
    for name, to in zip(part.ids, part.to_dict()["downstream"], strict=True):
        assert to == (below[name] if below[name] in part.ids else "")


def test_a_part_keeps_its_coordinates() -> None:
    tree = Tree(["a", "b", "c"], ["b", "c", ""], [1, 2, 3], [4, 5, 6])
    assert tree.subset([2, 0]) == Tree(["c", "a"], ["", ""], [3, 1], [6, 4])
    with pytest.raises(DataError, match="positions: found 3 at position 0, expected 0"):
        tree.subset([3])
    with pytest.raises(DataError, match="'a' is given twice"):
        tree.subset([0, 0])


def test_downstream_is_told_by_name_or_position() -> None:
    ids = ["low", "high", "side"]
    trees = [
        Tree(ids, ["", "low", "low"]),
        Tree(ids, [None, "low", "low"]),
        Tree(ids, [-1, 0, 0]),
        Tree(ids, np.array([-1, 0, 0], np.int32)),
        Tree(np.array(ids), np.array(["", "low", "low"])),
    ]
    assert len(set(trees)) == 1
    np.testing.assert_array_equal(trees[0].downstream, [-1, 0, 0])
    assert Tree([30, 10], [None, "30"]).downstream.tolist() == [-1, 0]


@pytest.mark.parametrize(
    ("downstream", "message"),
    [
        (["b"], "downstream: expected 3 places, found 1"),
        (["b", "d", ""], "downstream: 'd', downstream of 'b', is not among the ids"),
        ([1, 3, -1], "downstream: found 3 at position 1, expected -1 to 2"),
        ([1, -2, -1], "downstream: found -2 at position 1, expected -1 to 2"),
        ([1, "c", ""], "downstream: expected names or positions, found both"),
        ([1.0, 2.0, -1.0], "downstream: expected a list of whole numbers"),
        ([1.0, 2.0, np.nan], "downstream: expected a list of whole numbers"),
        ([True, False, True], "downstream: expected a list of whole numbers"),
        ("bc ", "downstream: expected a list, found 'bc '"),
        (None, "downstream: expected a list, found None"),
        (["a", "", ""], "downstream: there is a cycle of 'a'"),
        (["b", "c", "b"], "downstream: there is a cycle of 'b', 'c'"),
        (["b", "c", "a"], "downstream: there is a cycle of 'a', 'b', 'c'"),
    ],
)
def test_what_is_not_a_tree_is_refused(downstream: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"^{re.escape(message)}"):
        Tree(["a", "b", "c"], downstream)


def test_numbers_that_may_be_ids_or_positions_are_refused() -> None:
    with pytest.raises(DataError, match=r"may be ids or positions .* give ids as text"):
        Tree([1, 2, 3], [2, 3, 0])


def test_long_cycles_are_named_in_part() -> None:
    size = 100_000
    ring = np.roll(np.arange(size), -1)
    with pytest.raises(DataError, match="'9' and 99990 more"):
        Tree(list(map(str, range(size))), ring)


@given(trees(), st.data())
def test_a_cycle_below_a_tree_is_found_and_named_alone(tree: Tree, data: Any) -> None:
    outlets = np.flatnonzero(tree.downstream < 0)
    outlet = int(data.draw(st.sampled_from(outlets.tolist())))
    top = int(data.draw(st.sampled_from(tree.upstream_of([tree.ids[outlet]]).tolist())))
    downstream = tree.downstream.copy()
    downstream[outlet] = top
    with pytest.raises(DataError, match="there is a cycle of") as error:
        Tree(tree.ids, downstream)
    if "more" not in str(error.value):
        names = set(re.findall(r"'(p\d+)'", str(error.value)))
        at = set(tree.positions([tree.ids[top]]).tolist())
        way = {i for i in range(len(tree)) if i in at or _leads_to(tree, top, i)}
        assert names == {tree.ids[i] for i in way}


def _leads_to(tree: Tree, at: int, to: int) -> bool:
    while at >= 0 and at != to:
        at = int(tree.downstream[at])
    return at == to


SIZE = 100_000
SHAPES = {
    "chain": [*range(1, SIZE), -1],
    "star": [-1, *[0] * (SIZE - 1)],
    "singles": [-1] * SIZE,
    "bush": [(at - 1) // 2 if at else -1 for at in range(SIZE)],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_large_trees_of_any_shape_take_linear_time(shape: str) -> None:
    ids = [f"place-{i}" for i in range(SIZE)]
    below = [ids[i] if i >= 0 else "" for i in SHAPES[shape]]
    start = time.process_time()
    tree = Tree(ids, below)
    assert (
        tree.order.size
        == tree.upstream_of(o for o in ids if below[int(o[6:])] == "").size
    )
    assert time.process_time() - start < 5.0
    assert (
        len(tree.levels) == {"chain": SIZE, "star": 2, "singles": 1, "bush": 17}[shape]
    )


@given(trees(), st.integers(1, 3))
def test_sums_are_over_what_drains_through_a_place(tree: Tree, members: int) -> None:
    values = np.arange(1.0, 1.0 + len(tree) * members).reshape(len(tree), members)
    total, received = tree.accumulate(values), tree.received(values)
    for at in range(len(tree)):
        above = [i for i in range(len(tree)) if drains_through(tree, i, {at})]
        assert total[at].tolist() == values[above].sum(axis=0).tolist()
        direct = np.flatnonzero(tree.downstream == at)
        assert received[at].tolist() == values[direct].sum(axis=0).tolist()


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_take_few_rounds_whatever_the_tree_looks_like(shape: str) -> None:
    tree = Tree([f"place-{i}" for i in range(SIZE)], SHAPES[shape])
    outlet = int(np.flatnonzero(tree.downstream < 0)[0])
    through = {"singles": 1}.get(shape, SIZE)
    assert tree.accumulate(np.ones(SIZE))[outlet] == through
    rounds = {"chain": 17, "star": 1, "singles": 0, "bush": 5}
    assert len(list(tree.leaps())) == rounds[shape]


def test_a_tree_is_not_its_points() -> None:
    tree = Tree(["a", "b"], ["b", ""])
    assert tree != Points(["a", "b"])
    assert tree != Tree(["a", "b"], ["", ""])
    assert tree.shape(State(name="flow")) == (2,)
    with pytest.raises(VariableError, match="but tree have cells alone"):
        tree.shape(State(name="flow", at="x_face"))


def test_a_tree_is_an_unstructured_grid_of_nodes_and_edges() -> None:
    grid = Tree(["a", "b", "c"], ["c", "c", ""], [1, 2, 3], [4, 5, 6]).grid()
    assert (grid.type, grid.rank, grid.size) == ("unstructured", 2, 3)
    assert (grid.node_count, grid.edge_count, grid.face_count) == (3, 2, 0)
    assert grid.edge_nodes is not None
    assert grid.edge_nodes.tolist() == [0, 2, 1, 2]
    assert grid.x is not None
    assert grid.x.tolist() == [1.0, 2.0, 3.0]
    assert grid.face_nodes is not None
    assert not grid.face_nodes.size
    assert Tree(["a"], [""]).grid().type == "scalar"


@given(trees(), st.integers(1, 4))
def test_copies_are_like_the_tree_and_do_not_see_each_other(
    tree: Tree, copies: int
) -> None:
    forest = tree.repeated(copies)
    assert len(forest) == copies * len(tree)
    levels = by_name(forest)
    for k in range(copies):
        at = forest.positions(f"{k}/{name}" for name in tree.ids)
        one = forest.subset(at)
        np.testing.assert_array_equal(one.downstream, tree.downstream)
        assert {n.partition("/")[2]: levels[n] for n in one.ids} == by_name(tree)


def test_copies_stand_where_the_places_do() -> None:
    forest = Tree(["a", "b"], ["b", ""], [1.0, 2.0], [3.0, 4.0]).repeated(2)
    assert forest.ids == ("0/a", "0/b", "1/a", "1/b")
    assert forest.longitude is not None
    assert forest.latitude is not None
    assert forest.longitude.tolist() == [1.0, 2.0, 1.0, 2.0]
    assert forest.latitude.tolist() == [3.0, 4.0, 3.0, 4.0]


def test_no_copies_are_no_tree() -> None:
    with pytest.raises(DataError, match="copies: found 0 at position 0, expected 1"):
        Tree(["a"], [""]).repeated(0)


def strahler(tree: Tree, at: int) -> int:
    """Return the order of a place by its definition."""
    above = sorted(
        strahler(tree, int(i)) for i in np.flatnonzero(tree.downstream == at)
    )
    if not above:
        return 1
    return above[-1] + (above[-2:-1] == above[-1:])


@given(trees())
def test_orders_rise_where_two_of_the_highest_meet(tree: Tree) -> None:
    expected = [strahler(tree, at) for at in range(len(tree))]
    assert tree.strahler.tolist() == expected


@given(trees(), st.integers(1, 8))
def test_subtrees_are_connected_bounded_and_upstream_first(
    tree: Tree, size: int
) -> None:
    parts = tree.subtrees(size)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(tree)))
    above: set[int] = set()
    for part in parts:
        assert 1 <= len(part) <= size
        assert np.count_nonzero(tree.subset(part).downstream < 0) == 1
        for at in part.tolist():
            assert {*np.flatnonzero(tree.downstream == at).tolist()} <= above
            above.add(at)


def fewest(tree: Tree, size: int) -> int:
    """Return the least number of parts, by trying all sets of cuts."""
    inner = np.flatnonzero(tree.downstream >= 0)
    outlets = np.count_nonzero(tree.downstream < 0)
    best = len(tree)
    for mask in range(2**inner.size):
        cut = inner[[bool(mask >> k & 1) for k in range(inner.size)]]
        below = tree.downstream.copy()
        below[cut] = -1
        pruned = Tree(tree.ids, below)
        ends = np.flatnonzero(below < 0)
        if max(pruned.upstream_of([tree.ids[i]]).size for i in ends) <= size:
            best = min(best, outlets + cut.size)
    return best


@settings(max_examples=25)
@given(trees(largest=7), st.integers(1, 4))
def test_subtrees_are_as_few_as_there_can_be(tree: Tree, size: int) -> None:
    assert len(tree.subtrees(size)) == fewest(tree, size)


@pytest.mark.parametrize("size", [0, -1])
def test_subtrees_of_no_place_are_refused(size: int) -> None:
    with pytest.raises(DataError, match=f"size: found {size} at position 0"):
        Tree(["a"], [""]).subtrees(size)


def test_chains_and_stars_of_many_places_are_cut() -> None:
    size = 20_000
    names = [f"p{k}" for k in range(size)]
    chain = Tree(names, [*names[1:], ""])
    assert [len(part) for part in chain.subtrees(500)] == [500] * 40
    assert chain.strahler.max() == 1
    star = Tree(names, ["", *["p0"] * (size - 1)])
    assert len(star.subtrees(500)) == size - 499
    assert star.strahler.tolist() == [2, *[1] * (size - 1)]


@given(trees(), st.randoms())
def test_bonds_are_the_same_in_any_order_of_the_places(tree: Tree, luck: Any) -> None:
    order = list(range(len(tree)))
    luck.shuffle(order)
    assert tree.subset(order).bonds == tree.bonds
    ends = np.flatnonzero(tree.downstream >= 0)
    if ends.size:
        below = tree.downstream.copy()
        below[ends[0]] = -1
        assert Tree(tree.ids, below).bonds != tree.bonds
