"""Temperature responses against published numbers."""

from __future__ import annotations

import math

import pytest
import torch

from bmi_dmx.models.ecosystem.diffusion import boundary_layer
from bmi_dmx.models.ecosystem.humidity import saturation_pressure, vapour_pressure
from bmi_dmx.models.ecosystem.photosynthesis import c4_leaf
from bmi_dmx.models.ecosystem.temperature import (
    CARBOXYLATION_AFFINITY,
    COMPENSATION_POINT,
    OXYGENATION_AFFINITY,
    acclimated_capacities,
    arrhenius,
    capacities,
    peaked,
)


def number(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


@pytest.mark.parametrize("celsius", [10.0, 25.0, 40.0])
@pytest.mark.parametrize(
    ("constant", "scaling", "energy"),
    # Bernacchi et al. (2001), table 1: exp(c - Ha / (R T)), Ha in kJ mol-1.
    [
        (CARBOXYLATION_AFFINITY, 38.05, 79.43),
        (OXYGENATION_AFFINITY, 20.30, 36.38),
        (COMPENSATION_POINT, 19.02, 37.83),
    ],
)
def test_constants_of_rubisco_are_those_of_bernacchi(
    constant: tuple[float, float], scaling: float, energy: float, celsius: float
) -> None:
    published = math.exp(scaling - energy / (8.314e-3 * (celsius + 273.15)))
    modelled = constant[0] * arrhenius(number(celsius), constant[1])
    assert modelled == pytest.approx(published, rel=6e-3)


@pytest.mark.parametrize("celsius", [5.0, 25.0, 38.0])
def test_capacities_are_those_of_bernacchi(celsius: float) -> None:
    kelvin = 8.314e-3 * (celsius + 273.15)
    vcmax, jmax = capacities(number(celsius), peak=False)
    assert vcmax == pytest.approx(math.exp(26.35 - 65.33 / kelvin), rel=6e-3)
    # Bernacchi et al. (2003), grown at 25 °C.
    assert jmax == pytest.approx(math.exp(17.71 - 43.9 / kelvin), rel=6e-3)


def test_everything_is_one_at_25_degrees() -> None:
    for peak in (False, True):
        assert [float(x) for x in capacities(number(25.0), peak=peak)] == [1.0, 1.0]
    vcmax, jmax, _ = acclimated_capacities(number(25.0), number(17.0))
    assert (float(vcmax), float(jmax)) == (1.0, 1.0)


def test_a_peak_is_where_it_is_said_to_be() -> None:
    # Medlyn et al. (2002), equation 19.
    ha, hd, entropy = 71513.0, 200000.0, 649.12
    optimum = hd / (entropy - 8.314 * math.log(ha / (hd - ha))) - 273.15
    celsius = number(optimum).requires_grad_()
    (slope,) = torch.autograd.grad(peaked(celsius, ha, hd, entropy), celsius)
    assert slope == pytest.approx(0.0, abs=1e-9)


def test_the_optimum_follows_growth_temperature() -> None:
    """By 0.44 and 0.33 degrees a degree: Kattge and Knorr (2007), abstract."""
    celsius = torch.linspace(20.0, 50.0, 3001, dtype=torch.float64)

    def optima(growth: float) -> torch.Tensor:
        vcmax, jmax, _ = acclimated_capacities(
            celsius, torch.full_like(celsius, growth)
        )
        return torch.stack([celsius[vcmax.argmax()], celsius[jmax.argmax()]])

    vcmax, jmax = (optima(29.0) - optima(11.0)) / 18.0
    assert vcmax == pytest.approx(0.44, abs=0.08)
    assert jmax == pytest.approx(0.33, abs=0.08)


def test_jmax_over_vcmax_falls_with_growth_temperature() -> None:
    ratios = [
        float(acclimated_capacities(number(25.0), number(growth))[2])
        for growth in (0.0, 11.0, 25.0, 35.0, 45.0)
    ]
    assert ratios == pytest.approx([2.205, 2.205, 1.715, 1.365, 1.365])


def test_c4_rates_double_in_10_degrees_and_fall_in_cold_and_heat() -> None:
    def carboxylation(celsius: float) -> float:
        one = number(1.0)
        return float(
            c4_leaf(
                number(1e12), number(celsius), carboxylation25=one, quantum_yield=one,
                efficiency25=one, respiration25=one, smooth=False,
            ).saturated
        )  # fmt: skip

    assert carboxylation(30.0) / carboxylation(20.0) == pytest.approx(2.0, rel=0.4)
    assert carboxylation(5.0) < 0.5 * carboxylation(15.0)
    assert carboxylation(48.0) < 0.5 * carboxylation(38.0)


@pytest.mark.parametrize(
    ("celsius", "pascal"), [(0.0, 611.2), (20.0, 2338.8), (40.0, 7381.4)]
)
def test_saturation_is_that_of_the_steam_tables(celsius: float, pascal: float) -> None:
    assert saturation_pressure(number(celsius)) == pytest.approx(pascal, rel=1.5e-3)


def test_vapour_pressure_by_hand() -> None:
    pressure = vapour_pressure(number(0.01), number(100000.0))
    assert pressure == pytest.approx(1000.0 / (0.622 + 0.00378), rel=1e-12)


def test_the_boundary_layer_by_hand() -> None:
    conductance = boundary_layer(number(2.0), number(0.05))
    assert conductance == pytest.approx(0.2058 * math.sqrt(2.0 / 0.036), rel=1e-12)
    calm, windy = boundary_layer(number(0.0), number(0.1)), boundary_layer(
        number(0.1), number(0.1)
    )  # fmt: skip
    assert calm == windy
