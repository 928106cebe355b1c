"""A bundle run with NumPy alone, one time step after the other.

It follows the plan and the declarations of the bundle, and knows nothing of the rooms
that run bundles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bmi_dmx.bundle import Bundle
from bmi_dmx.compose import Part, Plan, plan
from bmi_dmx.program import evaluate
from bmi_dmx.variables import Parameter

Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass
class Run:
    """What one run holds: values by (part, name), and the states of parts."""

    bundle: Bundle
    seconds: float
    attributes: Mapping[str, np.ndarray[Any, Any]]
    places: int = 2
    known: dict[tuple[str, str], Any] = field(default_factory=dict)
    states: dict[str, Arrays] = field(default_factory=dict)
    prepared: dict[str, Arrays] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.plan: Plan = plan(self.bundle.parts, self.seconds)
        for part in self.plan.networks:
            if part.every == "once":
                self._network(part)
        for part in self.plan.parts:
            self.states[part.name] = dict(self._cold(part))

    def _cold(self, part: Part) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
        for s in part.declared(self.seconds).states:
            if part.kind == "network":
                yield f"s.{s.name}", np.zeros((self.places, s.size))
                continue
            shape = (self.places, part.members or 1)
            for name in entries("s", s.name, s.size):
                yield name, np.full(shape, s.initial)

    def step(self, forcing: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Run all parts once."""
        self.known |= {("", name): x for name, x in forcing.items()}
        for part in self.plan.parts:
            if part.kind == "process":
                self._process(part)
            elif part.every != "once":
                self._network(part)

    def _network(self, part: Part) -> None:
        inputs: Arrays = dict(self.bundle.constants)
        shape = (self.places, 0)
        attributes = [self.attributes[name] for name in part.attributes]
        inputs["attributes"] = (
            np.stack(attributes, -1) if attributes else np.zeros(shape)
        )
        if part.every != "once":
            forcings = [self._given(part, name) for name in part.inputs]
            inputs["forcing"] = np.stack(forcings, -1)
            inputs |= self.states[part.name]
        outputs = self._evaluated(part, inputs)
        self.known |= {(part.name, n[2:]): x for n, x in outputs.items() if n[0] == "p"}
        self.states[part.name] = {n: x for n, x in outputs.items() if n[0] == "s"}

    def _process(self, part: Part) -> None:
        declared, dt = part.declared(self.seconds), part.dt(self.seconds)
        parameters = self._parameters(part)
        if declared.prepared:
            outputs = self._evaluated(
                part, {f"p.{n}": x for n, x in parameters.items()}, "prepare"
            )
            parameters = {name[2:]: x for name, x in outputs.items()}
        inputs: Arrays = dict(self.states[part.name])
        for f in declared.forcings:
            x = in_columns(self._given(part, f.name))
            inputs[f"f.{f.name}"] = per_step(x, f.per_step, dt)
        for p in declared.step_parameters:
            x = per_step(parameters[p.name], p.per_step, dt)
            for k, name in enumerate(entries("p", p.name, p.size)):
                inputs[name] = in_columns(x if p.size == 1 else x[k])
        outputs = self._evaluated(part, inputs)
        self.states[part.name] = {n: x for n, x in outputs.items() if n[0] == "s"}
        for flux in declared.fluxes:
            x = np.broadcast_to(
                outputs[f"q.{flux.name}"], (self.places, part.members or 1)
            )
            x = x.mean(-1) if part.mean or not part.members else x
            rate = flux.per_step == "rate"
            self.known[part.name, flux.name] = x / dt if rate else x

    def _given(self, part: Part, name: str) -> Any:
        link = self.plan.link(part, name)
        return self.known[link.part, link.name] * link.factor

    def _parameters(self, part: Part) -> Arrays:
        return {
            p.name: self._parameter(part, p)
            for p in part.declared(self.seconds).parameters
        }

    def _parameter(self, part: Part, p: Parameter) -> np.ndarray[Any, Any]:
        link = self.plan.link(part, p.name)
        if link.giver == "part":
            return np.asarray(self.known[link.part, link.name])
        if link.giver == "default":
            return np.full(self.places, p.default)
        return np.asarray(self.attributes.get(link.name, np.full(self.places, np.nan)))

    def _evaluated(self, part: Part, inputs: Arrays, what: str = "") -> Arrays:
        program = self.bundle.program(part, self.seconds, what)
        return evaluate(program, {name: inputs[name] for name in program.inputs})

    def recorded(self, names: Iterable[str]) -> Arrays:
        """Return fluxes, members averaged, by name."""
        fluxes = {}
        for name in names:
            owner = self.plan.outputs[name][0]
            x = np.asarray(self.known[owner.name, name])
            fluxes[name] = x.mean(-1) if x.ndim == 2 else x
        return fluxes


def run(
    bundle: Bundle,
    forcing: Mapping[str, np.ndarray[Any, Any]],
    attributes: Mapping[str, np.ndarray[Any, Any]],
    seconds: float,
    names: Iterable[str],
) -> Arrays:
    """Return the named fluxes, (time, place), of a run from a cold start."""
    names = tuple(names)
    one = Run(bundle, seconds, attributes, len(next(iter(attributes.values()))))
    series: dict[str, list[np.ndarray[Any, Any]]] = {name: [] for name in names}
    for t in range(len(next(iter(forcing.values())))):
        one.step({name: x[t] for name, x in forcing.items()})
        for name, x in one.recorded(names).items():
            series[name].append(x)
    return {name: np.array(values) for name, values in series.items()}


def in_columns(x: Any) -> np.ndarray[Any, Any]:
    """Return values, (place,) or (place, member), as (place, member)."""
    x = np.asarray(x)
    return x[:, None] if x.ndim == 1 else x


def entries(prefix: str, name: str, size: int) -> list[str]:
    """Return the names under which programs know a variable."""
    whole = f"{prefix}.{name}"
    return [whole] if size == 1 else [f"{whole}.{k}" for k in range(size)]


def per_step(x: Any, rule: str, dt: float) -> Any:
    """Return a quantity per unit of time as that of one step."""
    if rule == "fraction":
        return 1.0 - (1.0 - x) ** dt
    return x * dt if rule == "rate" else x
