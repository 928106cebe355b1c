"""Small models of one domain, weather and places to run them with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.compose import Model, ModelSpec, fit_statistics
from bmi_dmx.conversion import convert, plain
from bmi_dmx.models.hydrology.recipe import Dhbv, DynamicSpec, StaticSpec

ATTRIBUTES = ("aridity", "slope_mean")


def specification(*, dynamic: bool | DynamicSpec = False, **changes: Any) -> ModelSpec:
    usual = DynamicSpec(
        parameters=("beta", "k0"),
        forcings=("precipitation", "potential_evaporation"),
        attributes=ATTRIBUTES,
        hidden=5,
    )
    varying = dynamic if isinstance(dynamic, DynamicSpec) else usual
    values: dict[str, Any] = {
        "process": "hbv11p",
        "members": 3,
        "evaporation": "oudin",
        "static": StaticSpec(attributes=ATTRIBUTES, hidden=(8,)),
        "dynamic": varying if dynamic else None,
    }
    return convert(plain(Dhbv(**{**values, **changes})), ModelSpec)


def some_weather(steps: int, places: int = 2, seed: int = 0) -> dict[str, Tensor]:
    """Return wet and dry days around freezing, float64, (time, place)."""
    rng = np.random.default_rng(seed)
    days = np.arange(steps)[:, None] + np.zeros((1, places))
    season = 10.0 - 12.0 * np.cos(2.0 * np.pi * days / 365.0)
    values = {
        "precipitation": rng.exponential(8.0, days.shape)
        * (rng.random(days.shape) < 0.4),
        "air_temperature": season + rng.normal(0.0, 4.0, days.shape),
        "day_of_year": days % 365 + 1.0,
    }
    return {name: torch.from_numpy(x) for name, x in values.items()}


def some_places(places: int = 2) -> dict[str, Tensor]:
    along = torch.linspace(0.0, 1.0, places, dtype=torch.float64)
    return {
        "aridity": 0.5 + along,
        "slope_mean": 10.0 + 100.0 * along**2,
        "latitude": 35.0 + 10.0 * along,
        "drainage_area_km2": 80.0 + 2500.0 * along,
    }


@pytest.fixture(scope="session")
def weather() -> Callable[..., dict[str, Tensor]]:
    return some_weather


@pytest.fixture(scope="session")
def places() -> Callable[..., dict[str, Tensor]]:
    return some_places


@pytest.fixture(scope="session")
def spec() -> Callable[..., ModelSpec]:
    return specification


@pytest.fixture(scope="session")
def build() -> Callable[..., Model]:
    """Return a maker of double-precision models with weights that are no accident."""

    def make(*, seed: int = 0, **changes: Any) -> Model:
        spec = specification(**changes)
        forcing = {n: x.numpy() for n, x in some_weather(400, 5).items()}
        forcing["potential_evaporation"] = (
            np.full((400, 5), 2.0) + forcing["day_of_year"]
        )
        statistics = fit_statistics(
            spec, forcing, {n: x.numpy() for n, x in some_places(5).items()}
        )
        torch.manual_seed(seed)
        return Model(spec, statistics).double()

    return make
