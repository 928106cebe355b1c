"""Corrections of the weather: demand by place and season, snow that gauges miss."""

from __future__ import annotations

import math

import pytest
import torch

from bmi_dmx.models.hydrology.demand import EvaporativeDemand
from bmi_dmx.models.hydrology.undercatch import Undercatch
from bmi_dmx.scan import scan


def column(*values: float) -> torch.Tensor:
    """Values of one place a step, (step, 1)."""
    return torch.tensor(values, dtype=torch.float64)[:, None]


def demand(day: float, *, latitude: float = 45.0, **parameters: float) -> float:
    """What is asked for on a day whose potential evaporation is 2 mm."""
    coefficients = {"kc": 1.0, "kc_sine": 0.0, "kc_cosine": 0.0, **parameters}
    ran = scan(
        EvaporativeDemand(),
        {},
        {"potential_evaporation": column(2.0), "day_of_year": column(day)},
        {n: column(x) for n, x in {**coefficients, "latitude": latitude}.items()},
    )
    return float(ran.outputs["evaporative_demand"])


def test_demand_is_potential_evaporation_where_nothing_is_learned() -> None:
    assert demand(100) == 2.0


def test_demand_follows_the_coefficient_and_its_season() -> None:
    angle = 2.0 * math.pi * 80 / 365.25
    expected = 2.0 * (1.2 + 0.3 * math.sin(angle) - 0.1 * math.cos(angle))
    actual = demand(80, kc=1.2, kc_sine=0.3, kc_cosine=-0.1)
    assert actual == pytest.approx(expected, rel=1e-12)


def test_seasons_of_the_south_are_half_a_year_later() -> None:
    cycle = {"kc_sine": 0.3, "kc_cosine": -0.2}
    south = demand(10.0, latitude=-30.0, **cycle)
    assert south == pytest.approx(demand(10.0 + 365.25 / 2, **cycle), rel=1e-12)


def test_demand_is_never_negative() -> None:
    assert demand(1, kc=0.4, kc_cosine=-0.5) == 0.0


def test_gauges_miss_snow_alone() -> None:
    ran = scan(
        Undercatch(),
        {},
        {
            "precipitation": column(4.0, 4.0, 4.0, 0.0),
            "air_temperature": column(-5.0, 1.0, 3.5, -5.0),
        },
        {"sfcf": column(1.5)},
    ).outputs
    missed = ran["undercatch"].flatten().tolist()
    assert missed == pytest.approx([2.0, 1.0, 0.0, 0.0], abs=1e-12)
    falls = ran["corrected_precipitation"].flatten().tolist()
    assert falls == pytest.approx([6.0, 5.0, 4.0, 0.0], abs=1e-12)
