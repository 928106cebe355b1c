"""What a host does with a component: weather, steps, and states of its own keeping.

Without PyTorch, as hosts are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bmi_dmx import Component

START = "1980-10-01"

INPUTS = (
    "precipitation",
    "air_temperature",
    "air_temperature_min",
    "air_temperature_max",
)
"""What the models here are given at daily steps, unless they are made otherwise."""


def attributes(n: int) -> dict[str, list[float]]:
    """Return attributes of n locations."""
    generator = np.random.default_rng(3)
    ranges = {
        "p_mean": (1.5, 5.0), "aridity": (0.4, 2.0), "elevation": (50.0, 1500.0),
        "latitude": (30.0, 50.0), "longitude": (-120.0, -70.0),
        "area_km2": (5.0, 900.0),
    }  # fmt: skip
    return {name: generator.uniform(*r, n).tolist() for name, r in ranges.items()}


def weather(steps: int, n: int, *, hours: float = 24.0) -> dict[str, np.ndarray]:
    """Return made-up forcing, (step, location), with seasons, rain and dry days."""
    generator = np.random.default_rng(11)
    days = np.arange(steps)[:, None] * hours / 24.0
    mean = 8.0 - 12.0 * np.cos(2.0 * np.pi * (days - 110.0) / 365.25)
    mean = mean + generator.normal(0.0, 4.0, (steps, n))
    rain = generator.gamma(0.4, 12.0, (steps, n))
    return {
        "precipitation": np.where(rain < 1.0, 0.0, rain),
        "air_temperature": mean,
        "air_temperature_min": mean - generator.uniform(1.0, 8.0, (steps, n)),
        "air_temperature_max": mean + generator.uniform(1.0, 8.0, (steps, n)),
        "potential_evaporation": generator.uniform(0.0, 6.0, (steps, n)),
    }


def taken(component: Component, forcing: dict[str, np.ndarray]) -> tuple[str, ...]:
    """Return the short names of the forcings that a component takes."""
    inputs = [component.get_value_ptr(n) for n in component.get_input_var_names()]
    names = set(component.names())
    forcings = [n for n in forcing if n in names]
    return tuple(
        n for n in forcings if any(component.get_value_ptr(n) is x for x in inputs)
    )


def last_day(temperature: np.ndarray) -> dict[str, np.ndarray]:
    """Return extremes of the last 24 hours, the first hour being all the past."""
    past = np.repeat(temperature[:1], 23, axis=0)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([past, temperature]), 24, axis=0
    )
    return {
        "air_temperature_min": windows.min(axis=-1),
        "air_temperature_max": windows.max(axis=-1),
    }


def give(
    component: Component,
    forcing: dict[str, np.ndarray],
    step: int,
    names: tuple[str, ...] | None = None,
) -> None:
    """Set the inputs of a component to one step of a forcing."""
    for name in names or taken(component, forcing):
        component.set_value(name, forcing[name][step])


def run(
    component: Component,
    forcing: dict[str, np.ndarray],
    steps: range,
    outputs: tuple[str, ...],
    names: tuple[str, ...] | None = None,
) -> dict[str, np.ndarray]:
    """Step a component through a forcing; return outputs, (step, location)."""
    names = names or taken(component, forcing)
    series: dict[str, list[np.ndarray]] = {name: [] for name in outputs}
    for step in steps:
        give(component, forcing, step, names)
        component.update()
        for name in outputs:
            series[name].append(component.get_value_ptr(name).copy())
    return {name: np.array(values) for name, values in series.items()}


def save(component: Any, prefix: str) -> np.ndarray:
    """Save as the host does."""
    name = f"{prefix}serialization_"
    component.set_value(f"{name}create", np.zeros(1, "int32"))
    size = int(component.get_value_ptr(f"{name}size")[0])
    pointer = component.get_value_ptr(f"{name}state")
    assert pointer.shape == (size,)
    assert pointer.flags.c_contiguous
    assert pointer.dtype == np.uint8
    payload = pointer.copy()
    component.set_value(f"{name}free", np.zeros(1 if prefix else 0, "int32"))
    return payload


def load(component: Any, prefix: str, payload: np.ndarray) -> None:
    """Restore as the host does."""
    name = f"{prefix}serialization_"
    if prefix:
        size = np.array([payload.size], "int64")
        component.set_value(f"{name}size", size)
        component.set_value(f"{name}state", payload)
    else:
        component.set_value(f"{name}state", payload.view("int8"))
