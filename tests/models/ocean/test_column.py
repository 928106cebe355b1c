"""A column of the ocean, against exact solutions, budgets and differences."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bmi_dmx import scan
from bmi_dmx.errors import ConfigError
from bmi_dmx.models.ocean.air_sea import passing, sunlight
from bmi_dmx.models.ocean.column import Column
from bmi_dmx.models.ocean.column_correction import correction_names
from bmi_dmx.models.ocean.column_declarations import numbered

HOUR = 3600.0
WATER = 1026.0 * 3990.0
QUIET = {
    "shear_viscosity": 0.0, "wind_mixing": 0.0, "convection": 0.0,
    "background_diffusivity": 0.0, "background_viscosity": 0.0, "current_loss": 0.0,
    "latitude": 50.0,
}  # fmt: skip
"""Nothing mixes and nothing is lost."""


def made(thickness: tuple[float, ...], **options: Any) -> Column:
    return Column({"thickness": thickness, **options})


def parameters(process: Column, **changes: float) -> dict[str, float]:
    usual = {p.name: p.default for p in process.parameters if p.default is not None}
    return {**usual, "latitude": 50.0, **changes}


def still(steps: int, **fluxes: float) -> dict[str, Tensor]:
    """Return fluxes of nothing but what is given."""
    names = ("stress_x", "stress_y", "heat", "light")
    return {
        n: torch.full((steps, 1), fluxes.get(n, 0.0), dtype=torch.float64)
        for n in names
    }


def profile(process: Column, name: str, values: Any) -> dict[str, Tensor]:
    names = numbered(name, len(process.options.thickness))
    x = np.broadcast_to(np.asarray(values, dtype=float), (len(names),))
    return {n: torch.full((1, 1), float(v), dtype=torch.float64)
            for n, v in zip(names, x, strict=True)}  # fmt: skip


def ran(
    process: Column, state: dict[str, Tensor], forcing: dict[str, Tensor],
    coefficients: dict[str, Any], hours: float,
) -> Any:  # fmt: skip
    return scan(process, state, forcing, coefficients, dt=hours, backend="reference")


def levels(
    process: Column, state: dict[str, Tensor], name: str
) -> np.ndarray[Any, Any]:
    return np.array(
        [float(state[n]) for n in numbered(name, len(process.options.thickness))]
    )


def error_of_diffusion(count: int) -> float:
    """Return how far the slowest wave of temperature is from its exact decay."""
    depth, kappa, hours, steps = 100.0, 2e-3, 0.5, 96
    process = made((depth / count,) * count)
    z = (np.arange(count) + 0.5) * depth / count
    wave = np.cos(math.pi * z / depth)
    coefficients = parameters(process, **QUIET) | {"background_diffusivity": kappa}
    start = profile(process, "temperature", 10.0 + wave)
    run = ran(process, start, still(steps), coefficients, hours)
    rate = kappa * (math.pi / depth) ** 2
    expected = 10.0 + wave * math.exp(-rate * steps * hours * HOUR)
    return float(np.abs(levels(process, run.state, "temperature") - expected).max())


def test_a_wave_of_temperature_fades_as_diffusion_says() -> None:
    coarse, fine = error_of_diffusion(6), error_of_diffusion(12)
    assert fine < 2e-3
    assert coarse > 2.5 * fine


def test_water_that_is_pushed_once_goes_around_in_half_a_pendulum_day() -> None:
    process = made((10.0, 10.0))
    coefficients = parameters(process, **QUIET)
    period = math.pi / (7.292115e-5 * math.sin(math.radians(50.0)))
    assert period / HOUR == pytest.approx(15.62, abs=0.01)
    start = profile(process, "x_velocity", 0.2)
    run = ran(process, start, still(48), coefficients, period / HOUR / 48)
    np.testing.assert_allclose(levels(process, run.state, "x_velocity"), 0.2)
    np.testing.assert_allclose(
        levels(process, run.state, "y_velocity"), 0.0, atol=1e-12
    )


def test_steady_wind_drives_the_spiral_of_ekman() -> None:
    stress, viscosity, loss = 0.1, 1e-2, 2e-5
    process = made((2.0,) * 25)
    f = 2.0 * 7.292115e-5 * math.sin(math.radians(50.0))
    coefficients = parameters(process, **QUIET)
    coefficients |= {"background_viscosity": viscosity, "current_loss": loss}
    hours, steps = 0.5, 240
    run = ran(process, {}, still(steps, stress_x=stress), coefficients, hours)
    u, v = (levels(process, run.state, f"{a}_velocity") for a in "xy")
    z = np.arange(25) * 2.0 + 1.0
    # (u + iv)_t = -(if + r)(u + iv) + (ν (u + iv)_z)_z, at rest far below.
    root = np.sqrt((loss + 1j * f) / viscosity)
    expected = stress / 1026.0 / (viscosity * root) * np.exp(-root * z)
    scale = abs(expected).max()
    np.testing.assert_allclose(u + 1j * v, expected, atol=0.05 * scale)
    transport = 2.0 * (u + 1j * v).sum()
    assert transport == pytest.approx(stress / 1026.0 / (loss + 1j * f), rel=5e-3)


@pytest.mark.parametrize(("day", "gradient"), [(1.0, -3e-6), (183.6, -7e-6)])
def test_wind_brings_what_it_carries_past_a_gradient(
    day: float, gradient: float
) -> None:
    process = made((10.0, 20.0), carried=True)
    west_wind = {**still(2, stress_x=0.1, stress_y=0.05, heat=20.0), "day_of_year": day}
    forcing = {n: torch.as_tensor(x).expand(2, 1).double()
               for n, x in west_wind.items()}  # fmt: skip
    coefficients = parameters(process, **QUIET) | {
        "gradient_y": -5e-6, "gradient_y_cos": 2e-6, "gradient_x": 1e-6,
        "heat_from_aside_cos2": 3.0,
    }  # fmt: skip
    start = profile(process, "temperature", 10.0)
    outputs = ran(process, start, forcing, coefficients, 3.0).outputs
    # To the right of the wind: a wind to the east carries water of the north southward.
    turning = 2.0 * 7.292115e-5 * math.sin(math.radians(50.0))
    south, east = 0.1 / turning, 0.05 / turning
    expected = 3990.0 * (south * gradient - east * 1e-6) + 3.0
    per_step = outputs["heat_brought"][0, 0] / (3.0 * HOUR)
    assert float(per_step) == pytest.approx(expected, rel=0.02)
    gained = outputs["heat_entering"] + outputs["heat_brought"]
    torch.testing.assert_close(outputs["heat_gained"], gained, rtol=1e-9, atol=1e-3)


def test_light_warms_by_what_fades_on_the_way() -> None:
    process = made((2.0, 3.0, 5.0, 10.0))
    coefficients = parameters(process, **QUIET) | {
        "red_share": 0.6, "red_depth": 1.0, "blue_depth": 10.0,
    }  # fmt: skip
    start = profile(process, "temperature", 10.0)
    run = ran(process, start, still(1, heat=200.0, light=200.0), coefficients, 1.0)
    floors = np.array([0.0, 2.0, 5.0, 10.0])
    through = 0.6 * np.exp(-floors) + 0.4 * np.exp(-floors / 10.0)
    shares = np.append(through[:-1] - through[1:], through[-1])
    warmed = levels(process, run.state, "temperature") - 10.0
    expected = 200.0 * HOUR / WATER * shares / np.array([2.0, 3.0, 5.0, 10.0])
    np.testing.assert_allclose(warmed, expected, rtol=1e-9)


def test_cooled_water_mixes_down_to_where_it_is_as_cold() -> None:
    # Cooling a uniform gradient mixes it to h = sqrt(2 Q t / (ρ c G)).
    gradient, heat, days = 0.05, -100.0, 30
    process = made((4.0,) * 20, density="linear")
    z = np.arange(20) * 4.0 + 2.0
    coefficients = parameters(process, **QUIET) | {"convection": 1.0}
    start = profile(process, "temperature", 15.0 - gradient * z)
    run = ran(process, start, still(4 * days, heat=heat), coefficients, 6.0)
    t = levels(process, run.state, "temperature")
    depth = math.sqrt(2.0 * -heat * days * 86400.0 / (WATER * gradient))
    above = z < depth - 4.0
    assert np.ptp(t[above]) < 0.02
    np.testing.assert_allclose(t[above], 15.0 - gradient * depth, atol=0.05)
    np.testing.assert_allclose(t[z > depth + 4.0], (15.0 - gradient * z)[z > depth + 4])


def test_wind_deepens_the_mixed_layer_against_stratification() -> None:
    # Pollard, Rhines and Thompson (1973): half a pendulum day after the wind began the
    # layer is 2^(3/4) u* / sqrt(f N) deep; mixing by shear alone comes near that.
    process = made((1.5,) * 30, density="linear")
    z = np.arange(30) * 1.5 + 0.75
    frequency, stress = 1e-2, 0.2
    gradient = frequency**2 / (9.81 * 2e-4)
    f = 2.0 * 7.292115e-5 * math.sin(math.radians(50.0))
    coefficients = parameters(process, **QUIET) | {
        "shear_viscosity": 5e-2, "background_viscosity": 1e-5,
    }  # fmt: skip
    start = profile(process, "temperature", 15.0 - gradient * z)
    hours = math.pi / f / HOUR / 60
    run = ran(process, start, still(60, stress_x=stress), coefficients, hours)
    warmth = levels(process, run.state, "temperature")
    expected = 2.0**0.75 * math.sqrt(stress / 1026.0) / math.sqrt(f * frequency)
    # A layer mixed to h from a gradient G has lost G h / 2 at its surface.
    depth = 2.0 * (15.0 - gradient * z[0] - warmth[0]) / gradient
    assert 0.6 * expected < depth < 1.4 * expected


@given(st.integers(0, 10_000), st.sampled_from(["fluxes", "weather"]))
@settings(max_examples=15, deadline=None)
def test_heat_and_salt_are_kept_whatever_the_correction_answers(
    seed: int, surface: str
) -> None:
    rng = np.random.default_rng(seed)
    process = made((3.0, 5.0, 8.0, 13.0), surface=surface, hidden=3)
    weights = {n: float(rng.normal(0.0, 3.0)) for n in correction_names(3)}
    coefficients = parameters(process, heat_from_aside=25.0, **weights)
    forcing = {}
    for one in process.forcings:
        low, high = one.bounds or (0.0, 1.0)
        x = low + (high - low) * rng.uniform(0.4, 0.6, (24, 1))
        forcing[one.name] = torch.from_numpy(x)
    start = profile(process, "temperature", rng.uniform(5.0, 15.0, 4))
    start |= profile(process, "salinity", rng.uniform(32.0, 34.0, 4))
    run = ran(process, start, forcing, coefficients, 3.0)
    wide = np.array(process.options.thickness)
    change = {
        name: float(
            wide @ (levels(process, run.state, name) - levels(process, start, name))
        )
        for name in ("temperature", "salinity")
    }
    entered = float((run.outputs["heat_entering"] + run.outputs["heat_brought"]).sum())
    assert float(run.outputs["heat_brought"].sum()) == pytest.approx(25.0 * 72 * HOUR)
    assert WATER * change["temperature"] == pytest.approx(entered, abs=1e-2)
    assert abs(change["salinity"]) < 1e-10


def test_a_correction_without_weights_changes_no_bit() -> None:
    forcing = still(40, stress_x=0.1, heat=-50.0, light=80.0)
    plain, corrected = (made((4.0, 6.0, 10.0), hidden=h) for h in (0, 4))
    start = profile(plain, "temperature", [12.0, 11.0, 9.0])
    one = ran(plain, start, forcing, parameters(plain), 3.0)
    other = ran(corrected, start, forcing, parameters(corrected), 3.0)
    for name, x in one.state.items():
        assert torch.equal(x, other.state[name]), name


def test_units_of_the_correction_begin_apart() -> None:
    process = made((4.0, 6.0), hidden=4)
    weights = dict.fromkeys(correction_names(4), 0.0)
    p = {**parameters(process), **weights}
    learned = {n: torch.full((1, 1), v, dtype=torch.float64) for n, v in p.items()}
    last = correction_names(4)[-10:-6]
    for name in last:
        learned[name].requires_grad_(True)
    start = profile(process, "temperature", [12.0, 11.5])
    run = ran(process, start, still(10, stress_x=0.1), learned, 3.0)
    run.outputs["surface_temperature"][-1].sum().backward()
    pulls = []
    for name in last:
        gradient = learned[name].grad
        assert gradient is not None
        pulls.append(float(gradient))
    assert len({round(pull / max(map(abs, pulls)), 6) for pull in pulls}) == 4


@pytest.mark.parametrize("surface", ["fluxes", "weather"])
def test_gradients_agree_with_differences(surface: str) -> None:
    process = made((3.0, 5.0, 8.0), surface=surface, hidden=1)
    rng = np.random.default_rng(3)
    coefficients = parameters(process) | {
        n: float(rng.normal(0.0, 0.5)) for n in correction_names(1)
    }
    middle = {"air_temperature": 285.0, "dew_point": 282.0, "air_pressure": 101500.0}
    fluxes = {"stress_x": 0.1, "stress_y": 0.02, "heat": 60.0, "light": 150.0}
    forcing = {
        f.name: torch.full(
            (6, 1),
            {**middle, **fluxes, "wind_x": 7.0, "day_of_year": 120.0}.get(f.name, 0.4),
            dtype=torch.float64,
        )
        for f in process.forcings
    }
    start = profile(process, "temperature", [12.0, 11.5, 10.0])

    def surface_after(**changed: Any) -> Tensor:
        run = ran(process, start, forcing, {**coefficients, **changed}, 3.0)
        last: Tensor = run.outputs["surface_temperature"][-1].sum()
        return last

    for parameter in process.parameters:
        name, (low, high) = parameter.name, parameter.limits
        value = torch.full(
            (1, 1), coefficients[name], dtype=torch.float64, requires_grad=True
        )
        (slope,) = torch.autograd.grad(surface_after(**{name: value}), value)
        step = 1e-6 * (high - low)
        up, down = (
            surface_after(**{name: coefficients[name] + d}) for d in (step, -step)
        )
        difference = float(up - down) / (2.0 * step)
        assert float(slope) == pytest.approx(difference, rel=2e-4, abs=1e-7), name


def test_light_of_a_day_is_that_of_the_sun_through_its_hours() -> None:
    for latitude in (-66.0, -20.0, 0.0, 43.0, 80.0):
        for day in (15.0, 80.0, 172.0, 300.0):
            turn = 2.0 * math.pi * (day - 1.0) / 365.25
            tilt = (
                0.006918 - 0.399912 * math.cos(turn) + 0.070257 * math.sin(turn)
                - 0.006758 * math.cos(2 * turn) + 0.000907 * math.sin(2 * turn)
            )  # fmt: skip
            hours = 2.0 * math.pi * (np.arange(20000) + 0.5) / 20000
            phi = math.radians(latitude)
            height = math.sin(phi) * math.sin(tilt) + math.cos(phi) * math.cos(
                tilt
            ) * np.cos(hours)
            expected = 1361.0 * np.clip(height, 0.0, None).mean()
            light = sunlight(torch.tensor(latitude), torch.tensor(day))
            assert float(light) == pytest.approx(expected, rel=0.04, abs=0.2)


def test_what_passes_between_air_and_sea_is_of_the_usual_size() -> None:
    t = torch.tensor
    f = SimpleNamespace(
        wind_x=t(8.0), wind_y=t(0.0), air_temperature=t(288.15), dew_point=t(283.15),
        air_pressure=t(101325.0), cloud_cover=t(0.5), day_of_year=t(172.0),
    )  # fmt: skip
    p = SimpleNamespace(
        wind_factor=t(1.0), heat_transfer=t(1.2e-3), clear_light=t(0.7),
        cloud_shade=t(0.6), cloud_warmth=t(0.6), latitude=t(43.0),
    )  # fmt: skip
    fluxes = passing(t(17.0), t(0.0), t(0.0), f, p)
    # 1.22 kg m-3, 8 m/s, a drag of 1.11e-3; air and water differ by 2 K and 4.3 g/kg.
    assert float(fluxes.stress_x) == pytest.approx(0.087, rel=0.03)
    assert float(fluxes.stress_y) == 0.0
    assert float(fluxes.sensible) == pytest.approx(-23.6, rel=0.03)
    assert float(fluxes.latent) == pytest.approx(-126.0, rel=0.05)
    assert -90.0 < float(fluxes.longwave) < -50.0
    assert 200.0 < float(fluxes.light) < 260.0
    parts = fluxes.light + fluxes.latent + fluxes.sensible + fluxes.longwave
    assert float(fluxes.heat) == float(parts)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"thickness": ()},
            "thickness: number of levels: expected at least 1, found 0",
        ),
        ({"thickness": (5.0, -1.0)}, "thickness: level 2 has -1 m, expected more than"),
        ({"hidden": 99}, "hidden: expected at most 32, found 99"),
    ],
)
def test_columns_that_cannot_be_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Column(options)
