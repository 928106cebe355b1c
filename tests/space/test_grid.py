"""Grids: shapes, places of nodes, sizes, masks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bmi_dmx.errors import DataError, VariableError
from bmi_dmx.space import Grid
from bmi_dmx.variables import At, State

RADIUS = 6.371e6
PLACES: tuple[At, ...] = ("cell", "x_face", "y_face", "corner")
LEVEL = ("level",)


def globe(step: float = 30.0, **more: Any) -> Grid:
    """Return a sphere in cells of equal angles."""
    shape = (round(180 / step), round(360 / step))
    return Grid.uniform(
        shape, (step, step), (-90.0, 0.0), periodic=("x",), radius=RADIUS, **more
    )


@pytest.mark.parametrize(
    ("periodic", "shapes"),
    [
        ((), {"x_face": (3, 5), "y_face": (4, 4), "corner": (4, 5)}),
        (("x",), {"x_face": (3, 4), "y_face": (4, 4), "corner": (4, 4)}),
        (("y", "x"), {"x_face": (3, 4), "y_face": (3, 4), "corner": (3, 4)}),
    ],
)
def test_axes_with_an_end_have_one_face_more_than_cells(
    periodic: tuple[str, ...], shapes: dict[At, tuple[int, int]]
) -> None:
    grid = Grid.uniform((3, 4), periodic=periodic, z_edges=[0.0, -1.0, -3.0])
    for at, shape in {"cell": (3, 4), **shapes}.items():
        assert grid.shape(State(name="x", at=at)) == shape
        assert grid.shape(State(name="x", at=at, axes=LEVEL)) == (2, *shape)
    assert grid.shape(State(name="w", at="z_face", axes=LEVEL)) == (3, 3, 4)


def test_fields_that_a_grid_does_not_have_are_refused() -> None:
    flat, deep = Grid.uniform((2, 2)), Grid.uniform((2, 2), z_edges=[0, 1])
    with pytest.raises(VariableError, match=r"heat: has the axes level; .* no levels"):
        flat.shape(State(name="heat", axes=LEVEL))
    with pytest.raises(
        VariableError, match=r"heat: has the axes band; .* 'level' alone"
    ):
        deep.shape(State(name="heat", axes=("band",)))
    with pytest.raises(VariableError, match=r"w: .* expected the axis 'level'"):
        deep.shape(State(name="w", at="z_face"))
    with pytest.raises(VariableError, match="stands at 'side', expected cell, x_face"):
        deep.grid("side")  # type: ignore[arg-type]
    with pytest.raises(VariableError, match="the grid has no levels"):
        flat.nodes("z")


def test_nodes_stand_in_cells_or_between_them() -> None:
    grid = Grid([0.0, 1.0, 3.0], [0.0, 2.0, 4.0], [0.0, -1.0, -3.0], periodic=("x",))
    assert grid.nodes("x").tolist() == [0.5, 2.0]
    assert grid.nodes("x", "x_face").tolist() == [1.0, 3.0]
    assert grid.nodes("x", "y_face").tolist() == [0.5, 2.0]
    assert grid.nodes("y", "corner").tolist() == [0.0, 2.0, 4.0]
    assert grid.nodes("z").tolist() == [-0.5, -2.0]
    assert grid.nodes("z", "z_face").tolist() == [0.0, -1.0, -3.0]


def test_widths_are_of_cells_or_from_one_middle_to_the_next() -> None:
    grid = Grid([0.0, 1.0, 3.0, 6.0], [0.0, 1.0, 3.0, 6.0], [0.0, -1.0, -3.0],
                periodic=("x",))  # fmt: skip
    assert grid.widths("x").tolist() == [1.0, 2.0, 3.0]
    assert grid.widths("x", "x_face").tolist() == [1.5, 2.5, 2.0]
    assert grid.widths("y", "y_face").tolist() == [1.0, 1.5, 2.5, 3.0]
    assert grid.widths("z").tolist() == [1.0, 2.0]
    assert grid.widths("z", "z_face").tolist() == [1.0, 1.5, 2.0]


def test_sizes_on_a_plane_are_the_widths() -> None:
    grid = Grid([0.0, 1.0, 3.0], [0.0, 2.0])
    dx, dy = grid.sizes()
    assert dx.tolist() == [[1.0, 2.0]]
    assert dy.tolist() == [[2.0, 2.0]]
    assert grid.areas.tolist() == [[2.0, 4.0]]


def test_sizes_on_a_sphere_shrink_with_the_parallel() -> None:
    grid = globe()
    degree = RADIUS * math.pi / 180.0
    for at in PLACES:
        dx, dy = grid.sizes(at)
        assert dx.shape == dy.shape == grid.field(at, ())
        parallel = np.cos(np.radians(grid.nodes("y", at)))
        np.testing.assert_allclose(dx[:, 0], 30.0 * degree * parallel, atol=1e-6)
        np.testing.assert_allclose(dy, 30.0 * degree)


@pytest.mark.parametrize("step", [4.0, 30.0, 90.0])
def test_areas_cover_the_sphere(step: float) -> None:
    np.testing.assert_allclose(
        globe(step).areas.sum(), 4.0 * math.pi * RADIUS**2, rtol=1e-14
    )


@given(arrays(bool, (4, 5)).filter(np.any), st.booleans(), st.booleans())
def test_faces_are_open_between_cells_of_the_system(
    mask: np.ndarray[Any, Any], round_x: bool, round_y: bool
) -> None:
    periodic = [axis for axis, yes in (("x", round_x), ("y", round_y)) if yes]
    grid = Grid.uniform((4, 5), periodic=periodic, mask=mask)

    def cell(j: int, i: int) -> bool:
        if round_y:
            j %= 4
        if round_x:
            i %= 5
        return 0 <= j < 4 and 0 <= i < 5 and bool(mask[j, i])

    # Face i is before cell i where the axis has an end, and after it where not.
    dy, dx = int(round_y), int(round_x)
    around = {
        "cell": [(0, 0)],
        "x_face": [(0, dx - 1), (0, dx)],
        "y_face": [(dy - 1, 0), (dy, 0)],
        "corner": [(dy - 1, dx - 1), (dy - 1, dx), (dy, dx - 1), (dy, dx)],
    }
    for at in PLACES:
        expected = np.empty(grid.field(at, ()), bool)
        for j, i in np.ndindex(*expected.shape):
            expected[j, i] = all(cell(j + b, i + a) for b, a in around[at])
        np.testing.assert_array_equal(grid.open_at(at), expected)


def test_masks_of_levels_open_what_is_above_the_bottom() -> None:
    mask = np.array([[[1, 1]], [[0, 1]]])
    grid = Grid.uniform((1, 2), z_edges=[0.0, -1.0, -2.0], mask=mask)
    assert grid.open_at().tolist() == [[True, True]]
    assert grid.open_at("cell", LEVEL).tolist() == mask.astype(bool).tolist()
    w = grid.open_at("z_face", LEVEL)
    assert w.tolist() == [[[False, False]], [[False, True]], [[False, False]]]
    flat = Grid.uniform((1, 2), z_edges=[0.0, -1.0, -2.0], mask=[[0, 1]])
    assert flat.open_at("cell", LEVEL).tolist() == [[[False, True]]] * 2


def test_rows_of_a_mask_may_be_text() -> None:
    flat = Grid.uniform((2, 3), mask=[[0, 1, 1], [1, 1, 0]])
    assert flat.to_dict()["mask"] == ["011", "110"]
    assert Grid.uniform((2, 3), mask=["011", "110"]) == flat
    deep = Grid.uniform((1, 2), z_edges=[0, 1, 2], mask=[["01"], ["11"]])
    assert deep.to_dict()["mask"] == [["01"], ["11"]]
    assert deep.open_at("cell", LEVEL).tolist() == [[[False, True]], [[True, True]]]


def test_a_mask_of_everything_is_none() -> None:
    assert Grid.uniform((2, 2), mask=np.ones((2, 2), bool)) == Grid.uniform((2, 2))
    assert Grid.uniform((2, 2)).open_at().all()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"mask": [[1, 1]]}, r"mask: found shape \(1, 2\), expected \(2, 3\)$"),
        (
            {"mask": [[1]], "z_edges": [0, 1]},
            r"mask: .* expected \(2, 3\) or \(1, 2, 3\)",
        ),
        ({"mask": [[1, 1, 2]] * 2}, "mask: expected true or false for every cell"),
        ({"mask": np.ones((2, 3))}, "mask: expected true or false for every cell"),
        ({"mask": np.zeros((2, 3), int)}, "mask: expected at least one cell, found"),
        ({"mask": [[1], [1, 0]]}, "mask: "),
        ({"mask": ["101", "10"]}, "mask: expected rows of as many 0 and 1 as"),
        ({"mask": ["101", "1x1"]}, "mask: expected rows of as many 0 and 1 as"),
        ({"mask": ["1011", "1011"]}, r"mask: found shape \(2, 4\), expected \(2, 3\)"),
        ({"mask": ["", ""]}, "mask: expected rows of as many 0 and 1 as"),
        ({"periodic": ["z"]}, "periodic: found 'z', expected x or y"),
        ({"periodic": "x"}, "periodic: expected a list, found 'x'"),
        ({"periodic": ["y"], "radius": 1.0}, "periodic: a sphere has no periodic y"),
        ({"radius": 0.0}, "radius: expected a number above 0, found 0"),
        ({"radius": np.nan}, "radius: found nan"),
        ({"z_edges": [0.0, -1.0, -1.0]}, "z_edges: expected them decreasing, found -1"),
        ({"z_edges": [0.0, 0.0]}, "z_edges: expected them increasing"),
        ({"z_edges": [0.0]}, "z_edges: expected the two ends of at least one cell"),
        (
            {"z_edges": [0.0, np.nan]},
            "z_edges: found nan at position 1, expected a fin",
        ),
        ({"spacing": (0.0, 1.0)}, "spacing: expected a number above 0, found 0"),
        ({"shape": (0, 1)}, "shape: expected whole numbers above 0, found 0"),
        (
            {"origin": (89.0, 0.0), "radius": 1.0},
            "y_edges: found 91 .* expected -90 to",
        ),
        ({"spacing": (1.0, 121.0), "radius": 1.0}, "x_edges: found 363 degrees in all"),
    ],
)
def test_grids_that_cannot_be_are_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Grid.uniform(**{"shape": (2, 3), **more})


def test_edges_have_to_increase() -> None:
    with pytest.raises(
        DataError, match=r"y_edges: .* found 2 and then 1 at position 2"
    ):
        Grid([0.0, 1.0], [0.0, 2.0, 1.0])


def test_equal_cells_are_a_uniform_grid_and_faces_are_shifted_by_half_of_one() -> None:
    grid = globe()
    cell, u, v = grid.grid(), grid.grid("x_face"), grid.grid("y_face")
    assert {g.type for g in (cell, u, v)} == {"uniform_rectilinear"}
    assert {g.rank for g in (cell, u, v)} == {2}
    assert (cell.shape, u.shape, v.shape) == ((6, 12), (6, 12), (7, 12))
    assert (cell.size, v.size) == (72, 84)
    assert cell.spacing == u.spacing == v.spacing == (30.0, 30.0)
    assert (cell.origin, u.origin) == ((-75.0, 15.0), (-75.0, 30.0))
    assert v.origin == (-90.0, 15.0)
    assert cell.x is not None
    np.testing.assert_allclose(cell.x, 15.0 + 30.0 * np.arange(12))


def test_other_grids_are_rectilinear() -> None:
    stretched = Grid([0.0, 1.0, 3.0], [0.0, 1.0]).grid()
    assert (stretched.type, stretched.shape) == ("rectilinear", (1, 2))
    assert stretched.spacing is stretched.origin is stretched.z is None
    deep = globe(z_edges=[0.0, -10.0, -30.0]).grid("cell", LEVEL)
    assert (deep.type, deep.rank, deep.shape) == ("rectilinear", 3, (2, 6, 12))
    assert deep.size == 144
    assert deep.z is not None
    assert deep.z.tolist() == [-5.0, -20.0]


def test_cells_are_named_by_row_and_column() -> None:
    grid = Grid.uniform((2, 3))
    assert grid.ids == ("0,0", "0,1", "0,2", "1,0", "1,1", "1,2")
    assert len(grid) == 6
    assert grid.positions(["1,0"]).tolist() == [3]


def test_whatever_makes_a_grid_is_in_its_fingerprint() -> None:
    edges = [0.0, 1.0, 2.0]
    grids = [
        Grid(edges, edges),
        Grid(edges, [0.0, 1.0, 3.0]),
        Grid([0.0, 1.0, 3.0], edges),
        Grid(edges, edges, [0.0, 1.0]),
        Grid(edges, edges, [0.0, -1.0]),
        Grid(edges, edges, periodic=["x"]),
        Grid(edges, edges, periodic=["y"]),
        Grid(edges, edges, periodic=["x", "y"]),
        Grid(edges, edges, radius=1.0),
        Grid(edges, edges, mask=[[1, 1], [0, 1]]),
        Grid(edges, edges, mask=[[1, 0], [1, 1]]),
    ]
    assert len(set(grids)) == len(grids)
    assert Grid(edges, edges, periodic=["y", "x"]) == grids[7]


def test_a_grid_tells_what_is_around_its_nodes() -> None:
    grid = Grid([0.0, 1.0, 3.0], [0.0, 60.0], [0.0, -10.0, -30.0],
                mask=[[[True, False]], [[False, False]]], radius=2.0)  # fmt: skip
    level = ("level",)
    degree = np.pi / 90.0
    np.testing.assert_allclose(grid.measure("x", "x_face", ()), [[0.0, 1.0, 3.0]])
    np.testing.assert_allclose(grid.measure("y", "y_face", ()), [[0.0] * 2, [60.0] * 2])
    np.testing.assert_allclose(
        grid.measure("dx", "cell", ()),
        [[degree * np.sqrt(0.75), 2.0 * degree * np.sqrt(0.75)]],
    )
    np.testing.assert_allclose(grid.measure("dy", "cell", ()), [[60.0 * degree] * 2])
    np.testing.assert_array_equal(grid.measure("area", "cell", ()), grid.areas)
    np.testing.assert_allclose(
        grid.measure("area", "corner", ()), np.prod(grid.sizes("corner"), axis=0)
    )
    thickness, depth, is_open = (
        grid.measure(what, "cell", level)[:, 0, 0]
        for what in ("thickness", "depth", "open")
    )
    np.testing.assert_array_equal(thickness, [10.0, 20.0])
    np.testing.assert_array_equal(depth, [5.0, 20.0])
    np.testing.assert_array_equal(is_open, [1.0, 0.0])
    assert grid.measure("depth", "z_face", level).shape == (3, 1, 2)
    with pytest.raises(VariableError, match="the grid tells no 'weight'"):
        grid.measure("weight", "cell", ())
