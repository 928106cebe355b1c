"""Weather and leaves to try, and gas exchange by one step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bmi_dmx.models.ecosystem.humidity import saturation_pressure
from bmi_dmx.models.ecosystem.leaf import Leaf

DAY = {
    "photon_flux": 1200.0, "air_temperature": 25.0, "carbon_dioxide": 410.0,
    "vapour_pressure_deficit": 1200.0, "air_pressure": 101325.0, "wind_speed": 2.0,
}  # fmt: skip
LEAVES = {
    "c3": {"vcmax25": 60.0, "rd25": 0.9},
    "c4": {"vcmax25": 39.0, "rd25": 0.8},
}
SLOPES = {
    ("c3", "medlyn"): 4.0, ("c4", "medlyn"): 1.6,
    ("c3", "ball_berry"): 9.0, ("c4", "ball_berry"): 4.0,
}  # fmt: skip


def leaf(**options: Any) -> Leaf:
    return Leaf(options)


def given(process: Leaf, **values: Any) -> dict[str, Any]:
    """Return forcings and parameters of a usual day and leaf, some of them replaced."""
    options = process.options
    inputs: dict[str, Any] = {p.name: p.default for p in process.parameters}
    inputs |= LEAVES[options.pathway]
    inputs["stomatal_slope"] = SLOPES[options.pathway, options.stomata]
    inputs |= {f.name: DAY[f.name] for f in process.forcings if f.name in DAY}
    if options.temperature == "acclimated":
        inputs["growth_temperature"] = 18.0
    return inputs | values


def tensors(values: dict[str, Any]) -> dict[str, Tensor]:
    return {n: torch.as_tensor(x, dtype=torch.float64) for n, x in values.items()}


def exchange(process: Leaf, state: Any = None, **values: Any) -> dict[str, Tensor]:
    """Return what one step of a leaf gives."""
    inputs = SimpleNamespace(**tensors(given(process, **values)))
    new, fluxes = process.step(SimpleNamespace(**(state or {})), inputs, inputs)
    return new | fluxes


def weather(seed: int, count: int) -> dict[str, np.ndarray]:
    """Return weather of all kinds in which leaves live."""
    rng = np.random.default_rng(seed)

    def uniform(low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, count)

    warmth = uniform(-5.0, 45.0)
    moist = saturation_pressure(torch.from_numpy(warmth)).numpy()
    return {
        "photon_flux": uniform(0.0, 2200.0) * (uniform(0.0, 1.0) > 0.2),
        "air_temperature": warmth,
        "carbon_dioxide": uniform(150.0, 1200.0),
        "vapour_pressure_deficit": moist * uniform(0.05, 0.9),
        "air_pressure": uniform(65000.0, 104000.0),
        "wind_speed": uniform(0.0, 10.0),
    }
