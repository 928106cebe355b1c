"""The programs of a bundle, made for operation at one length of step.

Rates stand per day at the boundary of a model and per step inside its physics. Here the
conversion is compiled into the programs themselves, and so are the derived outputs and
the cumulative mass balance: a step is then nothing but calls of compiled programs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..bundle import Bundle
from ..models.spec import TIME_STEPS
from ..process import Budget
from ..scan.program import Arg, Builder, Program
from ..variables import Flux, Forcing

__all__ = ["Plan", "plan"]

_M_PER_MM = 1e-3
_M3_PER_S_PER_MM_D_KM2 = 1e3 / 86400.0


@dataclass(frozen=True)
class Plan:
    """What to run at every step, shared by all who run it.

    Parameters
    ----------
    days : float
        Length of a step.
    evaporation : Program or None
        Forcings to potential evaporation, where the model computes it.
    process : Program
        Forcings to fluxes, (location, member).
    outlet : Program
        From the members' mean runoff to what leaves the catchment, as ``q.streamflow``
        (mm d-1), ``q.runoff_depth`` (m) and ``q.runoff_volume`` (m3 s-1, with area),
        and the sums ``s.mass_in`` and ``s.mass_out`` (mm) where there is a budget.
    static : Program
        Attributes to parameters (per day) and to the weights of the hydrograph.
    """

    days: float
    evaporation: Program | None
    process: Program
    outlet: Program
    static: Program


_plans: dict[tuple[str, str, str, bool], Plan] = {}


def plan(bundle: Bundle, time_step: str, area: bool) -> Plan:
    """Return the programs of a bundle for a length of step, made once per process.

    Parameters
    ----------
    bundle : Bundle
        The model.
    time_step : str
        Name in :data:`~bmi_dmx.models.spec.TIME_STEPS`.
    area : bool
        Whether the area is known, and so the volume of runoff.
    """
    declared = bundle.manifest.sha256["variables"]
    key = (bundle.fingerprint, declared, time_step, area)
    if key not in _plans:
        _plans[key] = _made(bundle, time_step, area)
    return _plans[key]


def _made(bundle: Bundle, time_step: str, area: bool) -> Plan:
    days = TIME_STEPS[time_step]
    parts, programs = bundle.variables, bundle.programs
    evaporation = None
    if parts.evaporation is not None:
        evaporation = _per_day(
            programs["evaporation"],
            parts.evaporation.forcings,
            parts.evaporation.fluxes,
            days,
        )
    process = _per_day(
        programs["process"], parts.process.forcings, parts.process.fluxes, days
    )
    routing = None
    if parts.routing is not None:
        routing = _per_day(
            programs[f"routing@{time_step}"],
            parts.routing.forcings,
            parts.routing.fluxes,
            days,
        )
    wanted = [n for n in programs["static"].outputs if n.startswith("p.")]
    if routing is not None:
        wanted.append(f"routing.weight@{time_step}")
    return Plan(
        days=days,
        evaporation=evaporation,
        process=process,
        outlet=_outlet(routing, parts.process.budget, days, area),
        static=programs["static"].select(wanted),
    )


def _per_day(
    program: Program, forcings: Iterable[Forcing], fluxes: Iterable[Flux], days: float
) -> Program:
    """Return a step program whose forcings and fluxes are rates per day."""
    rates = {f"f.{f.name}" for f in forcings if f.per_step == "rate"}
    rates |= {f"q.{f.name}" for f in fluxes if f.per_step == "rate"}
    build = Builder()
    inputs: dict[str, Arg] = {name: build.input(name) for name in program.inputs}
    for name in rates & set(inputs):
        inputs[name] = build.emit("mul", inputs[name], days)
    outputs = build.splice(program, inputs)
    for name in rates & set(outputs):
        outputs[name] = build.emit("div", outputs[name], days)
    return build.build(outputs)


def _outlet(
    routing: Program | None, budget: Budget | None, days: float, area: bool
) -> Program:
    """Return the program of everything that follows the process."""
    build = Builder()
    runoff = build.input("f.runoff")
    outputs: dict[str, Arg] = {"q.streamflow": runoff}
    if routing is not None:
        others = (name for name in routing.inputs if name != "f.runoff")
        inputs: dict[str, Arg] = {name: build.input(name) for name in others}
        outputs = build.splice(routing, {**inputs, "f.runoff": runoff})
    streamflow = outputs["q.streamflow"]
    outputs["q.runoff_depth"] = build.emit("mul", streamflow, days * _M_PER_MM)
    if area:
        volume = build.emit("mul", streamflow, build.input("p.area_km2"))
        outputs["q.runoff_volume"] = build.emit("mul", volume, _M3_PER_S_PER_MM_D_KM2)
    if budget is not None:
        # The outlet gives what the process hands to it as runoff.
        known = {"runoff": streamflow}
        sums = {"s.mass_in": budget.inputs, "s.mass_out": budget.outputs}
        for name, terms in sums.items():
            total: Arg = build.input(name)
            for term in terms:
                if term not in known:
                    known[term] = build.input(f"f.{term}")
                total = build.emit("add", total, build.emit("mul", known[term], days))
            outputs[name] = total
    return build.build(outputs)
