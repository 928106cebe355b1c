"""A small system of three parts: a lamp heats a tank, whose warmth comes out later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from bmi_dmx.compose import Model, ModelSpec, fit_statistics
from bmi_dmx.conversion import convert
from bmi_dmx.process import Budget, Process, Upstream
from bmi_dmx.registries import processes
from bmi_dmx.variables import Flux, Forcing, Parameter, State


class Lamp(Process):
    """Power from a voltage; no memory."""

    time = "h"
    forcings = (Forcing(name="voltage", units="V", bounds=(-1e3, 1e3)),)
    parameters = (
        Parameter(
            name="resistance", units="ohm", bounds=(10.0, 1000.0), spacing="log",
            per="place",
        ),
    )  # fmt: skip
    fluxes = (Flux(name="heat", units="W"), Flux(name="rated", units="W"))

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {}, {
            "heat": f.voltage**2 / p.resistance,
            "rated": 230.0**2 / p.resistance,
        }


class Sun(Process):
    """Heat without any input but what is known of the place."""

    time = "h"
    parameters = (
        Parameter(name="size", units="m2", bounds=(0.0, 9.0), source="attribute",
                  per="place"),
    )  # fmt: skip
    fluxes = (Flux(name="heat", units="W"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {}, {"heat": 100.0 * p.size}


class Boiler(Process):
    """Energy that comes in, less a share that leaves."""

    time = "h"
    forcings = (Forcing(name="heat", units="kW", per_step="rate", bounds=(0.0, 1e3)),)
    states = (State(name="energy", units="kW h", initial=0.5, bounds=(0.0, 1e6)),)
    parameters = (
        Parameter(
            name="leak", units="h-1", bounds=(1e-3, 0.5), spacing="log",
            per_step="fraction",
        ),
        Parameter(name="gain", bounds=(0.5, 2.0), default=1.0),
        Parameter(
            name="age", units="yr", bounds=(0.0, 100.0), per="place",
            source="attribute", optional=True,
        ),
    )  # fmt: skip
    fluxes = (
        Flux(name="gained", units="kW", per_step="rate"),
        Flux(name="cooling", units="kW", per_step="rate"),
        Flux(name="aged", units="kW h yr"),
    )
    budgets = (
        Budget(("gained",), ("cooling",), ("energy",), name="energy", units="kW h"),
    )

    def step(self, s: Any, f: Any, p: Any) -> Any:
        gained = p.gain * f.heat
        filled = s.energy + gained
        cooling = p.leak * filled
        energy = filled - cooling
        return (
            {"energy": energy},
            {"gained": gained, "cooling": cooling, "aged": energy * p.age},
        )


class Radiator(Process):
    """What cools the tank comes out after some hours."""

    @dataclass(frozen=True)
    class Options:
        """Hours until it comes out."""

        hours: float = 2.0

    time = "h"
    forcings = (Forcing(name="cooling", units="kW", per_step="rate"),)
    parameters = (Parameter(name="loss", bounds=(0.0, 0.9), per="place"),)
    prepared = (Parameter(name="left", bounds=(0.1, 1.0), per="place"),)
    fluxes = (
        Flux(name="warmth", units="kW", per_step="rate"),
        Flux(name="released", units="kW h", per_step="amount"),
        Flux(name="power", units="W"),
    )

    def __init__(self, options: Any = None, dt: float = 1.0) -> None:
        super().__init__(options)
        self.dt = dt
        self.states = (
            State(name="waiting", units="kW h", size=round(self.options.hours / dt)),
        )

    def at(self, dt: float) -> Process:
        return self if dt == self.dt else Radiator(self.options, dt)

    def prepare(self, p: SimpleNamespace) -> Mapping[str, Any]:
        return {"left": 1.0 - p.loss}

    def step(self, s: Any, f: Any, p: Any) -> Any:
        # A state of size 1 is a tensor.
        one = self.states[0].size == 1
        waiting = (s.waiting,) if one else s.waiting
        first = waiting[0] * p.left
        return (
            {"waiting": f.cooling if one else (*waiting[1:], f.cooling)},
            {"warmth": first, "released": first, "power": 1e3 / self.dt * first},
        )


class Junction(Process):
    """What comes from above and from the side goes on; no memory."""

    time = "h"
    coupling = Upstream({"arriving": "leaving"})
    forcings = (
        Forcing(name="side", units="kW", per_step="rate"),
        Forcing(name="arriving", units="kW", per_step="rate", source="upstream"),
    )
    fluxes = (Flux(name="leaving", units="kW", per_step="rate"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {}, {"leaving": f.side + f.arriving}


for _process in (Lamp, Sun, Boiler, Radiator, Junction):
    processes.register(_process.__name__.lower())(_process)

PARTS: dict[str, dict[str, Any]] = {
    "wiring": {
        "network": "mlp", "attributes": ["size", "slope"], "gives": "all",
        "options": {"hidden": [4]},
    },
    "lamp": {"process": "lamp"},
    "tank": {"process": "boiler", "members": 3},
    "radiator": {"process": "radiator", "options": {"hours": 3}},
}  # fmt: skip

BLOCK: dict[str, Any] = {"seconds": 3600, "steps": [1800, 600], "parts": PARTS}

ATTRIBUTES = {"size": np.array([1.0, 2.5]), "slope": np.array([-0.3, 0.1])}


def changed(parts: Mapping[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    """Return the block with other keys, and other keys of parts."""
    blocks = {name: dict(part) for name, part in PARTS.items()}
    for name, changes in (parts or {}).items():
        if changes is None:
            del blocks[name]
        else:
            blocks[name] = {**blocks.get(name, {}), **changes}
    return {**BLOCK, "parts": blocks, **keys}


def voltages(steps: int, places: int = 2) -> dict[str, np.ndarray[Any, Any]]:
    """Return the forcing, (time, place)."""
    rng = np.random.default_rng(2)
    return {"voltage": rng.uniform(100.0, 300.0, (steps, places))}


def made(block: Mapping[str, Any], seed: int = 0) -> Model:
    """Return a model in double precision whose weights are no accident."""
    spec = convert(block, ModelSpec)
    rng = np.random.default_rng(4)
    attributes = {n: rng.uniform(0.5, 3.0, 20) for n in (*ATTRIBUTES, "age")}
    statistics = fit_statistics(spec, voltages(50, 20), attributes)
    torch.manual_seed(seed)
    return Model(spec, statistics).double().eval()


def tensors(values: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(x) for name, x in values.items()}
