"""Components with ensembles, and a truth that they observe."""

from __future__ import annotations

from typing import Any

import numpy as np

from bmi_dmx import Component
from tests.bmi.untrained import give, weather

FORCING = {
    "precipitation": {"kind": "lognormal", "std": 0.4, "correlation_time": "2 d"},
    "air_temperature": {"std": 0.5},
}
ERROR = {"relative": 0.05, "absolute": 0.05}


def block(**changes: Any) -> dict[str, Any]:
    """Return a block ``assimilation`` that observes the flow; changes replace keys."""
    return {
        "members": 8,
        "seed": 3,
        "filter": {"name": "etkf"},
        "observed": {"streamflow": {"error": ERROR}},
        "perturbations": {"forcing": FORCING},
        **changes,
    }


def observed(
    forcing: dict[str, np.ndarray], hours: float = 24.0
) -> dict[str, np.ndarray]:
    """Return the forcing of a truth: with other rain than is known of."""
    generator = np.random.default_rng(5)
    rain = forcing["precipitation"]
    factor, share = np.zeros(rain.shape), np.exp(-hours / 48.0)
    for step in range(1, len(rain)):
        fresh = generator.normal(size=rain.shape[1])
        factor[step] = share * factor[step - 1] + np.sqrt(1.0 - share**2) * fresh
    spread = np.sqrt(np.log(1.0 + 0.4**2))
    return {**forcing, "precipitation": rain * np.exp(spread * factor - spread**2 / 2)}


def follow(
    component: Component,
    forcing: dict[str, np.ndarray],
    steps: range,
    values: np.ndarray | None = None,
    names: tuple[str, ...] = ("streamflow",),
) -> dict[str, np.ndarray]:
    """Step through a forcing, observing values (step, place) at every end.

    Returns quantities after every step.
    """
    quantities: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for step in steps:
        give(component, forcing, step, tuple(component_forcings(component, forcing)))
        if values is not None:
            component.set_value("streamflow~observed", values[step])
        component.update()
        for name in names:
            quantities[name].append(np.array(component.get_value_ptr(name)))
    return {name: np.array(series) for name, series in quantities.items()}


def component_forcings(
    component: Component, forcing: dict[str, np.ndarray]
) -> list[str]:
    """Return which of a forcing a component takes."""
    return [name for name in forcing if name in component.runner.forcing]


def made(steps: int, places: int) -> dict[str, np.ndarray]:
    """Return made-up weather, (step, place)."""
    return weather(steps, places)
