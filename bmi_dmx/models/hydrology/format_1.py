"""Bundles of format 1, which knew one kind of model: brought to format 2 as data.

The first format had places for a static and a dynamic network, evaporation, a process
and the routing of its runoff. Their programs give the same bits here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from ...bundle.manifest import HASHED_BLOCKS, Manifest, block_digest
from ...compose.part import Declarations, Part, step_key
from ...conversion import convert, plain
from ...errors import ConfigError
from ...process import Budget
from ...program import Arg, Builder, Program
from ...variables import Parameter, State
from .forcings import CALENDAR, EXTREMES
from .shipped_processes import NAMES, shipped

__all__ = ["FORMAT_1", "Format1"]

_TimeStep = Literal["daily", "hourly"]
_STEPS = {"daily": 86400.0, "hourly": 3600.0}
_ROUTING = ("routing_a", "routing_b")
_DAYS = 15  # of the unit hydrograph


class Format1:
    """From format 1 to format 2."""

    blocks = ("model", "variables", "statistics", "weights")
    """Keys of the manifest that carried a hash."""

    def manifest(self, data: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Return the content of ``model.yaml`` in format 2.

        Raises
        ------
        ConfigError
            When a block or key is missing that the format had.
        """
        model, variables = (
            _block(data, "model", where),
            _block(data, "variables", where),
        )
        step = model.get("time_step", "daily")
        kind: Any = _TimeStep
        seconds = _STEPS[convert(step, kind, f"{where}: model.time_step")]
        dynamic = model.get("dynamic") is not None
        steps = [seconds, *(s for s in _STEPS.values() if s != seconds)]
        if dynamic:
            steps = [s for s in steps if s <= seconds]
        parts = _parts(model, variables, seconds, f"{where}: variables")
        content = {key: x for key, x in data.items() if key != "variables"}
        content |= plain(
            {
                "format": 2,
                "model": {"recipe": "dhbv", **model},
                "system": "hydrology",
                "seconds": seconds,
                "steps": steps,
                "space": {},
                "answers": ["streamflow"],
                "parts": parts,
                "attributes": variables.get("attributes", []),
            }
        )
        hashes = {
            key: x for key, x in _block(data, "sha256", where).items()
            if key not in self.blocks
        }  # fmt: skip
        hashes |= {b: block_digest(content[b]) for b in HASHED_BLOCKS if b in content}
        return {**content, "sha256": hashes}

    def programs(
        self, data: Mapping[str, Any], manifest: Manifest, where: str
    ) -> dict[str, Any]:
        """Return the content of ``programs.json`` in format 2."""
        old = {
            name: Program.from_json(program, f"{where}: {name}")
            for name, program in data.items()
        }
        programs: dict[str, Program] = {}
        for part in manifest.parts:
            programs |= _programs(part, old, manifest)
        return {name: program.to_json() for name, program in programs.items()}


FORMAT_1 = Format1()


