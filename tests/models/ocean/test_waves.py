"""Waves go as fast as theory says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.space import Grid

from .boxes import GRAVITY, box, field, flow, period_of

X_FACE, Y_FACE = "x_face", "y_face"


def places(grid: Grid, at: Any = "cell") -> tuple[Any, Any]:
    """Return x, and y as a column."""
    return grid.nodes("x", at), grid.nodes("y", at)[:, None]


def phase_speed(series: Any, x: Any, wavenumber: float, dt: float) -> float:
    """Return the speed of a wave by its phase along x, (time, column)."""
    phase = np.angle((np.asarray(series) * np.exp(-1j * wavenumber * x)).sum(-1))
    slope = np.polyfit(dt * np.arange(len(phase)), np.unwrap(phase), 1)[0]
    return float(-slope / wavenumber)


def gravity_wave(columns: int, dt: float) -> float:
    """Return the period of a standing wave on 6400 km of water, 4000 m deep."""
    grid = box(2, columns, 6.4e6 / columns, 4000.0, periodic=("x", "y"))
    x, _ = places(grid)
    elevation = field(grid, 0.01 * np.cos(2.0 * np.pi * x / 6.4e6), axes=())
    ran = flow(grid, {}, {"elevation": elevation}, dt=dt, steps=round(7e4 / dt),
               outputs=["elevation"])  # fmt: skip
    return period_of(ran.outputs["elevation"][:, 0, 0], dt)


def test_a_standing_gravity_wave_has_its_period() -> None:
    assert gravity_wave(64, 600.0) == pytest.approx(32308.4, rel=4e-4)


def test_errors_fall_with_the_square_of_the_resolution() -> None:
    coarse, fine = (gravity_wave(n, 9600.0 / n) / 32308.4 - 1.0 for n in (12, 24))
    assert coarse > 0.0
    assert np.log2(coarse / fine) == pytest.approx(2.0, abs=0.15)


def test_an_inertial_circle_closes_in_half_a_pendulum_day() -> None:
    turning = 2.0 * 7.292115e-5 * np.sin(np.radians(50.0))
    grid = box(2, 2, 1e5, 1000.0, periodic=("x", "y"))
    ran = flow(grid, {"rotation": turning}, {"u": field(grid, 0.1, X_FACE)},
               dt=1800.0, steps=100, outputs=["u", "v"])  # fmt: skip
    u, v = (ran.outputs[n][:, 0, 0, 0].numpy() for n in ("u", "v"))
    assert v[0] < 0.0
    assert period_of(u, 1800.0) == pytest.approx(2.0 * np.pi / turning, rel=1e-3)
    assert np.hypot(u, v) == pytest.approx(0.1, rel=2e-3)


def test_a_kelvin_wave_keeps_to_its_wall() -> None:
    depth, turning, length = 100.0, 1e-4, 3e6
    speed = np.sqrt(GRAVITY * depth)
    grid = box(30, 60, 5e4, depth, periodic=("x",))
    k = 2.0 * np.pi / length

    def shape(at: Any) -> Any:
        x, y = places(grid, at)
        return 0.01 * np.cos(k * x) * np.exp(-(y + 7.5e5) * turning / speed)

    state = {
        "elevation": field(grid, shape("cell"), axes=()),
        "u": field(grid, np.sqrt(GRAVITY / depth) * shape(X_FACE), X_FACE),
    }
    ran = flow(
        grid, {"rotation": turning}, state, dt=1800.0, steps=53, outputs=["elevation"]
    )
    elevation = ran.outputs["elevation"].numpy()
    assert phase_speed(elevation[:, 0], places(grid)[0], k, 1800.0) == pytest.approx(
        speed, rel=5e-3
    )
    height = np.abs(np.fft.rfft(elevation[-1], axis=-1)[:, 1])
    scale = -5e4 / np.polyfit(np.arange(15), np.log(height[:15]), 1)[0]
    assert scale == pytest.approx(speed / turning, rel=0.02)


def test_the_first_internal_mode_has_its_speed() -> None:
    stability, depth, length = 1e-2, 1000.0, 2e5
    grid = box(2, 32, length / 32, depth, levels=20, periodic=("x", "y"))
    z = grid.nodes("z")[:, None, None]
    warmth = 40.0 + z * stability**2 / (GRAVITY * 2e-4)
    mode = np.cos(np.pi * z / depth)
    u = 1e-3 * mode * np.cos(2.0 * np.pi * places(grid, X_FACE)[0] / length)
    ran = flow(grid, {"density": "linear"},
               {"temperature": field(grid, warmth), "u": field(grid, u, X_FACE)},
               dt=1200.0, steps=100, outputs=["u"])  # fmt: skip
    series = (ran.outputs["u"][:, :, 0, 0].numpy() * mode[:, 0, 0]).sum(-1)
    speed = length / period_of(series, 1200.0)
    assert speed == pytest.approx(stability * depth / np.pi, rel=0.01)


def test_a_barotropic_rossby_wave_goes_west() -> None:
    turning, beta, depth = 1e-4, 2e-11, 4000.0
    grid = box(40, 60, 1e5, depth, periodic=("x",))
    k, m = 2.0 * np.pi / 6e6, np.pi / 4e6
    height, push = 0.01, GRAVITY / turning * 0.01
    (x, y), (xu, yu), (xv, yv) = (places(grid, at) for at in ("cell", X_FACE, Y_FACE))
    state = {
        "elevation": field(grid, height * np.cos(k * x) * np.cos(m * y), axes=()),
        "u": field(grid, push * m * np.cos(k * xu) * np.sin(m * yu), X_FACE),
        "v": field(grid, -push * k * np.sin(k * xv) * np.cos(m * yv), Y_FACE),
    }
    ran = flow(grid, {"rotation": turning, "beta": beta}, state, dt=3600.0, steps=96,
               outputs=["v"])  # fmt: skip
    speed = phase_speed(ran.outputs["v"][:, 0, 20], xv, k, 3600.0)
    theory = -beta / (k * k + m * m + turning**2 / (GRAVITY * depth))
    assert theory == pytest.approx(-10.161, abs=5e-4)
    assert speed == pytest.approx(theory, rel=5e-3)


def test_a_step_of_the_surface_adjusts_to_the_radius_of_rossby() -> None:
    depth, turning, columns, spacing = 500.0, 1e-4, 96, 1e5
    grid = box(2, columns, spacing, depth, periodic=("x", "y"))
    middle = (np.arange(columns) >= columns // 4) & (
        np.arange(columns) < 3 * columns // 4
    )
    step = np.where(middle, 0.1, -0.1)
    ran = flow(grid, {"rotation": turning}, {"elevation": field(grid, step, axes=())},
               dt=3600.0, steps=192, outputs=["elevation"])  # fmt: skip
    mean = ran.outputs["elevation"][:, 0].mean(0).numpy()
    wavenumber = 2.0 * np.pi * np.fft.fftfreq(columns, spacing)
    radius = np.sqrt(GRAVITY * depth) / turning
    expected = np.fft.ifft(np.fft.fft(step) / (1.0 + (radius * wavenumber) ** 2)).real
    assert radius == pytest.approx(7e5, rel=1e-3)
    assert np.sqrt(np.square(mean - expected).mean()) < 0.0033 * 0.2


def test_many_layers_on_a_turning_earth_do_not_grow_by_themselves() -> None:
    grid = box(8, 8, 2e5, 4000.0, levels=3, periodic=("x", "y"))
    rng = np.random.default_rng(0)
    state = {n: torch.from_numpy(1e-6 * rng.normal(size=(3, 8, 8))) for n in ("u", "v")}
    ran = flow(
        grid, {"rotation": 1.2e-4}, state, dt=7200.0, steps=200, outputs=["u", "v"]
    )
    energy = sum(ran.outputs[n].square().sum((1, 2, 3)) for n in ("u", "v"))
    assert float(energy[100:].max()) < 1.05 * float(energy[:20].max())


def test_lateral_friction_damps_waves_of_any_length() -> None:
    grid = box(16, 16, 25e3, 1000.0, periodic=("x", "y"))
    rng = np.random.default_rng(0)
    noise = torch.from_numpy(1e-3 * rng.normal(size=(16, 16)))
    # Steps in which all waves turn around more than once.
    ran = flow(grid, {}, {"elevation": noise - noise.mean()}, dt=4800.0, steps=60,
               parameters={"viscosity": 2e4}, outputs=["elevation"])  # fmt: skip
    size = ran.outputs["elevation"].square().mean((1, 2))
    assert float(size[-10:].max()) < 0.1 * float(size[:10].max())
