"""Maps between spaces: sums, conservation, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.errors import DataError
from bmi_dmx.space import Grid, Map, Points, Tree

FIELDS = Points(["field", "wood", "town"])
TREE = Tree(["up", "down"], ["down", ""])
LINKS = [
    ("field", "up", 1.0),
    ("wood", "up", 0.25),
    ("wood", "down", 0.75),
    ("town", "down", 1.0),
]


def dense(a_map: Map) -> np.ndarray[Any, Any]:
    """Return the matrix in full."""
    matrix = np.zeros((len(a_map.target), len(a_map.source)))
    np.add.at(matrix, (a_map.rows, a_map.columns), a_map.weights)
    return matrix


@st.composite
def maps(draw: st.DrawFn) -> Map:
    """Draw a map that shares every place out."""
    sources, targets = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    rows, columns, weights = [], [], []
    for column in range(sources):
        shares = draw(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=6))
        rows += draw(
            st.lists(
                st.integers(0, targets - 1), min_size=len(shares), max_size=len(shares)
            )
        )
        columns += [column] * len(shares)
        weights += [share / sum(shares) for share in shares]
    places = [Points(list(map(str, range(n)))) for n in (sources, targets)]
    return Map(places[0], places[1], rows, columns, weights)


def test_values_go_where_links_say() -> None:
    amounts = Map.by_id(FIELDS, TREE, LINKS).apply(np.array([1.0, 4.0, 10.0]))
    assert amounts.tolist() == [2.0, 13.0]


@given(maps(), st.integers(0, 2**32 - 1))
def test_a_map_is_its_matrix_and_conserves(a_map: Map, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(3, len(a_map.source)))
    amounts = a_map.apply(values)
    np.testing.assert_allclose(amounts, values @ dense(a_map).T, rtol=0, atol=1e-13)
    np.testing.assert_allclose(amounts.sum(-1), values.sum(-1), rtol=0, atol=1e-12)


@given(maps(), st.randoms())
def test_the_order_of_entries_changes_nothing(a_map: Map, random: Any) -> None:
    order = list(range(a_map.rows.size))
    random.shuffle(order)
    entries = [x[order] for x in (a_map.rows, a_map.columns, a_map.weights)]
    other = Map(a_map.source, a_map.target, *entries)
    for name in ("rows", "columns", "weights"):
        np.testing.assert_array_equal(getattr(other, name), getattr(a_map, name))


def test_steps_and_members_keep_their_axes() -> None:
    a_map = Map.by_id(FIELDS, TREE, LINKS)
    values = np.arange(24.0).reshape(4, 2, 3)
    amounts = a_map.apply(values)
    assert amounts.shape == (4, 2, 2)
    np.testing.assert_array_equal(amounts[3, 1], a_map.apply(values[3, 1]))


@pytest.mark.parametrize(
    ("given_type", "expected"),
    [(np.float32, np.float32), (np.float64, np.float64), (np.int64, np.float64)],
)
def test_floating_types_are_kept(given_type: type, expected: type) -> None:
    assert (
        Map.by_id(FIELDS, TREE, LINKS).apply(np.ones(3, given_type)).dtype == expected
    )


def test_where_nothing_goes_is_zero() -> None:
    a_map = Map(FIELDS, TREE, [1], [0], [2.0], conserves=False)
    assert a_map.apply(np.array([3.0, 5.0, 7.0])).tolist() == [0.0, 6.0]
    empty = Map(FIELDS, TREE, [], [], [], conserves=False)
    assert empty.apply(np.ones((2, 3))).tolist() == [[0.0, 0.0]] * 2


def test_cells_of_grids_are_counted_row_by_row() -> None:
    grid = Grid.uniform((1, 2))
    a_map = Map.by_id(TREE, grid, [("up", "0,1", 1.0), ("down", "0,0", 1.0)])
    assert a_map.apply(np.array([1.0, 2.0])).tolist() == [2.0, 1.0]
    assert repr(a_map) == "Map from Tree of 2 to Grid of 2"


def test_what_is_lost_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"those of 'wood' sum to 0.25, expected 1"):
        Map.by_id(FIELDS, TREE, [LINKS[0], LINKS[1], LINKS[3]])
    with pytest.raises(DataError, match=r"those of 'wood' sum to 0, .* 1 of 3 places"):
        Map.by_id(FIELDS, TREE, [LINKS[0], LINKS[3]])


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (([2], [0], [1.0]), "rows: found 2 at position 0, expected 0 to 1"),
        (([0], [-1], [1.0]), "columns: found -1 at position 0, expected 0 to 2"),
        (([0.5], [0], [1.0]), "rows: expected a list of whole numbers"),
        (([0, 1], [0], [1.0]), "columns: expected 2 positions, found 1"),
        (([0], [0], [1.0, 1.0]), "weights: expected 1 numbers, found 2"),
        (([0], [0], [np.nan]), "weights: found nan at position 0"),
    ],
)
def test_entries_that_do_not_fit_are_refused(entries: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Map(FIELDS, TREE, *entries, conserves=False)


def test_names_that_are_nowhere_are_refused() -> None:
    with pytest.raises(DataError, match="no place 'woods'; did you mean 'wood'"):
        Map.by_id(FIELDS, TREE, [("woods", "up", 1.0)])


@pytest.mark.parametrize("shape", [(), (2,), (3, 2)])
def test_values_of_other_places_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        DataError, match="expected a last axis of 3 places, found shape"
    ):
        Map.by_id(FIELDS, TREE, LINKS).apply(np.ones(shape))
