"""Runs of which version 0.1 saved the states in ``states-1``.

With a checkout of commit 4c1edf4 installed, and this file anywhere::

    python old_states.py FOLDER_OF_THE_STATES PATH_OF_LSTM_FORMAT_1

writes them again. What it calls are public doors that are the same since.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from bmi_dmx import Component
from bmi_dmx.config import as_yaml

STEPS = 40
SHIPPED = "dhbv-conus-daily-0.1"
LSTM = "lstm"

HOURS = {"time_step": "hourly"}
CASES: dict[str, dict[str, Any]] = {
    "shipped-daily": {"bundle": SHIPPED, "time_step": "daily"},
    "shipped-oudin": {"bundle": SHIPPED, "evaporation": "oudin", **HOURS},
    "lstm-hourly": {"bundle": LSTM, "units": "ngen", **HOURS},
    "lstm-days": {"bundle": LSTM, "mode": "daily", "day_start_hour": 6, **HOURS},
}

# Those that no model here needs do not come in the order of the alphabet.
ATTRIBUTES = {
    "p_mean": [3.3, 2.1], "pet_mean": [2.2, 3.1], "aridity": [0.67, 1.48],
    "p_seasonality": [0.1, -0.4], "frac_snow": [0.2, 0.05],
    "high_prec_freq": [18.0, 22.0], "high_prec_dur": [1.2, 1.1],
    "low_prec_freq": [240.0, 280.0], "low_prec_dur": [3.2, 5.1], "t_mean": [8.5, 13.0],
    "longitude": [-75.0, -84.0], "latitude": [41.1, 33.4], "area_km2": [303.0, 42.0],
    "slope_mean": [20.0, 4.0], "elevation_mean": [400.0, 150.0],
}  # fmt: skip


def started(case: str, bundle: str, folder: Path) -> Component:
    settings = {
        "start_time": "1980-02-20 06:00:00",
        "locations": {"ids": ["a", "b"], "attributes": ATTRIBUTES},
        **CASES[case],
    }
    settings["bundle"] = bundle if settings["bundle"] == LSTM else SHIPPED
    path = folder / f"{case}.yaml"
    path.write_text(as_yaml(settings), encoding="utf-8")
    component = Component()
    component.initialize(str(path))
    return component


def advance(component: Component, steps: range) -> None:
    """Step through weather that needs no random numbers."""
    weather = {
        "precipitation": (4.0, 6.0), "air_temperature": (2.0, 8.0),
        "air_temperature_min": (-3.0, 8.0), "air_temperature_max": (7.0, 8.0),
    }  # fmt: skip
    names = list(weather)[: component.get_input_item_count()]
    for step in steps:
        for name in names:
            mean, swing = weather[name]
            values = mean + swing * np.sin(0.7 * step + np.array([0.0, 1.0]))
            least = 0.0 if name == "precipitation" else -50.0
            component.set_value(name, np.maximum(values, least))
        component.update()


def to_be_saved(case: str, bundle: str, folder: Path) -> Component:
    """Return a component at the time at which its state was saved."""
    component = started(case, bundle, folder)
    component.set_value("fc", np.array([210.0, 330.0]))
    advance(component, range(STEPS))
    return component


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for name in CASES:
        saved = to_be_saved(name, sys.argv[2], target)
        saved.save_state(target / f"{name}.state")
        (target / f"{name}.yaml").unlink()
