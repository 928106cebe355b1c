"""Random weather of several regimes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.process import Process

REGIMES = {  # precipitation: chance, mean of a wet day; temperature: mean, spread
    "humid": (0.5, 8.0, 10.0, 8.0),
    "storm": (0.1, 150.0, 15.0, 10.0),
    "drought": (0.0, 0.0, 25.0, 5.0),
    "freeze": (0.4, 6.0, -10.0, 8.0),
    "thaw": (0.4, 6.0, 0.0, 4.0),
}


def _weather(regime: str, seed: int, steps: int, places: int) -> dict[str, Tensor]:
    chance, depth, mean, spread = REGIMES[regime]
    rng = np.random.default_rng(seed)
    grid = (steps, places)
    wet = rng.random(grid) < chance
    season = 10.0 * np.sin(2 * np.pi * np.arange(steps) / 365.0)[:, None]
    temperature = mean + season + rng.normal(0, spread, grid)
    return {
        "precipitation": torch.from_numpy(wet * rng.exponential(depth, grid)),
        "air_temperature": torch.from_numpy(temperature),
        "potential_evaporation": torch.from_numpy(rng.gamma(2.0, 1.5, grid)),
    }


@pytest.fixture(scope="session")
def weather() -> Callable[..., dict[str, Tensor]]:
    """Return a function that draws weather of a regime, (time, place)."""
    return _weather


@pytest.fixture(scope="session")
def parameters(
    parameters: Callable[..., dict[str, Tensor]],
) -> Callable[..., dict[str, Tensor]]:
    """Return a function that draws parameters; drainage areas are of all sizes."""

    def drawn(process: Process, *args: int, **keys: float) -> dict[str, Tensor]:
        sample = parameters(process, *args, **keys)
        if "drainage_area_km2" in sample:
            size = sample["drainage_area_km2"] / 1e7
            sample["drainage_area_km2"] = 10.0 ** (1.0 + 2.7 * size)
        return sample

    return drawn
