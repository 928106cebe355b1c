"""Small untrained models, and what a host does with their components."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from bmi_dmx.compose import Model, ModelSpec, Moments, Statistics, plan
from bmi_dmx.compose.parts import make_parts
from bmi_dmx.conversion import convert

from .host import INPUTS, START, attributes, give, last_day, run, taken, weather

__all__ = [
    "INPUTS", "START", "attributes", "dynamic", "exchanging", "give", "last_day",
    "learned_flow", "run", "static", "taken", "untrained", "weather",
]  # fmt: skip

ATTRIBUTES = ("p_mean", "aridity", "elevation")
DRIVERS = ("precipitation", "air_temperature", "potential_evaporation")
MOMENTS = {
    "p_mean": Moments(3.0, 1.0),
    "aridity": Moments(1.0, 0.5),
    "elevation": Moments(500.0, 300.0),
    "precipitation": Moments(3.0, 8.0),
    "air_temperature": Moments(10.0, 10.0),
    "potential_evaporation": Moments(3.0, 2.0),
    "air_temperature_min": Moments(5.0, 10.0),
    "air_temperature_max": Moments(15.0, 10.0),
    "streamflow": Moments(2.0, 12.0),
}


def static(**changes: Any) -> ModelSpec:
    """Return a small model with constant parameters."""
    settings = {
        "process": "hbv11p",
        "members": 4,
        "evaporation": "hargreaves",
        "static": {"attributes": list(ATTRIBUTES), "hidden": [16]},
    }
    return convert({**settings, **changes}, ModelSpec, "model")


def dynamic(**changes: Any) -> ModelSpec:
    """Return a small model with an LSTM behind some of its parameters."""
    network = {
        "parameters": ["beta", "k0"],
        "forcings": list(DRIVERS),
        "attributes": list(ATTRIBUTES),
        "hidden": 8,
    }
    return static(dynamic=network, **changes)


def exchanging(process: str = "hbv20", **changes: Any) -> ModelSpec:
    """Return a small model that exchanges water, of places drained by their area."""
    options = {"reads": {"drainage_area_km2": "area_km2"}}
    return static(process=process, **options, **changes)


def learned_flow(**changes: Any) -> ModelSpec:
    """Return a small LSTM whose answer is the flow."""
    settings = {
        "recipe": "lstm",
        "forcings": [
            "precipitation", "air_temperature_min", "air_temperature_max",
            "potential_evaporation",
        ],
        "attributes": list(ATTRIBUTES),
        "evaporation": "hargreaves",
        "options": {"hidden": 6},
    }  # fmt: skip
    return convert({**settings, **changes}, ModelSpec, "model")


def untrained(spec: ModelSpec) -> Model:
    """Return a model with weights that make locations and members differ."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        targets = plan((m.part for m in make_parts(spec)), spec.seconds).targets
        moments = {
            name: replace(MOMENTS[name], transform=spec.transforms.get(name, "none"))
            for name in (*spec.network_inputs, *targets)
        }
        model = Model(spec, Statistics(moments)).double().eval()
        for name, weight in model.named_parameters():
            if name.endswith("weight"):
                torch.nn.init.normal_(weight, std=0.4)
    return model