def _block(data: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    block = data.get(key)
    if not isinstance(block, Mapping):
        raise ConfigError(f"{where}: {key}: missing, or not a mapping")
    return block


def _parts(
    model: Mapping[str, Any],
    variables: Mapping[str, Any],
    seconds: float,
    where: str,
) -> list[Part]:
    """Return the parts that a model of format 1 has."""
    process = _declared(variables, "process", where)
    static = _block(model, "static", where)
    dynamic = model.get("dynamic")
    learned = _gives(model, process)
    routed = _ROUTING if variables.get("routing") else ()
    parts: list[Part] = [
        Part(
            name="static", kind="network", every="once",
            attributes=tuple(static["attributes"]), gives=(*learned, *routed),
        )
    ]  # fmt: skip
    if variables.get("evaporation"):
        parts.append(_evaporation(model, variables, seconds, where))
    if dynamic is not None:
        order = [p.name for p in process.parameters if p.name in dynamic["parameters"]]
        parts.append(
            Part(
                name="dynamic", kind="network", every="trained",
                attributes=tuple(dynamic["attributes"]),
                inputs=tuple(dynamic["forcings"]), gives=tuple(order),
                variables=_declared(variables, "network", where),
            )
        )  # fmt: skip
    members = model.get("members", 16)
    parts.append(Part(name="land", kind="process", members=members, variables=process))
    if routed:
        parts.append(_outlet(_declared(variables, "routing", where), seconds))
    else:
        parts.append(shipped("direct_outlet").part("outlet", seconds))
    parts.append(shipped("depth_to_volume").part("volume", seconds))
    return parts


def _declared(variables: Mapping[str, Any], key: str, where: str) -> Declarations:
    """Return what a part declares, with what format 1 knew by names alone."""
    block = dict(_block(variables, key, where))
    budget = block.pop("budget", None)
    declared = convert(block, Declarations, f"{where}: {key}")
    forcings = tuple(
        replace(
            f,
            source="clock" if f.name in CALENDAR else "host",
            extreme=EXTREMES.get(f.name),
        )
        for f in declared.forcings
    )
    budgets: tuple[Budget, ...] = ()
    if budget:
        fields = {**budget, "name": "water", "units": "mm"}
        budgets = (convert(fields, Budget, f"{where}: {key}.budget"),)
    return replace(declared, forcings=forcings, budgets=budgets)


def _gives(model: Mapping[str, Any], process: Declarations) -> list[str]:
    """Return the parameters of the static network in the order of its outputs."""
    dynamic = model.get("dynamic") or {"parameters": ()}
    listed = model["static"].get("parameters", "all")
    return [
        p.name
        for p in process.parameters
        if p.name not in dynamic["parameters"] and (listed == "all" or p.name in listed)
    ]


def _evaporation(
    model: Mapping[str, Any], variables: Mapping[str, Any], seconds: float, where: str
) -> Part:
    declared = _declared(variables, "evaporation", where)
    places = tuple(
        replace(p, source="attribute", per="place") for p in declared.parameters
    )
    declared = replace(declared, parameters=places)
    name = model.get("evaporation", "given")
    if name in NAMES:
        formula = shipped(name)
        hourly = formula.variables[step_key(3600.0)]
        timed = formula.timed
    else:
        hourly = _of_the_last_day(declared)
        timed = hourly != declared
    at = {step_key(3600.0): hourly} if timed and seconds > 3600.0 else {}
    return Part(
        name="evaporation", kind="process", timed=timed, variables=declared, at=at
    )


def _of_the_last_day(declared: Declarations) -> Declarations:
    """Return an evaporation whose daily extremes are those of the last 24 hours."""
    if not any(f.extreme for f in declared.forcings):
        return declared
    window = shipped("daily_extremes").variables[step_key(3600.0)]
    others = (f for f in declared.forcings if not f.extreme)
    forcings = {f.name: f for f in (*window.forcings, *others)}
    return replace(
        declared,
        forcings=tuple(forcings.values()),
        states=window.states,
        fluxes=(*declared.fluxes, *window.fluxes),
    )


def _outlet(declared: Declarations, seconds: float) -> Part:
    shared = tuple(replace(p, per="place") for p in declared.parameters)
    budget = Budget(
        ("runoff",), ("streamflow",), ("in_transit",), name="water", units="mm"
    )

    def sized(step: float) -> Declarations:
        length = round(_DAYS * 86400.0 / step)
        transit: State = replace(declared.states[0], size=length - 1)
        weight = Parameter(
            name="weight", symbol="w", bounds=(0.0, 1.0), size=length, per="place",
            about="share of the runoff leaving after 0, 1, ... steps; sums to 1",
        )  # fmt: skip
        return replace(
            declared, parameters=shared, states=(transit,), prepared=(weight,),
            budgets=(budget,),
        )  # fmt: skip

    others = {step_key(s): sized(s) for s in _STEPS.values() if s != seconds}
    return Part(
        name="outlet", kind="process", timed=True, variables=sized(seconds), at=others
    )


def _programs(
    part: Part, old: Mapping[str, Program], manifest: Manifest
) -> dict[str, Program]:
    """Return the programs of one part; those that are missing are found missing."""
    if part.name == "static" and "static" in old:
        program = old["static"]
        names = [name for name in program.outputs if name.startswith("p.")]
        return {"static": program.select(names)}
    if part.name == "dynamic" and "dynamic" in old:
        return {"dynamic": _with_states(old["dynamic"])}
    if part.name == "land" and "process" in old:
        return {"land": old["process"]}
    if part.name == "evaporation" and "evaporation" in old:
        return _evaporation_programs(part, old["evaporation"], manifest)
    if part.name == "outlet" and part.timed:
        return _outlet_programs(old, manifest)
    if part.name in ("outlet", "volume"):
        name = "direct_outlet" if part.name == "outlet" else "depth_to_volume"
        every = shipped(name).named(part.name)
        keys = {step_key(s) for s in manifest.steps}
        return {
            n: p for n, p in every.items() if not part.timed or n.split("@")[1] in keys
        }
    return {}


def _with_states(program: Program) -> Program:
    """Return the program of a network whose memory is named as states are."""

    def renamed(name: str) -> str:
        before, dot, rest = name.partition(".")
        return f"s.{rest}" if dot and before == "network" else name

    return Program(
        {renamed(name): value for name, value in program.inputs.items()},
        program.instructions,
        {renamed(name): value for name, value in program.outputs.items()},
    )


def _evaporation_programs(
    part: Part, formula: Program, manifest: Manifest
) -> dict[str, Program]:
    if not part.timed:
        return {"evaporation": formula}
    programs = {}
    for seconds in manifest.steps:
        program = formula
        if seconds < manifest.seconds or (seconds == 3600.0 and not part.at):
            program = _hourly(str(manifest.model["evaporation"]), formula)
        programs[f"evaporation@{step_key(seconds)}"] = program
    return programs


def _hourly(name: str, formula: Program) -> Program:
    key = step_key(3600.0)
    if name in NAMES and name != "hargreaves":
        return shipped(name).programs[key]
    # Its own formula behind the window of the last day.
    window = shipped("daily_extremes").programs[key]
    build = Builder()
    inputs: dict[str, Arg] = {n: build.input(n) for n in window.inputs}
    outputs = build.splice(window, inputs)
    extremes: Mapping[str, Arg] = {
        f"f.{n[2:]}": x for n, x in outputs.items() if n.startswith("q.")
    }
    for n in formula.inputs:
        if n not in extremes and n not in inputs:
            inputs[n] = build.input(n)
    outputs |= build.splice(formula, {**inputs, **extremes})
    return build.build(outputs)


def _outlet_programs(
    old: Mapping[str, Program], manifest: Manifest
) -> dict[str, Program]:
    """Return the routing at each step, and what makes its weights of its parameters."""
    programs: dict[str, Program] = {}
    static = old.get("static")
    for word, seconds in _STEPS.items():
        key = step_key(seconds)
        if seconds not in manifest.steps or static is None:
            continue
        if f"routing@{word}" in old:
            programs[f"outlet@{key}"] = old[f"routing@{word}"]
        weight = f"routing.weight@{word}"
        names = [f"p.{name}" for name in _ROUTING]
        if weight in static.outputs and all(n in static.outputs for n in names):
            # The last part of the static program, from the parameters it found.
            inputs = {name: str(static.outputs[name]) for name in names}
            body = tuple(i for i in static.instructions if i.out not in inputs.values())
            rest = Program(inputs, body, static.outputs).select([weight])
            programs[f"outlet.prepare@{key}"] = Program(
                rest.inputs, rest.instructions, {"p.weight": rest.outputs[weight]}
            )
    return programs
