"""Numbers in a row: which field they are, and where one of them stands."""

from __future__ import annotations

import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.space import Grid, Points, field_shape, place_name
from bmi_dmx.variables import Variable

GRID = Grid.uniform((3, 4), z_edges=[0.0, -1.0, -3.0], periodic=("x",))
DEEP = Variable(name="deep", axes=("level",))
FLAT = Variable(name="flat")
BETWEEN = Variable(name="between", axes=("level",), at="z_face")
NORTH = Variable(name="north", axes=("level",), at="y_face")


@pytest.mark.parametrize(
    ("variable", "count", "shape"),
    [
        (DEEP, 24, (2, 3, 4)),
        (DEEP, 12, (1, 3, 4)),
        (DEEP, 2, (2, 1, 1)),
        (DEEP, 1, (1, 1, 1)),
        (FLAT, 12, (3, 4)),
        (FLAT, 1, (1, 1)),
        (BETWEEN, 3, (3, 1, 1)),
        (NORTH, 16, (1, 4, 4)),
    ],
)
def test_as_many_numbers_as_a_part_of_a_field_are_alike_along_the_rest(
    variable: Variable, count: int, shape: tuple[int, ...]
) -> None:
    assert field_shape(GRID, variable, count) == shape


def test_other_numbers_are_no_field() -> None:
    with pytest.raises(DataError, match="deep: found 5 numbers, expected 1, 2, 12, 24"):
        field_shape(GRID, DEEP, 5)
    with pytest.raises(DataError, match="flat: found 24 numbers, expected 1, 12"):
        field_shape(GRID, FLAT, 24)


@pytest.mark.parametrize(
    ("variable", "index", "name"),
    [
        (FLAT, 6, "'1,2'"),
        (DEEP, 12 + 6, "'1,2', level 1"),
        (NORTH, 16 + 14, "'3,2', level 1"),
    ],
)
def test_a_number_stands_at_a_cell_or_face_of_a_level(
    variable: Variable, index: int, name: str
) -> None:
    assert place_name(GRID, GRID.ids, variable, index) == name


def test_places_that_do_not_see_each_other_have_names_alone() -> None:
    points = Points(["a", "b"])
    assert place_name(None, points.ids, FLAT, 1) == "'b'"
    assert place_name(points, points.ids, FLAT, 1) == "'b'"
