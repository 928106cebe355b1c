"""Wind, friction and weight bring about what theory says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bmi_dmx.space import Grid

from .boxes import DENSITY, GRAVITY, box, field, flow, tensor

X_FACE, Y_FACE = "x_face", "y_face"


def test_an_ekman_layer_has_its_transport_depth_and_angle() -> None:
    turning, friction = 1e-4, 1e-2
    grid = box(1, 2, 1e5, 75.0, levels=50, periodic=("x", "y"))
    forcing = {
        "stress_x": field(grid, 0.1, X_FACE, ()),
        "stress_y": field(grid, 0.0, Y_FACE, ()),
    }
    ran = flow(grid, {"rotation": turning, "forced_by": ("wind",)}, {},
               dt=600.0, steps=419,
               parameters={"vertical_viscosity": friction}, forcing=forcing,
               outputs=["u", "v"])  # fmt: skip
    # Four turns of the inertial circle, of which the last two are averaged.
    u, v = (ran.outputs[n][-209:, :, 0, 0].mean(0).numpy() for n in ("u", "v"))
    assert u.sum() * 1.5 == pytest.approx(0.0, abs=0.01)
    assert v.sum() * 1.5 == pytest.approx(-0.975, rel=5e-3)
    depth = np.sqrt(2.0 * friction / turning)
    spiral = np.hypot(u, v)[:12]
    below = (
        np.log(spiral)
        @ np.polynomial.polynomial.polyfit(np.arange(12), np.eye(12), 1)[1]
    )
    assert -1.5 / below == pytest.approx(depth, rel=0.05)
    # To the right of the wind by 45 degrees, and what half a level turns further.
    angle = np.degrees(np.arctan2(v[0], u[0]))
    assert angle == pytest.approx(-45.0 - np.degrees(0.75 / depth), abs=2.5)


def gyre(options: dict[str, Any], parameters: dict[str, Any], days: float) -> Any:
    """Return the stream function (Sv) at corners of a box under one gyre of wind."""
    cells, spacing, depth = 50, 25e3, 1000.0
    side = cells * spacing
    grid = box(cells, cells, spacing, depth)
    y = grid.nodes("y", X_FACE)[:, None] + 0.5 * side
    forcing = {
        "stress_x": field(grid, -0.01 * np.cos(np.pi * y / side), X_FACE, ()),
        "stress_y": field(grid, 0.0, Y_FACE, ()),
    }
    dt = 4800.0
    settings = {"rotation": 2e-5, "beta": 2e-11, "forced_by": ("wind",), **options}
    ran = flow(grid, settings, {}, dt=dt, steps=round(days * 86400.0 / dt),
               parameters=parameters, forcing=forcing)  # fmt: skip
    v = ran.state["v"][0].numpy()
    return np.cumsum(v * depth * spacing, axis=1) / 1e6


def test_a_stommel_gyre_is_that_of_the_closed_form() -> None:
    beta, drag, stress, side = 2e-11, 1e-6, 0.01, 1.25e6
    transport = gyre({}, {"drag": drag * 1000.0}, 60.0)
    x = 25e3 * np.arange(1, 51)
    y = 25e3 * np.arange(51)[:, None]
    # r ψ_xx + r ψ_yy + β ψ_x = curl τ / ρ, ψ = sin(π y / L) X(x).
    half = -0.5 * beta / drag
    root = np.sqrt(half**2 + (np.pi / side) ** 2)
    up, down = half + root, half - root
    level = stress * side / (np.pi * DENSITY * drag)
    p = (1.0 - np.exp(down * side)) / (np.exp(up * side) - np.exp(down * side))
    across = level * (1.0 - p * np.exp(up * x) - (1.0 - p) * np.exp(down * x)) / 1e6
    expected = across * np.sin(np.pi * y / side)
    sign = np.sign((transport * expected).sum())
    assert np.abs(expected).max() == pytest.approx(1.067, abs=2e-3)
    assert sign * transport[25, np.abs(transport[25]).argmax()] == pytest.approx(
        1.067, rel=6e-3
    )
    error = np.linalg.norm(sign * transport - expected) / np.linalg.norm(expected)
    assert error < 0.012


@pytest.mark.slow
def test_a_munk_gyre_has_its_transport() -> None:
    transport = gyre({"no_slip": True}, {"viscosity": 2e4}, 80.0)
    row, column = np.unravel_index(np.abs(transport).argmax(), transport.shape)
    assert abs(transport[row, column]) == pytest.approx(1.145, rel=0.01)
    assert 25e3 * (column + 1) == pytest.approx(3.2e5, abs=3e4)


def test_a_balanced_flow_around_the_sphere_stays() -> None:
    radius, speed, depth = 6.371e6, 10.0, 4000.0
    y = np.linspace(-80.0, 80.0, 41)
    grid = Grid(
        np.linspace(0.0, 360.0, 31), y, [0.0, -depth], periodic=("x",), radius=radius
    )
    phi = np.radians(grid.nodes("y"))[:, None]
    height = (
        -(radius * 7.292115e-5 * speed + 0.5 * speed**2) * np.sin(phi) ** 2 / GRAVITY
    )
    state = {
        "u": field(grid, speed * np.cos(phi), X_FACE),
        "elevation": field(grid, height - height.mean(), axes=()),
    }
    ran = flow(grid, {}, state, dt=3600.0, steps=72, outputs=["u"])
    change = ran.state["u"] - state["u"]
    assert float(change.abs().max()) < 0.02 * speed
    assert float(ran.state["v"].abs().max()) < 0.02 * speed


def exchange(advection: str) -> tuple[Any, Any, Any]:
    """Return a lock of warm and cold water six hours after it was opened."""
    grid = box(1, 64, 500.0, 20.0, levels=20)
    start = field(grid, np.where(grid.nodes("x") < 16e3, 5.0, 30.0))
    ran = flow(
        grid, {"density": "linear", "advection": advection}, {"temperature": start},
        dt=60.0, steps=300, outputs=["heat_gained"],
        parameters={"viscosity": 1.0, "vertical_viscosity": 1e-4},
    )  # fmt: skip
    return grid, start, ran


def reference_energy(grid: Grid, temperature: Any) -> float:
    """Return the potential energy of the water laid out by its weight, J m-2."""
    weight = np.sort(-DENSITY * 2e-4 * temperature.numpy().ravel())[::-1]
    thickness = 20.0 / weight.size
    height = thickness * (np.arange(weight.size) + 0.5)
    return float(GRAVITY * (weight * height).sum() * thickness)


@pytest.mark.parametrize("advection", ["upwind", "third-order"])
def test_water_of_a_lock_exchanges(advection: str) -> None:
    grid, start, ran = exchange(advection)
    temperature = ran.state["temperature"]
    assert float(temperature.min()) >= 5.0 - 1e-9
    assert float(temperature.max()) <= 30.0 + 1e-9
    heat = 1026.0 * 3990.0 * 500.0 * 500.0 * float(start.sum())
    assert (
        float(ran.outputs["heat_gained"].sum((1, 2)).cumsum(0).abs().max())
        < 1e-12 * heat
    )
    cold = temperature[-1, 0].numpy() < 17.5
    speed = (500.0 * (np.flatnonzero(cold).max() + 1) - 16e3) / (300 * 60.0)
    theory = 0.5 * np.sqrt(GRAVITY * 2e-4 * 25.0 * 20.0)
    assert theory == pytest.approx(0.495, abs=1e-3)
    assert 0.8 * theory < speed < 1.05 * theory
    before, after = (reference_energy(grid, x) for x in (start, temperature))
    assert after >= before - 1e-9 * abs(before)


def test_less_is_mixed_by_the_scheme_of_third_order() -> None:
    grown = []
    for advection in ("upwind", "third-order"):
        grid, start, ran = exchange(advection)
        grown.append(
            reference_energy(grid, ran.state["temperature"])
            - reference_energy(grid, start)
        )
    assert 0.0 < grown[1] < 0.8 * grown[0]


@pytest.mark.slow
def test_an_eady_wave_grows_at_its_rate() -> None:
    turning, stability, depth, shear = 1e-4, 1e-2, 1000.0, 1e-3
    length, rows, spacing = 391e3, 80, 391e3 / 20
    grid = box(rows, 20, spacing, depth, levels=16, periodic=("x",))
    width = rows * spacing
    z, zu = (grid.nodes("z")[:, None, None] for _ in range(2))
    y = grid.nodes("y")[:, None]
    per_kelvin = GRAVITY * 2e-4
    warmth = 40.0 + (stability**2 * z - turning * shear * y) / per_kelvin
    k, m = 2.0 * np.pi / length, np.pi / width
    x = grid.nodes("x")
    wave = 1e-3 * np.cos(k * x) * np.cos(m * y) * np.ones_like(z)
    state = {
        "temperature": field(grid, warmth + wave),
        "u": field(grid, shear * (zu + 0.5 * depth), X_FACE),
        "elevation": field(grid, -turning * shear * 0.5 * depth / GRAVITY * y, axes=()),
    }
    ran = flow(grid, {"density": "linear", "rotation": turning}, state, dt=2400.0,
               steps=900, outputs=["v"])  # fmt: skip
    v = ran.outputs["v"][:, 0, rows // 2].numpy()
    size = np.abs(np.fft.rfft(v, axis=-1)[:, 1])
    late = slice(540, 900)
    rate = np.polyfit(2400.0 * np.arange(900)[late], np.log(size[late]), 1)[0]
    mu = stability * depth / turning * np.hypot(k, m) / 2.0
    theory = (
        k * shear * depth / (2.0 * mu)
        * np.sqrt((1.0 / np.tanh(mu) - mu) * (mu - np.tanh(mu)))
    )  # fmt: skip
    assert theory == pytest.approx(0.3098 * turning * shear / stability, rel=0.1)
    assert rate == pytest.approx(theory, rel=0.06)


def test_diffusion_decays_as_it_should() -> None:
    grid = box(2, 32, 1e4, 100.0, periodic=("x", "y"))
    k = 2.0 * np.pi / 3.2e5
    start = 10.0 + np.cos(k * grid.nodes("x"))
    ran = flow(grid, {"expansion": 0.0, "density": "linear"},
               {"temperature": field(grid, start)},
               dt=3600.0, steps=100, parameters={"diffusivity": 2e3})  # fmt: skip
    amplitude = (ran.state["temperature"][0, 0].numpy() - 10.0) / np.cos(
        k * grid.nodes("x")
    )
    assert amplitude == pytest.approx(np.exp(-2e3 * k * k * 3.6e5), rel=4e-3)


@pytest.mark.parametrize(
    ("advection", "least", "most"), [("upwind", 0.8, 1.2), ("third-order", 2.0, 3.5)]
)
def test_advection_has_its_order(advection: str, least: float, most: float) -> None:
    errors = []
    for cells in (24, 48):
        spacing = 4.8e5 / cells
        grid = box(1, cells, spacing, 10.0, periodic=("x", "y"))
        # Means over cells of a wave, of which a whole turn leaves nothing changed.
        phase = 2.0 * np.pi * grid.nodes("x", X_FACE) / 4.8e5
        start = 2.0 - np.diff(np.cos(np.insert(phase, 0, 0.0))) * cells / (2.0 * np.pi)
        ran = flow(
            grid, {"expansion": 0.0, "density": "linear", "advection": advection},
            {"temperature": field(grid, start), "u": field(grid, 1.0, X_FACE)},
            dt=0.4 * spacing, steps=round(cells / 0.4),
        )  # fmt: skip
        errors.append(
            float((ran.state["temperature"][0, 0] - tensor(start)).abs().mean())
        )
    assert least < np.log2(errors[0] / errors[1]) < most
