"""The numbered grids of a component, by the functions of BMI."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from bmipy import Bmi

from bmi_dmx.bmi.grid_table import Grids
from bmi_dmx.errors import DataError, VariableError
from bmi_dmx.space import Grid, Points, Ring, Space, Tree
from bmi_dmx.variables import Forcing, State, Variable

LEVEL = ("level",)
ELEVATION = State(name="elevation")
EASTWARD = State(name="eastward", at="x_face", axes=LEVEL)
NORTHWARD = State(name="northward", at="y_face", axes=LEVEL)
HEAT = State(name="heat", axes=LEVEL)
SALT = State(name="salt", axes=LEVEL)
STRESS = Forcing(name="stress", at="x_face")
SEA = Grid.uniform((2, 3), (10.0, 20.0), z_edges=[0.0, -1.0, -3.0], periodic=("x",))

POINTS = Points(["a", "b"], [1.0, 2.0], [3.0, 4.0])
TREE = Tree(["a", "b", "c"], ["c", "c", ""], [1, 2, 3], [4, 5, 6])

NUMBERS = ("type", "rank", "size", "node_count", "edge_count", "face_count")
ARRAYS = ("shape", "spacing", "origin", "x", "y", "z", "edge_nodes", "face_edges",
          "face_nodes", "nodes_per_face")  # fmt: skip


def sea() -> Grids:
    """Return the grids of an ocean."""
    return Grids(SEA, [EASTWARD, ELEVATION, NORTHWARD, HEAT, SALT, STRESS])


def test_every_function_of_bmi_for_grids_is_answered() -> None:
    functions = {name for name in vars(Bmi) if name.startswith("get_grid_")}
    assert functions == {f"get_grid_{name}" for name in (*NUMBERS, *ARRAYS)}
    for name in functions:
        ours = inspect.signature(getattr(Grids, name)).parameters
        assert list(ours) == list(inspect.signature(getattr(Bmi, name)).parameters)


def test_cells_are_grid_0_and_each_kind_of_field_has_one_grid() -> None:
    grids = sea()
    numbers = {
        variable.name: grids.number(variable)
        for variable in (ELEVATION, EASTWARD, NORTHWARD, HEAT, SALT, STRESS)
    }
    assert numbers == {
        "elevation": 0, "eastward": 1, "northward": 2, "heat": 3, "salt": 3,
        "stress": 4,
    }  # fmt: skip
    assert [g.shape for g in grids.descriptions] == [
        (2, 3), (2, 2, 3), (2, 3, 3), (2, 2, 3), (2, 3),
    ]  # fmt: skip


def test_a_variable_without_grid_is_refused_by_name() -> None:
    with pytest.raises(VariableError, match=r"^heat: has the axis 'level'"):
        Grids(POINTS, [HEAT])
    with pytest.raises(VariableError, match=r"^heat: there is no grid at 'cell' with"):
        Grids(SEA).number(HEAT)


def test_single_numbers_of_a_whole_space_have_the_last_grid() -> None:
    grids = Grids(SEA, [EASTWARD], whole=True)
    last = len(grids.descriptions) - 1
    total = Variable(name="total")
    assert grids.number(total, 1) == last == 2
    assert (grids.get_grid_type(last), grids.get_grid_size(last)) == ("scalar", 1)
    assert grids.number(total, 6) == grids.number(total) == 0
    assert Grids(SEA, [EASTWARD]).number(total, 1) == 0
    alone = Grids(Grid.uniform((1, 1)), [], whole=True)
    assert alone.number(total, 1) == 0


def test_shapes_are_rows_and_columns_and_coordinates_one_a_column_or_row() -> None:
    grids = sea()
    shape, heights = np.zeros(3, np.int32), np.zeros(2)
    assert grids.get_grid_shape(3, shape) is shape
    assert shape.tolist() == [2, 2, 3]
    assert grids.get_grid_x(3, np.zeros(3)).tolist() == [10.0, 30.0, 50.0]
    assert grids.get_grid_y(3, np.zeros(2)).tolist() == [5.0, 15.0]
    assert grids.get_grid_z(3, heights) is heights
    assert heights.tolist() == [-0.5, -2.0]
    assert (grids.get_grid_type(3), grids.get_grid_rank(3)) == ("rectilinear", 3)
    assert grids.get_grid_size(3) == 12


def test_uniform_grids_have_spacing_and_origin() -> None:
    grids = sea()
    assert grids.get_grid_type(0) == "uniform_rectilinear"
    assert grids.get_grid_spacing(0, np.zeros(2)).tolist() == [10.0, 20.0]
    assert grids.get_grid_origin(0, np.zeros(2)).tolist() == [5.0, 10.0]
    assert grids.get_grid_origin(4, np.zeros(2)).tolist() == [5.0, 20.0]


def test_trees_have_nodes_edges_and_no_faces() -> None:
    grids = Grids(TREE)
    assert grids.get_grid_type(0) == "unstructured"
    assert grids.get_grid_node_count(0) == grids.get_grid_size(0) == 3
    assert (grids.get_grid_edge_count(0), grids.get_grid_face_count(0)) == (2, 0)
    assert grids.get_grid_edge_nodes(0, np.zeros(4, np.int32)).tolist() == [0, 2, 1, 2]
    assert grids.get_grid_x(0, np.zeros(3)).tolist() == [1.0, 2.0, 3.0]
    for name in ("face_edges", "face_nodes", "nodes_per_face"):
        assert not getattr(grids, f"get_grid_{name}")(0, np.zeros(0, int)).size


APPLY: list[tuple[Space, set[str]]] = [
    (Points(["a"]), {"type", "rank", "size"}),
    (POINTS, {"type", "rank", "size", "node_count", "x", "y"}),
    (TREE, {"type", "rank", "size", "node_count", "edge_count", "face_count", "x", "y",
            "edge_nodes", "face_edges", "face_nodes", "nodes_per_face"}),
    (Ring(3), {"type", "rank", "size", "shape", "spacing", "origin", "x"}),
    (Grid.uniform((2, 2)), {"type", "rank", "size", "shape", "spacing", "origin", "x",
                            "y"}),
    (Grid([0, 1, 3], [0, 1]), {"type", "rank", "size", "shape", "x", "y"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("space", "applies"), APPLY, ids=[repr(space) for space, _ in APPLY]
)
def test_what_does_not_apply_says_so(space: Space, applies: set[str]) -> None:
    grids = Grids(space)
    for name in {*NUMBERS, *ARRAYS} - applies:
        call: Any = getattr(grids, f"get_grid_{name}")
        arguments = (0, np.zeros(1)) if name in ARRAYS else (0,)
        kind = grids.get_grid_type(0)
        message = f"^get_grid_{name} does not apply to a grid of type {kind}$"
        with pytest.raises(NotImplementedError, match=message):
            call(*arguments)
    for name in applies - set(ARRAYS):
        assert isinstance(getattr(grids, f"get_grid_{name}")(0), str | int)


@pytest.mark.parametrize("space", [POINTS, TREE])
def test_numbers_are_those_of_python(
    space: Space,
) -> None:
    grids = Grids(space)
    assert type(grids.get_grid_rank(np.int32(0))) is int  # type: ignore[arg-type]
    assert type(grids.get_grid_size(0)) is int
    assert type(grids.get_grid_node_count(0)) is int


@pytest.mark.parametrize("grid", [5, -1, None, "0"])
def test_another_grid_is_unknown(grid: Any) -> None:
    grids = sea()
    for name in NUMBERS:
        with pytest.raises(
            VariableError, match=r"^unknown grid .*; known: 0, 1, 2, 3, 4"
        ):
            getattr(grids, f"get_grid_{name}")(grid)
    with pytest.raises(VariableError, match="unknown grid"):
        grids.get_grid_x(grid, np.zeros(3))


def test_arrays_of_another_size_or_type_are_refused() -> None:
    grids = Grids(POINTS)
    with pytest.raises(
        DataError, match="get_grid_x: found room for 9 values, expected 2"
    ):
        grids.get_grid_x(0, np.zeros((3, 3)))
    with pytest.raises(DataError, match=r"get_grid_y.* expected an array of floating"):
        grids.get_grid_y(0, np.zeros(2, int))


def test_coordinates_that_were_not_given_are_missed() -> None:
    for space in (Points(["a", "b"]), Tree(["a", "b"], ["b", ""])):
        with pytest.raises(
            DataError, match="get_grid_x: longitude of the places is not"
        ):
            Grids(space).get_grid_x(0, np.zeros(2))
        with pytest.raises(
            DataError, match="get_grid_y: latitude of the places is not"
        ):
            Grids(space).get_grid_y(0, np.zeros(2))
