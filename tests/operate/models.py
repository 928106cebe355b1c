"""Small models of no domain: tanks, lines and networks, as bundles and as series."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bmi_dmx.bundle import Bundle, save_bundle
from bmi_dmx.compose import Model, ModelSpec, fit_statistics
from bmi_dmx.conversion import convert
from bmi_dmx.operate.clock import Clock
from bmi_dmx.operate.operation import Operation
from bmi_dmx.operate.runner import Runner
from bmi_dmx.operate.stages import stages
from bmi_dmx.operate.system import System
from bmi_dmx.process import Budget, Process
from bmi_dmx.registries import processes, systems
from bmi_dmx.variables import Flux, Forcing, Parameter, State

HOUR, DAY = 3600.0, 86400.0
PLACES = 3

SUPPLY = Forcing(name="supply", units="kg h-1", per_step="rate", bounds=(0.0, 1e3))
RELEASED = Flux(name="released", units="kg h-1", per_step="rate")


def mass(inputs: str, outputs: str, storages: str = "", units: str = "kg") -> Budget:
    names = (tuple(text.split()) for text in (inputs, outputs, storages))
    return Budget(*names, name="mass", units=units)


class Tank(Process):
    """A share of what is held is released, the rest evaporates a little."""

    time = "h"
    forcings = (SUPPLY,)
    states = (State(name="held", units="kg", bounds=(0.0, 1e9)),)
    parameters = (
        Parameter(name="share", units="h-1", bounds=(0.01, 0.9), per_step="fraction"),
    )
    fluxes = (RELEASED, Flux(name="lost", units="kg h-1", per_step="rate"))
    budgets = (mass("supply", "released lost", "held"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        filled = s.held + f.supply
        released = p.share * filled
        loss = 0.01 * (filled - released)
        return {"held": filled - released - loss}, {"released": released, "lost": loss}


class Line(Process):
    """What is released arrives later; declared in seconds."""

    time = "s"
    forcings = (Forcing(name="released", units="kg s-1", per_step="rate"),)
    states = (State(name="carried", units="kg"),)
    fluxes = (Flux(name="delivered", units="kg s-1", per_step="rate"),)
    budgets = (mass("released", "delivered", "carried"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        whole = s.carried + f.released
        return {"carried": 0.25 * whole}, {"delivered": 0.75 * whole}


class Gauge(Process):
    """Sees a flux in other units and as it is, not as an amount."""

    time = "h"
    forcings = (Forcing(name="released", units="g s-1"),)
    fluxes = (Flux(name="shown", units="g s-1"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {}, {"shown": 2.0 * f.released}


class Joint(Process):
    """Brings together what two others give, and passes it on."""

    time = "h"
    forcings = (
        Forcing(name="released", units="kg h-1", per_step="rate"),
        Forcing(name="lost", units="kg h-1", per_step="rate"),
    )
    fluxes = (Flux(name="joined", units="kg h-1", per_step="rate"),)
    budgets = (mass("released lost", "joined"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {}, {"joined": f.released + f.lost}


class Heater(Process):
    """Keeps two budgets."""

    time = "h"
    forcings = (SUPPLY, Forcing(name="warmth", units="J h-1", per_step="rate"))
    states = (State(name="water", units="kg"), State(name="heat", units="J"))
    fluxes = (RELEASED, Flux(name="radiated", units="J h-1", per_step="rate"))
    budgets = (
        mass("supply", "released", "water"),
        Budget(("warmth",), ("radiated",), ("heat",), name="heat", units="J"),
    )

    def step(self, s: Any, f: Any, p: Any) -> Any:
        water, heat = s.water + f.supply, s.heat + f.warmth
        return (
            {"water": 0.5 * water, "heat": 0.8 * heat},
            {"released": 0.5 * water, "radiated": 0.2 * heat},
        )


class Swing(Process):
    """Knows the lowest and highest temperature of its step."""

    time = "d"
    forcings = (
        Forcing(name="coldest", units="degC", extreme=("min", "temperature")),
        Forcing(name="warmest", units="degC", extreme=("max", "temperature")),
    )
    fluxes = (Flux(name="range", units="degC"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {}, {"range": f.warmest - f.coldest}


class Tariff(Process):
    """Needs a known property of the place, and can do without another."""

    time = "h"
    forcings = (SUPPLY,)
    parameters = (
        Parameter(name="height", units="m", bounds=(0.0, 100.0), source="attribute"),
        Parameter(
            name="width", units="m", bounds=(0.0, 50.0), source="attribute",
            optional=True,
        ),
    )  # fmt: skip
    fluxes = (Flux(name="pressure", units="1"), Flux(name="spread", units="1"))

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {}, {"pressure": f.supply * p.height, "spread": f.supply * p.width}


class Sieve(Process):
    """Computes what only a network reads."""

    time = "h"
    forcings = (SUPPLY,)
    fluxes = (Flux(name="murk", units="1"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {}, {"murk": 1.0 / (1.0 + f.supply)}


class Scale(Process):
    """Accounts for the same mass in other units."""

    time = "h"
    forcings = (Forcing(name="released", units="g h-1", per_step="rate"),)
    states = (State(name="weighed", units="g"),)
    budgets = (mass("released", "", "weighed", units="g"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {"weighed": s.weighed + f.released}, {}


for _process in (
    Tank, Line, Gauge, Joint, Heater, Swing, Tariff, Sieve, Scale,
):  # fmt: skip
    processes.register(_process.__name__.lower())(_process)

systems.register("workshop")(
    System(
        name="workshop",
        units={"model": {}, "grams": {"kg h-1": ("g h-1", 1e3), "kg": ("g", 1e3)}},
        conserved={"mass": "goods"},
        steps={"shift": 8 * HOUR},
    )
)

SHARES = {
    "network": "mlp", "options": {"hidden": [4]}, "attributes": ["age"],
    "gives": ["share"],
}  # fmt: skip
TANK = {"process": "tank"}


def specification(parts: Mapping[str, Any], **changes: Any) -> ModelSpec:
    block = {"parts": dict(parts), "seconds": HOUR, "system": "workshop", **changes}
    return convert(block, ModelSpec, "model")


def series(steps: int, n: int = PLACES) -> dict[str, np.ndarray]:
    """Return made-up forcing, (step, place), of all that the processes take."""
    generator = np.random.default_rng(5)
    temperature = 10.0 + generator.normal(0.0, 5.0, (steps, n))
    return {
        "supply": generator.gamma(0.5, 8.0, (steps, n)),
        "warmth": generator.gamma(2.0, 3.0, (steps, n)),
        "temperature": temperature,
        "coldest": temperature - 3.0,
        "warmest": temperature + 4.0,
    }


def places(n: int = PLACES) -> dict[str, np.ndarray]:
    return {
        "age": np.linspace(1.0, 9.0, n),
        "height": np.linspace(2.0, 4.0, n),
        "width": np.linspace(0.5, 1.5, n),
    }


def saved(folder: Path, parts: Mapping[str, Any], **changes: Any) -> Bundle:
    """Return the bundle of an untrained model whose places and members differ."""
    spec = specification(parts, **changes)
    statistics = fit_statistics(spec, series(200), places())
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = Model(spec, statistics).double().eval()
        for name, weight in model.named_parameters():
            if name.endswith("weight"):
                torch.nn.init.normal_(weight, std=0.5)
    return save_bundle(
        model, folder / "bundle", licence="CC0-1.0", provenance={}, scores={}
    )


def running(operation: Operation, n: int = PLACES) -> Runner:
    """Return a runner, made as one is made without BMI."""
    attributes = {a.name: places(n)[a.name].copy() for a in operation.attributes}
    period = operation.period if operation.gathers else None
    clock = Clock(datetime(2001, 1, 1), None, operation.seconds, 0, period)
    ids = [f"place {k}" for k in range(n)]
    return Runner(stages(operation), ids, attributes, clock)


def run(
    runner: Runner, forcing: Mapping[str, np.ndarray], steps: range
) -> dict[str, np.ndarray]:
    """Step a runner; return all its outputs, (step, place)."""
    outputs: dict[str, list[np.ndarray]] = {name: [] for name in runner.output}
    for step in steps:
        for name, buffer in runner.forcing.items():
            buffer[:] = forcing[name][step]
        runner.advance()
        runner.clock.tick()
        for name, values in outputs.items():
            values.append(runner.output[name].copy())
    return {name: np.array(values) for name, values in outputs.items()}


def batch(bundle: Bundle, steps: int, dt: float | None = None) -> Any:
    """Return what the model of a bundle gives for the same series at once."""
    model = bundle.model().double()
    forcing = {n: x for n, x in series(steps).items() if n in model.forcings}
    tensors = {n: torch.from_numpy(x) for n, x in forcing.items()}
    attributes = {n: torch.from_numpy(x) for n, x in places().items()}
    with torch.no_grad():
        return model.simulate(tensors, attributes, dt=dt, outputs=tuple(model.outputs))
