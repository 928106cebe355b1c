"""What flows over a rough bottom is neither made nor lost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.models.ocean.barotropic import turned_x, turned_y
from bmi_dmx.scan import ScanResult
from bmi_dmx.space import Grid

from .boxes import box, field, flow, tensor

ROWS, COLUMNS, LEVELS, STEPS = 20, 40, 6, 48
AMOUNTS = [
    f"{x}_{y}" for x in ("volume", "heat", "salt") for y in ("gained", "entering")
]


def rough(seed: int = 0) -> tuple[Grid, Tensor]:
    """Return a grid with steps and islands at random, and partial cells above them.

    But for the uppermost level, whose cells are whole.
    """
    rng = np.random.default_rng(seed)
    depth = np.where(rng.random((ROWS, COLUMNS)) < 0.6, LEVELS,
                     rng.integers(0, LEVELS + 1, (ROWS, COLUMNS)))  # fmt: skip
    level = np.arange(LEVELS)[:, None, None]
    partial = (level == depth - 1) & (level > 0)
    fraction = np.where(partial, rng.uniform(0.2, 1.0, depth.shape), 1.0)
    grid = box(ROWS, COLUMNS, 1e5, 3000.0, levels=LEVELS, periodic=("x",),
               mask=level < depth)  # fmt: skip
    return grid, tensor(np.where(level < depth, fraction, 0.0))


def turbulent(grid: Grid, salinity: float | None = None) -> dict[str, Tensor]:
    rng = np.random.default_rng(1)
    shape = grid.field("cell", ("level",))
    salt = rng.uniform(33.0, 36.0, shape) if salinity is None else salinity
    warmth = 10.0 - np.arange(LEVELS)[:, None, None] + rng.random(shape)
    return {
        "u": tensor(rng.normal(0.0, 0.1, grid.field("x_face", ("level",)))),
        "v": tensor(rng.normal(0.0, 0.1, grid.field("y_face", ("level",)))),
        "temperature": tensor(warmth),
        "salinity": field(grid, salt),
        "elevation": tensor(rng.normal(0.0, 0.1, grid.field("cell", ()))),
    }


PHYSICS: dict[str, Any] = {
    "viscosity": 1e4, "diffusivity": 1e3, "vertical_viscosity": 1e-3,
    "vertical_diffusivity": 1e-4, "convection": 1.0, "drag": 1e-3,
}  # fmt: skip


def run(
    state: dict[str, Tensor], grid: Grid, fraction: Tensor, **keys: Any
) -> ScanResult:
    options = {"rotation": 1e-4, "density": "nonlinear", **keys.pop("options", {})}
    keys = {"dt": 3600.0, "steps": STEPS, **keys}
    parameters = {**PHYSICS, "cell_fraction": fraction, **keys.pop("parameters", {})}
    return flow(grid, options, state, parameters=parameters, **keys)


def held(grid: Grid, fraction: Tensor, state: dict[str, Tensor], name: str) -> float:
    thickness = tensor(grid.widths("z"))[:, None, None] * fraction
    depth = thickness.sum(0)
    stretch = 1.0 + state["elevation"] * torch.where(depth > 0.0, 1.0 / depth, 0.0)
    amount = thickness * stretch * tensor(grid.areas)
    return float((amount if name == "volume" else amount * state[name]).sum())


@pytest.mark.parametrize("advection", ["upwind", "third-order"])
def test_volume_heat_and_salt_stay(advection: str) -> None:
    grid, fraction = rough()
    state = turbulent(grid)
    ran = run(state, grid, fraction, options={"advection": advection})
    assert float(ran.state["u"].abs().max()) > 0.05
    for name in ("volume", "temperature", "salinity"):
        before, after = (held(grid, fraction, s, name) for s in (state, ran.state))
        assert after == pytest.approx(before, rel=2e-14)


@pytest.mark.parametrize("advection", ["upwind", "third-order"])
def test_what_is_alike_everywhere_stays_so(advection: str) -> None:
    grid, fraction = rough()
    ran = run(turbulent(grid, 35.0), grid, fraction, options={"advection": advection})
    salinity = ran.state["salinity"][fraction > 0.0]
    assert float((salinity - 35.0).abs().max()) < 1e-12


@pytest.mark.parametrize("advection", ["upwind", "third-order"])
def test_nothing_gets_warmer_than_its_surroundings(advection: str) -> None:
    grid, fraction = rough()
    state = turbulent(grid)
    ran = run(state, grid, fraction, options={"advection": advection},
              outputs=["temperature"])  # fmt: skip
    sea = fraction > 0.0
    first, later = state["temperature"][sea], ran.outputs["temperature"][:, sea]
    assert float(later.min()) >= float(first.min()) - 1e-12
    assert float(later.max()) <= float(first.max()) + 1e-12


def test_what_enters_is_what_is_gained() -> None:
    grid, fraction = rough()
    rng = np.random.default_rng(2)
    cells = grid.field("cell", ())
    forcing = {
        "stress_x": field(grid, 0.1, "x_face", ()),
        "stress_y": field(grid, 0.02, "y_face", ()),
        "heat": tensor(rng.normal(0.0, 200.0, cells)),
        "light": tensor(rng.uniform(0.0, 200.0, cells)),
        "fresh_water": tensor(rng.normal(0.0, 1e-3, cells)),
        "target_temperature": field(grid, 12.0, axes=()),
        "target_salinity": field(grid, 34.0, axes=()),
    }
    options = {"forced_by": ("wind", "heat", "light", "water", "targets")}
    ran = run(turbulent(grid), grid, fraction, options=options, forcing=forcing,
              outputs=AMOUNTS)  # fmt: skip
    for name, scale in (("volume", 1.0), ("heat", 4.1e7), ("salt", 36.0)):
        gained, entering = (
            ran.outputs[f"{name}_{x}"].sum((1, 2)) for x in ("gained", "entering")
        )
        whole = held(grid, fraction, ran.state, "volume") * scale
        assert float(entering.abs().max()) > 1e-9 * whole
        assert float((gained - entering).cumsum(0).abs().max()) < 1e-13 * whole


def test_light_is_absorbed_to_the_last_and_deeper_than_heat() -> None:
    grid = box(1, 2, 1e5, 60.0, levels=12, periodic=("x", "y"))
    forcing = {
        "heat": field(grid, 100.0, axes=()),
        "light": field(grid, 100.0, axes=()),
    }
    ran = flow(grid, {"forced_by": ("heat", "light")}, {}, dt=3600.0, steps=1,
               forcing=forcing, parameters={"salinity_restoring": 0.0},
               outputs=["heat_gained"])  # fmt: skip
    assert ran.outputs["heat_gained"].sum() == pytest.approx(
        100.0 * 3600.0 * 2e10, rel=1e-9
    )
    warmer = ran.state["temperature"][:, 0, 0] - 10.0
    bottom = 5.0 * np.arange(1, 13)
    light = 0.58 * np.exp(-bottom / 0.35) + 0.42 * np.exp(-bottom / 23.0)
    light[-1] = 0.0
    expected = -np.diff(light, prepend=1.0) * 100.0 * 3600.0 / (1026.0 * 3990.0 * 5.0)
    np.testing.assert_allclose(warmer.numpy(), expected, rtol=1e-9)


def test_water_at_rest_over_a_rough_bottom_stays_at_rest() -> None:
    grid, fraction = rough(3)
    thickness = tensor(grid.widths("z"))[:, None, None] * fraction
    centre = thickness.cumsum(0) - 0.5 * thickness
    state = {"temperature": 20.0 - 15.0 * centre / 3000.0}
    ran = run(state, grid, fraction, steps=24, options={"density": "linear"},
              parameters={"vertical_diffusivity": 0.0, "diffusivity": 0.0})  # fmt: skip
    assert max(float(ran.state[n].abs().max()) for n in ("u", "v")) < 3e-6


def test_the_turning_of_the_earth_does_no_work() -> None:
    rng = np.random.default_rng(4)
    x, y, spin = (tensor(rng.normal(size=(ROWS, COLUMNS))) for _ in range(3))
    terms = x * turned_x(spin, y)
    power = (terms - y * turned_y(spin, x)).sum()
    assert float(power.abs()) < 1e-13 * float(terms.abs().sum())


def test_lateral_friction_takes_energy() -> None:
    from bmi_dmx.models.ocean.momentum import stress_tendencies
    from bmi_dmx.models.ocean.primitive_equations import PrimitiveEquations

    grid, fraction = rough(5)
    process = PrimitiveEquations({"no_slip": True}).on(grid)
    parameters = {
        p.name: tensor(p.default) for p in process.parameters if p.default is not None
    }
    parameters |= {p.name: tensor(grid.measure(p.measure, p.at, p.axes))
              for p in process.parameters if p.source == "space"}  # fmt: skip
    parameters["cell_fraction"] = fraction
    p = SimpleNamespace(**process.prepare(SimpleNamespace(**parameters)))
    rng = np.random.default_rng(6)
    u, v = (tensor(rng.normal(size=fraction.shape)) * m for m in (p.open_x, p.open_y))
    force_x, force_y = stress_tendencies(u, v, p)
    volume_x, volume_y = (
        torch.where(x > 0, 1 / x, 0.0) for x in (p.per_volume_x, p.per_volume_y)
    )
    assert float((u * force_x * volume_x).sum() + (v * force_y * volume_y).sum()) < 0.0
