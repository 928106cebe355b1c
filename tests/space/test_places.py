"""Points and rings: names, coordinates, equality and hashes."""

from __future__ import annotations

import re
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.errors import DataError, VariableError
from bmi_dmx.space import Grid, Points, Ring
from bmi_dmx.variables import State

IDS = st.lists(st.text(min_size=1), min_size=1, max_size=20, unique=True)


def test_names_keep_their_order_and_are_found() -> None:
    points = Points(["b", "a", "c"])
    assert points.ids == ("b", "a", "c")
    assert len(points) == 3
    np.testing.assert_array_equal(points.positions(["c", "b"]), [2, 0])


def test_whole_numbers_are_names_too() -> None:
    assert Points([7, 3]).ids == Points(np.array([7, 3])).ids == ("7", "3")
    assert Points(np.array(["u", "v"])).ids == ("u", "v")


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], "ids: expected at least one place, found none"),
        (["a", "b", "c", "b"], "ids: 'b' is given twice, at positions 1 and 3"),
        (["1", 1], "ids: '1' is given twice, at positions 0 and 1"),
        (["a", ""], "ids: expected a name at position 1, found ''"),
        (["a", None], "ids: expected a name at position 1, found None"),
        ([True], "ids: expected a name at position 0, found True"),
        ([1.5], "ids: expected a name at position 0, found 1.5"),
        ("abc", "ids: expected a list, found 'abc'"),
        (5, "ids: expected a list, found 5"),
    ],
)
def test_names_that_are_none_are_refused(ids: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"^{re.escape(message)}"):
        Points(ids)


def test_a_name_that_is_nowhere_is_refused_with_the_nearest() -> None:
    with pytest.raises(DataError, match="no place 'gage'; did you mean 'gauge'"):
        Points(["gauge", "tower"]).positions(["tower", "gage"])


@pytest.mark.parametrize(
    ("longitude", "message"),
    [
        ([1.0], "longitude: expected 2 numbers, found 1"),
        ([[1.0, 2.0]], r"longitude: expected 2 numbers, found shape \(1, 2\)"),
        ([1.0, np.nan], "longitude: found nan at position 1, expected -180 to 360"),
        ([361.0, 0.0], "longitude: found 361 at position 0, expected -180 to 360"),
        (["1", "2"], "longitude: expected numbers, found"),
        ([1.0, None], "longitude: expected numbers, found"),
        ([[1.0], 2.0], "longitude: expected numbers: "),
    ],
)
def test_coordinates_that_are_none_are_refused(longitude: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Points(["a", "b"], longitude)


def test_coordinates_are_copied_and_kept_from_changes() -> None:
    longitude = np.array([1.0, 2.0])
    points = Points(["a", "b"], longitude, [3, 4])
    longitude[:] = 0.0
    assert points.longitude is not None
    np.testing.assert_array_equal(points.longitude, [1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        points.longitude[0] = 5.0


def test_many_places_are_checked_in_linear_time() -> None:
    ids = [f"place-{i}" for i in range(200_000)]
    start = time.process_time()
    Points(ids)
    with pytest.raises(DataError, match="'place-9' is given twice, at positions 9 and"):
        Points([*ids, "place-9"])
    assert time.process_time() - start < 5.0


@given(IDS)
def test_the_same_places_are_equal_and_hash_alike(ids: list[str]) -> None:
    one, other = Points(ids, [0.0] * len(ids)), Points(tuple(ids), [-0.0] * len(ids))
    assert one == other
    assert hash(one) == hash(other)
    assert one.fingerprint == other.fingerprint
    assert len(one.fingerprint) == 64


@given(IDS, st.randoms())
def test_another_order_is_another_space(ids: list[str], random: Any) -> None:
    shuffled = random.sample(ids, len(ids))
    assert (Points(ids) == Points(shuffled)) == (ids == shuffled)


def test_what_differs_is_not_equal() -> None:
    spaces = [
        Points(["a", "b"]),
        Points(["a,b"]),
        Points(["a", "b"], [1.0, 2.0]),
        Points(["a", "b"], None, [1.0, 2.0]),
        Points(["a", "b"], [1.0, 2.0], [1.0, 2.0]),
        Ring(2),
    ]
    assert len(set(spaces)) == len(spaces)
    assert spaces[0] != "points"


def test_fingerprints_stay_the_same_from_version_to_version() -> None:
    points = Points(["a", "b"], [1.0, 2.5], [-3.0, 4.0])
    assert points.fingerprint[:12] == "b755797d99bf"


def test_fields_have_one_value_a_place() -> None:
    assert Points(["a", "b", "c"]).shape(State(name="store")) == (3,)
    assert Ring(5).shape(State(name="store")) == (5,)


@pytest.mark.parametrize("space", [Points(["a", "b"]), Ring(2)])
def test_fields_that_do_not_fit_are_refused(space: Points | Ring) -> None:
    kind = space.kind
    with pytest.raises(VariableError, match=f"^flow: stands at 'x_face', but {kind}"):
        space.shape(State(name="flow", at="x_face"))
    with pytest.raises(
        VariableError, match=f"^heat: has the axis 'level', which {kind}"
    ):
        space.shape(State(name="heat", axes=("level",)))
    with pytest.raises(VariableError, match="stands at 'corner'"):
        space.grid("corner")


def test_one_point_is_a_scalar() -> None:
    grid = Points(["a"], [1.0], [2.0]).grid()
    assert (grid.type, grid.rank, grid.size) == ("scalar", 0, 1)
    assert grid.x is None
    assert grid.node_count is None


def test_points_are_described_by_their_coordinates() -> None:
    points = Points(["a", "b"], latitude=[1.0, 2.0])
    grid = points.grid()
    assert (grid.type, grid.rank, grid.size, grid.node_count) == ("points", 2, 2, 2)
    assert grid.x is None
    assert grid.y is points.latitude
    assert grid.shape is None


def test_a_ring_is_a_row() -> None:
    grid = Ring(4).grid()
    assert (grid.type, grid.rank, grid.size) == ("uniform_rectilinear", 1, 4)
    assert (grid.shape, grid.spacing, grid.origin) == ((4,), (1.0,), (0.0,))
    assert Ring(4).ids == ("0", "1", "2", "3")
    assert len(Ring(4)) == 4


@pytest.mark.parametrize("size", [0, -1, 2.0, True, "3"])
def test_a_ring_of_no_size_is_refused(size: Any) -> None:
    with pytest.raises(DataError, match="size: expected a whole number above 0"):
        Ring(size)


def test_more_places_than_there_can_be_are_refused_at_once() -> None:
    with pytest.raises(DataError, match=r"size: found 1e\+12, expected at most \d+"):
        Ring(10**12)
    edges = np.arange(20_000.0)
    with pytest.raises(DataError, match=r"edges: 3\.9\d+e\+08 cells, expected at most"):
        Grid(edges, edges)
