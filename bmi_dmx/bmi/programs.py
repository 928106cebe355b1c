"""The programs of a bundle, made for one way of running it.

Rates stand per day at the boundary of a model, in the units of the host outside, and
per step inside its physics. Here the conversions are compiled into the programs
themselves, and so are the derived outputs and the cumulative mass balance: a step is
then nothing but calls of compiled programs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..bundle.manifest import Variables
from ..models.spec import ROUTING_PARAMETERS, TIME_STEPS
from ..program import Arg, Builder, Program
from ..variables import Attribute, Flux, Forcing, Parameter, State
from .attributes import known_attributes
from .clock import DAY
from .operation import Evaporation, Operation

__all__ = ["Plan", "plan"]

_M_PER_MM = 1e-3
_M3_PER_S_PER_MM_D_KM2 = 1e3 / DAY


@dataclass(frozen=True)
class Plan:
    """What to run at every step, shared by all who run it.

    Parameters
    ----------
    operation : Operation
        What it was made for.
    variables : Variables
        Of the model, with the evaporation that is used.
    forcings : tuple of Forcing
        What the host gives, in its units.
    evaporation : Program or None
        Forcings to potential evaporation, where it is computed.
    process : Program
        Forcings to fluxes ``q.<flux>`` and stores ``q.<state>``, (location, member).
    outlet : Program
        From the members' mean runoff to what leaves the catchment, as ``q.streamflow``,
        ``q.runoff_depth`` (m in a step of the host), ``q.runoff_volume`` (m3 s-1), and
        the sums ``s.mass_in`` and ``s.mass_out`` (mm) where there is a budget.
    static : Program
        Attributes to parameters, per day.
    weights : Program or None
        Parameters of the routing to the weights of its hydrograph.
    parameters : tuple of Parameter
        Of process and routing.
    attributes : mapping of str to Attribute
        What the locations may be given.
    """

    operation: Operation
    variables: Variables
    forcings: tuple[Forcing, ...]
    evaporation: Program | None
    process: Program
    outlet: Program
    static: Program
    weights: Program | None
    parameters: tuple[Parameter, ...]
    attributes: Mapping[str, Attribute]


_plans: dict[tuple[str, ...], Plan] = {}


def plan(operation: Operation) -> Plan:
    """Return the programs for an operation, made once per process."""
    if operation.key not in _plans:
        _plans[operation.key] = _made(operation)
    return _plans[operation.key]


def _made(operation: Operation) -> Plan:
    programs = operation.bundle.programs
    evaporation = operation.evaporation_of()
    variables = operation.variables(evaporation)
    static = programs["static"]
    weights: Program | None = None
    routed: tuple[Parameter, ...] = ()
    if variables.routing is not None:
        weights = _weights(static, operation.mode)
        routed = variables.routing.parameters
    return Plan(
        operation=operation,
        variables=variables,
        forcings=operation.forcings(variables),
        evaporation=_evaporation(operation, evaporation),
        process=_process(operation, variables),
        outlet=_outlet(operation, variables),
        static=static.select(n for n in static.outputs if n.startswith("p.")),
        weights=weights,
        parameters=(*variables.process.parameters, *routed),
        attributes=known_attributes(variables),
    )


def _weights(static: Program, mode: str) -> Program:
    """Return the last part of the static program, from the parameters it found."""
    names = [f"p.{parameter.name}" for parameter in ROUTING_PARAMETERS]
    inputs = {name: str(static.outputs[name]) for name in names}
    body = tuple(i for i in static.instructions if i.out not in inputs.values())
    rest = Program(inputs, body, static.outputs)
    return rest.select([f"routing.weight@{mode}"])


class _Scale(NamedTuple):
    """Factors from what the host sees to what a program computes with, by name."""

    forcings: dict[str, float]
    outputs: dict[str, float]


def _scale(
    operation: Operation, forcings: Iterable[Forcing], outputs: Iterable[Flux | State]
) -> _Scale:
    def factor(v: Forcing | Flux | State) -> float:
        rate = v.per_step == "rate"
        return (operation.days if rate else 1.0) / operation.factor(v)

    return _Scale(
        {f"f.{v.name}": factor(v) for v in forcings},
        {f"q.{v.name}": factor(v) for v in outputs},
    )


def _evaporation(
    operation: Operation, evaporation: Evaporation | None
) -> Program | None:
    if evaporation is None:
        return None
    part = evaporation.part
    scale = _scale(operation, part.forcings, part.fluxes)
    build = Builder()
    inputs = _inputs(build, evaporation.program, scale)
    return build.build(_scaled(build, build.splice(evaporation.program, inputs), scale))


def _process(operation: Operation, variables: Variables) -> Program:
    part, program = variables.process, operation.bundle.programs["process"]
    stores = [state for state in part.states if state.size == 1]
    scale = _scale(operation, part.forcings, (*part.fluxes, *stores))
    build = Builder()
    outputs = build.splice(program, _inputs(build, program, scale))
    outputs |= {f"q.{state.name}": outputs[f"s.{state.name}"] for state in stores}
    return build.build(_scaled(build, outputs, scale))


def _inputs(build: Builder, program: Program, scale: _Scale) -> dict[str, Arg]:
    """Return the inputs of a program from those of the host."""
    return {
        name: build.emit("mul", build.input(name), scale.forcings.get(name, 1.0))
        for name in program.inputs
    }


def _scaled(build: Builder, outputs: dict[str, Arg], scale: _Scale) -> dict[str, Arg]:
    """Return outputs as the host sees them."""
    return {
        name: build.emit("div", value, scale.outputs.get(name, 1.0))
        for name, value in outputs.items()
    }


def _outlet(operation: Operation, variables: Variables) -> Program:
    """Return the program of everything that follows the process."""
    part, days = variables.process, operation.days
    amounts = _scale(operation, part.forcings, part.fluxes)
    to_amount = {**amounts.forcings, **amounts.outputs}
    build = Builder()
    given = build.input("f.runoff")
    runoff = build.emit("mul", given, to_amount["q.runoff"])
    outputs: dict[str, Arg] = {"q.streamflow": runoff}
    if variables.routing is not None:
        routing = operation.bundle.programs[f"routing@{operation.mode}"]
        others = (name for name in routing.inputs if name != "f.runoff")
        inputs: dict[str, Arg] = {name: build.input(name) for name in others}
        outputs = build.splice(routing, {**inputs, "f.runoff": runoff})
    amount = outputs["q.streamflow"]
    per_day = build.emit("div", amount, days)
    if variables.routing is None:
        outputs["q.streamflow"] = given
    else:
        outputs["q.streamflow"] = build.emit("div", amount, to_amount["q.runoff"])
    depth = TIME_STEPS[operation.time_step] * _M_PER_MM
    outputs["q.runoff_depth"] = build.emit("mul", per_day, depth)
    volume = build.emit("mul", per_day, build.input("p.area_km2"))
    outputs["q.runoff_volume"] = build.emit("mul", volume, _M3_PER_S_PER_MM_D_KM2)
    if part.budget is not None:
        # The outlet gives what the process hands to it as runoff.
        known = {"runoff": amount}
        sums = {"s.mass_in": part.budget.inputs, "s.mass_out": part.budget.outputs}
        for name, terms in sums.items():
            total: Arg = build.input(name)
            for term in terms:
                if term not in known:
                    kind = "f" if f"f.{term}" in amounts.forcings else "q"
                    factor = to_amount[f"{kind}.{term}"]
                    known[term] = build.emit("mul", build.input(f"f.{term}"), factor)
                total = build.emit("add", total, known[term])
            outputs[name] = total
    return build.build(outputs)
