"""From what a configuration names to parts: processes made, declarations collected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import ConfigError, suggestion
from ..process import SECONDS, Process
from ..registries import networks, processes
from ..space import Space
from ..variables import Parameter
from .part import Declarations, Part, coupled, step_key
from .spec import ModelSpec, PartSpec
from .weighted_process import WeightedProcess

__all__ = ["BuiltPart", "make_parts"]


@dataclass(frozen=True)
class BuiltPart:
    """A part and the process in it, None where it is a network."""

    part: Part
    process: Process | None


def make_parts(spec: ModelSpec, space: Space | None = None) -> list[BuiltPart]:
    """Return the parts of a model; networks supply what is said, and remember nothing.

    Raises
    ------
    ConfigError
        When a name is not registered, or options are wrong; names the part.
    """
    pieces = [_made(name, entry, spec, space) for name, entry in spec.parts.items()]
    supplied = _supplied(spec, [m.part for m in pieces])
    return [_giving(m, supplied) for m in pieces]


def _made(
    name: str, entry: PartSpec, spec: ModelSpec, space: Space | None
) -> BuiltPart:
    try:
        if entry.process:
            return _process(name, entry, spec, space)
        return BuiltPart(_network(name, entry), None)
    except ConfigError as error:
        raise ConfigError(f"parts.{name}: {error}") from None


def _process(
    name: str, entry: PartSpec, spec: ModelSpec, space: Space | None
) -> BuiltPart:
    process = processes[entry.process or ""](entry.options or None)
    if space is not None:
        process = process.on(space)
    timed = type(process).at is not Process.at
    if entry.member_weights == "learned":
        process = WeightedProcess(process)
    time = SECONDS[process.time]
    usual = process.at(spec.seconds / time)
    at = {}
    for seconds in spec.lengths[1:]:
        other = Declarations.of(process.at(seconds / time))
        if other != Declarations.of(usual):
            at[step_key(seconds)] = other
    coupling, links = coupled(process)
    part = Part(
        name=name, kind="process", every=entry.when,
        variables=Declarations.of(usual), at=at, time=process.time,
        timed=timed,
        members=entry.members, mean=entry.mean, coupling=coupling, links=links,
        reads=entry.reads, model=entry.model, share=entry.share,
    )  # fmt: skip
    inputs = {
        v.name: v
        for declared in (part.variables, *at.values())
        for v in (*declared.forcings, *declared.parameters)
    }
    for key in part.reads:
        if key not in inputs:
            raise ConfigError(f"reads: unknown {key!r}{suggestion(key, inputs)}")
    return BuiltPart(part, process)


def _network(name: str, entry: PartSpec) -> Part:
    if entry.network not in networks:
        networks[entry.network or ""]
    return Part(
        name=name, kind="network", every=entry.when, attributes=entry.attributes,
        inputs=entry.forcings, step=entry.step, before=entry.before or "",
        model=entry.model, share=entry.share,
    )  # fmt: skip


def _supplied(spec: ModelSpec, parts: Sequence[Part]) -> Mapping[str, tuple[str, ...]]:
    """Return the parameters that each network supplies, in order of declaration."""
    explicit = {
        name
        for entry in spec.parts.values()
        if entry.gives != "all"
        for name in entry.gives
    }
    supplied: dict[str, tuple[str, ...]] = {}
    for at, part in enumerate(parts):
        entry = spec.parts[part.name]
        gives = spec.parts[entry.before].gives if entry.before else entry.gives
        length = entry.step if entry.step and entry.before else spec.seconds
        later = [(o, p) for o in parts[at + 1 :] for p in o.declared(length).parameters]
        if gives == "all":
            names = [
                other.source(p.name)
                for other, p in later
                if _learned(p)
                and not {other.source(p.name), f"{other.name}.{p.name}"} & explicit
            ]
        else:
            order = [other.source(p.name) for other, p in later]
            names = [name for name in order if name in gives]
            # What is unknown is told of, but steps may have parameters of their own.
            full_names = {f"{other.name}.{p.name}" for other, p in later}
            names += [name for name in gives if name in full_names or not entry.before]
        supplied[part.name] = tuple(dict.fromkeys(names))
    return supplied


def _learned(parameter: Parameter) -> bool:
    return parameter.source == "network" and parameter.bounds is not None


def _giving(piece: BuiltPart, supplied: Mapping[str, tuple[str, ...]]) -> BuiltPart:
    if piece.process is not None:
        return piece
    gives = supplied[piece.part.name]
    return BuiltPart(replace(piece.part, gives=gives), None)
