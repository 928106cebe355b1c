"""Spaces as plain data and back."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.errors import ConfigError
from bmi_dmx.space import Grid, Places, Points, Ring, Tree, space_from

SPACES = [
    Points(["a", "b"]),
    Points(["a", "b"], [0.1, 1 / 3], [-0.0, 45.0]),
    Points([1, 2], latitude=[1.0, 2.0]),
    Tree(["a", "b", "c"], ["c", "c", None], [1, 2, 3], [4, 5, 6]),
    Tree(["1", "2"], [1, -1]),
    Ring(36),
    Grid.uniform((2, 3), (0.1, 0.3)),
    Grid([0.0, 90.0, 360.0], [-90.0, 0.1, 90.0], [0.0, -1 / 3], periodic=["x"],
         mask=[[1, 0], [1, 1]], radius=6.371e6),
    Grid.uniform((1, 2), z_edges=[0, 1, 2], mask=[[[0, 1]], [[1, 1]]]),
]  # fmt: skip


@pytest.mark.parametrize("space", SPACES, ids=repr)
@pytest.mark.parametrize(
    "through",
    [lambda x: x, lambda x: json.loads(json.dumps(x)),
     lambda x: yaml.safe_load(yaml.safe_dump(x))],
    ids=["memory", "json", "yaml"],
)  # fmt: skip
def test_what_is_written_is_read(space: Places, through: Any) -> None:
    again = space_from(through(space.to_dict()))
    assert type(again) is type(space)
    assert again == space
    assert again.fingerprint == space.fingerprint
    assert again.ids == space.ids
    assert again.to_dict() == space.to_dict()


@given(
    st.lists(st.text(min_size=1), min_size=1, max_size=10, unique=True),
    st.data(),
)
def test_any_points_are_read_as_written(ids: list[str], data: Any) -> None:
    size = {"min_size": len(ids), "max_size": len(ids)}
    points = Points(
        ids,
        data.draw(st.lists(st.floats(-180, 360), **size)),
        data.draw(st.lists(st.floats(-90, 90), **size)),
    )
    assert space_from(json.loads(json.dumps(points.to_dict()))) == points


def test_trees_are_written_by_name() -> None:
    assert Tree(["a", "b"], [1, -1]).to_dict() == {
        "kind": "tree", "ids": ["a", "b"], "downstream": ["b", ""],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "space: kind: found None; known: grid, points, ring, tree"),
        ({"kind": "pionts"}, "space: kind: found 'pionts'; did you mean 'points'?"),
        ({"kind": "ring"}, "space: key 'size' of a ring is missing"),
        (
            {"kind": "ring", "size": 3, "length": 2},
            "space: unknown key 'length' of a ring; known: size",
        ),
        (
            {"kind": "points", "ids": ["a"], "longtude": [1.0]},
            "space: unknown key 'longtude' of a points; did you mean 'longitude'?",
        ),
        ({"kind": "points", "ids": 3}, "space: ids: expected a list, found 3"),
        ({"kind": "points", "ids": ["a", "a"]}, "space: ids: 'a' is given twice"),
        (
            {"kind": "tree", "ids": ["a"], "downstream": ["a"]},
            "space: downstream: there is a cycle of 'a'",
        ),
        (
            {"kind": "grid", "x_edges": 3, "y_edges": [0, 1]},
            "space: x_edges: expected",
        ),
        (["ring"], "space: expected a mapping, found ['ring']"),
    ],
)
def test_data_that_are_no_space_are_refused(data: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        space_from(data)


def test_large_spaces_are_written_and_read() -> None:
    size = 50_000
    x = np.linspace(-180.0, 180.0, size)
    tree = Tree([f"p{i}" for i in range(size)], [*range(1, size), -1], x)
    assert space_from(tree.to_dict()) == tree


def test_spaces_need_numpy_alone() -> None:
    code = (
        "import sys, bmi_dmx.space; "
        "print({'torch', 'pandas', 'yaml', 'scipy', 'netCDF4'} & set(sys.modules))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "set()"
