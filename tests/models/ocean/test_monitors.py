"""Friction that hosts set is held to what a step stands, cell by cell."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.models.ocean.monitors import Friction
from bmi_dmx.space import Grid

STEP = 7200.0
GRID = Grid.uniform(
    (6, 9), (4.0, 4.0), (56.0, 0.0), z_edges=(0.0, -50.0, -100.0), radius=6.371e6
)
NORTHERNMOST = 5 * 9 + 4
"""A cell of the narrowest row."""


def runner(model: dict[str, Any], **coefficients: Any) -> Any:
    means = {
        "viscosity": np.full(54, 1e5), "diffusivity": np.full(1, 1e3),
        "cell_fraction": np.ones(1),
    }  # fmt: skip
    return SimpleNamespace(
        space=GRID, ids=[str(k) for k in range(54)], parameterize=lambda: None,
        operation=SimpleNamespace(
            inner=STEP,
            bundle=SimpleNamespace(manifest=SimpleNamespace(model=model)),
        ),
        parameters=SimpleNamespace(mean=means | coefficients),
    )  # fmt: skip


def most() -> float:
    """Return the viscosity that the narrowest row stands, on paper."""
    y = math.radians(56.0 + 4.0 * 5.5)
    north = 6.371e6 * math.radians(4.0)
    east = north * math.cos(y)
    return 1.0 / (2.0 * STEP * (east**-2 + north**-2)) / math.cos(y)


@pytest.mark.parametrize(
    ("model", "factor"),
    [
        ({"parts": {"ocean": {"options": {"forced_by": ["wind"]}}}}, 1.0),
        ({"recipe": "ocean_hybrid", "network": "unet", "forms": ["friction"]}, 2.0),
        ({"recipe": "ocean_hybrid", "network": "unet", "forms": ["mixing"]}, 1.0),
        ({"recipe": "ocean_hybrid", "network": None, "forms": ["friction"]}, 1.0),
    ],
)
def test_viscosity_is_held_to_what_the_narrowest_cells_stand(
    model: dict[str, Any], factor: float
) -> None:
    limit = most() / (math.exp(2.0) if factor == 2.0 else 1.0)
    for share in (0.999, 1.001):
        viscosity = np.full(54, 1e4)
        viscosity[NORTHERNMOST] = share * limit
        friction = Friction(runner(model, viscosity=viscosity))
        if share < 1.0:
            friction.look()
            continue
        with pytest.raises(DataError, match=rf"'viscosity' at '{NORTHERNMOST}'"):
            friction.look()


def test_the_largest_of_a_column_counts() -> None:
    whole = np.full((2, 54), 1e4)
    whole[1, NORTHERNMOST] = 1.01 * most()
    friction = Friction(runner({"parts": {}}, viscosity=whole.reshape(-1)))
    with pytest.raises(DataError, match="expected at most"):
        friction.look()


def test_thin_faces_beside_thick_water_stand_less() -> None:
    partial = np.ones((2, 6, 9))
    partial[1, 5, 4] = 0.1
    viscosity = np.full(54, 1e4)
    viscosity[NORTHERNMOST] = 0.5 * most()
    coefficients = {"viscosity": viscosity, "cell_fraction": partial.reshape(-1)}
    Friction(runner({"parts": {}}, viscosity=viscosity)).look()
    with pytest.raises(DataError, match=rf"'viscosity' at '{NORTHERNMOST}'"):
        Friction(runner({"parts": {}}, **coefficients)).look()


def test_a_step_is_refused_before_it_is_made() -> None:
    steps = []
    ocean = runner({"parts": {}})
    step = Friction(ocean).bounded(lambda: steps.append(1))
    step()
    ocean.parameters.mean["diffusivity"][:] = 1e7
    with pytest.raises(DataError, match="diffusivity"):
        step()
    assert steps == [1]
