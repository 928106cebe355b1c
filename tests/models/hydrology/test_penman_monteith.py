"""Evaporation by radiation against the worked examples and tables of FAO-56."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.models.hydrology.penman_monteith import (
    PenmanMonteith,
    PenmanMonteithHourly,
)
from bmi_dmx.models.hydrology.pet import (
    net_radiation,
    psychrometric_constant,
    saturation_slope,
    saturation_vapour_pressure,
    vapour_pressure,
)
from bmi_dmx.models.hydrology.priestley_taylor import (
    PriestleyTaylor,
    PriestleyTaylorHourly,
)
from bmi_dmx.process import Process

STEFAN_BOLTZMANN = 5.670374e-8


def number(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def weather(
    temperature: float,
    energy: float,
    vapour: float = 1.0,
    pressure: float = 101.3,
    wind: float = 0.0,
) -> SimpleNamespace:
    """Return forcings with a net radiation in MJ m-2 d-1, kPa, and wind at 2 m."""
    shortwave = 400.0
    emitted = STEFAN_BOLTZMANN * (temperature + 273.15) ** 4
    values = {
        "air_temperature": temperature,
        "shortwave_radiation": shortwave,
        "longwave_radiation": energy / 0.0864 + emitted - 0.77 * shortwave,
        "specific_humidity": 0.622 * vapour / (pressure - 0.378 * vapour),
        "air_pressure": 1000.0 * pressure,
        "wind_x": 0.6 * wind / 0.748,
        "wind_y": -0.8 * wind / 0.748,
    }
    return SimpleNamespace(**{name: number(x) for name, x in values.items()})


def evaporation(process: Process, forcing: SimpleNamespace) -> float:
    nothing = SimpleNamespace()
    _, fluxes = process.step(nothing, forcing, nothing)
    return float(fluxes["potential_evaporation"])


@pytest.mark.parametrize(
    ("temperature", "pressure", "slope"),
    # Annex 2, tables 2.3 and 2.4.
    [(1.0, 0.657, 0.047), (20.0, 2.338, 0.145), (35.5, 5.780, 0.318)],
)
def test_vapour_of_the_tables(
    temperature: float, pressure: float, slope: float
) -> None:
    vapour = saturation_vapour_pressure(number(temperature))
    assert vapour == pytest.approx(pressure, abs=5e-3)
    assert saturation_slope(number(temperature)) == pytest.approx(slope, abs=6e-4)


def test_the_slope_is_the_derivative() -> None:
    warm = number(17.0).requires_grad_()
    (slope,) = torch.autograd.grad(saturation_vapour_pressure(warm), warm)
    assert saturation_slope(warm.detach()) == pytest.approx(float(slope), rel=3e-3)


def test_the_psychrometric_constant_of_example_2() -> None:
    # 1800 m, 81.8 kPa.
    assert psychrometric_constant(number(81800.0)) == pytest.approx(0.054, abs=5e-4)


def test_vapour_is_humidity_times_pressure() -> None:
    vapour = vapour_pressure(number(0.010), number(100000.0))
    assert vapour == pytest.approx(100.0 * 0.010 / (0.622 + 0.00378), rel=1e-12)


def test_net_radiation_by_hand() -> None:
    radiation = net_radiation(number(500.0), number(300.0), number(20.0))
    emitted = STEFAN_BOLTZMANN * 293.15**4
    assert radiation == pytest.approx(
        0.0864 * (0.77 * 500.0 + 300.0 - emitted), rel=1e-12
    )


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        # Example 19, N'Diaye: 14-15 h, and 2-3 h at night.
        (weather(38.0, 24 * 1.749, 0.52 * 6.625, 101.2, 3.3), 0.63),
        (weather(28.0, 24 * -0.100, 0.90 * 3.780, 101.2, 1.9), 0.00),
    ],
)
def test_hours_of_example_19(hour: SimpleNamespace, expected: float) -> None:
    per_hour = evaporation(PenmanMonteithHourly(), hour) / 24.0
    assert per_hour == pytest.approx(expected, abs=0.005)


def test_the_day_of_example_18() -> None:
    """Brussels, 6 July: 3.9 mm with the saturation of the extremes, 1.997 kPa."""
    day = weather(16.9, 13.28, 1.409, 100.1, 2.078)
    rate = evaporation(PenmanMonteith(), day)
    slope, gamma = 0.122, 0.0666
    saturated = 0.6108 * 2.718281828 ** (17.27 * 16.9 / (16.9 + 237.3))
    by_hand = (
        0.408 * slope * 13.28 + gamma * 900 / 289.9 * 2.078 * (saturated - 1.409)
    ) / (slope + gamma * (1 + 0.34 * 2.078))
    assert rate == pytest.approx(by_hand, rel=5e-3)
    assert 0.95 * 3.9 < rate < 3.9


def test_hours_of_a_day_agree_with_the_day() -> None:
    """With radiation by day only, the two forms differ by the heat of the ground."""
    hourly = evaporation(PenmanMonteithHourly(), weather(16.9, 13.28, 1.4, 100.1, 2.0))
    daily = evaporation(PenmanMonteith(), weather(16.9, 13.28, 1.4, 100.1, 2.0))
    assert 0.9 * daily < hourly < daily


def test_priestley_and_taylor_by_hand() -> None:
    rate = evaporation(PriestleyTaylor(), weather(20.0, 12.0))
    slope, gamma = 0.14475, 0.665e-3 * 101.3
    by_hand = 1.26 * slope / (slope + gamma) * 12.0 / 2.45
    assert rate == pytest.approx(by_hand, rel=1e-3)


def test_nothing_evaporates_at_night_but_into_dry_wind() -> None:
    assert evaporation(PriestleyTaylor(), weather(5.0, -4.0)) == 0.0
    calm = weather(5.0, -4.0, 0.87)
    assert evaporation(PenmanMonteithHourly(), calm) == 0.0
    assert evaporation(PenmanMonteith(), weather(25.0, 0.0, 0.5, wind=6.0)) > 1.0


def test_hours_of_priestley_and_taylor_evaporate_what_their_day_does() -> None:
    """With the energy of a winter's day: little by day, and more lost at night."""
    energy = [9.0 if 9 <= hour < 16 else -2.5 for hour in range(24)]
    daily = evaporation(PriestleyTaylor(), weather(4.0, sum(energy) / 24.0))
    process, space = PriestleyTaylorHourly(), SimpleNamespace()
    state: dict[str, Any] = {
        "recent_radiation": (number(0.0),) * 23, "any_recent": number(0.0)
    }  # fmt: skip
    total = 0.0
    for hour in range(48):
        state, fluxes = process.step(
            SimpleNamespace(**state), weather(4.0, energy[hour % 24]), space
        )
        total += float(fluxes["potential_evaporation"]) / 24.0 * (hour >= 24)
    assert total == pytest.approx(daily, rel=1e-9)
    clipped = evaporation(PriestleyTaylor(), weather(4.0, 9.0)) * 7.0 / 24.0
    assert clipped > 2.0 * total


BOUNDS = {f.name: f.bounds for f in PenmanMonteith.forcings}


@given(st.fixed_dictionaries({n: st.floats(*b) for n, b in BOUNDS.items() if b}))
def test_any_weather_gives_a_number_with_a_slope(values: dict[str, float]) -> None:
    for process in (PenmanMonteith(), PenmanMonteithHourly(), PriestleyTaylor()):
        inputs = {n: number(x).requires_grad_() for n, x in values.items()}
        nothing = SimpleNamespace()
        _, fluxes = process.step(nothing, SimpleNamespace(**inputs), nothing)
        rate = fluxes["potential_evaporation"]
        assert rate >= 0.0
        forcings = [inputs[f.name] for f in process.forcings]
        for slope in torch.autograd.grad(rate, forcings):
            assert torch.isfinite(slope)
