"""Several trained models as one: their parts side by side, and the mean of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, TypeVar

import torch

from ..conversion import plain, shown
from ..errors import ConfigError
from ..networks.statistics import Moments, Statistics
from ..variables import Flux
from .model import Model
from .models_mean import LETTERS, MeanFlux
from .part import Part
from .parts import make_parts
from .plan import HOST, Link, Plan, plan
from .spec import ModelSpec, PartSpec

__all__ = ["MEAN", "combined"]

T = TypeVar("T")

MEAN = "mean"
"""Name of the part that brings the models together."""

_REGISTERED = "models_mean"


def combined(
    models: Sequence[Model],
    weights: Sequence[float],
    names: Sequence[str] | None = None,
) -> Model:
    """Return one model that runs several side by side, and answers with their mean.

    The parts of the models have a letter before their names: ``a_land``. What all
    compute alike without having learned it is computed once; what all make of their
    answers, after these, is made of the mean. Everything else that all give under one
    name is averaged as well.

    Parameters
    ----------
    models : sequence of Model
        At least two, of one system, that give the same answers.
    weights : sequence of float
        Above 0, one for each model; only their proportions count.
    names : sequence of str, optional
        What messages call the models; default: their letters.

    Raises
    ------
    ConfigError
        When the models do not go together, or the weights are not some.
    """
    shares = _shares(len(models), weights)
    by_name = dict(zip(names or LETTERS, models, strict=False))
    system = _same("system", {n: m.spec.system for n, m in by_name.items()})
    answers = _same("answers", {n: m.answers for n, m in by_name.items()})
    seconds = _same("seconds", {n: m.spec.seconds for n, m in by_name.items()})
    _refuse_spaces(by_name)
    owners = [_Owner(LETTERS[k], m, shares[k]) for k, m in enumerate(models)]
    shared, tail = _shared(models), _tail(models, answers)
    parts = {name: _first(models, name) for name in shared}
    for owner in owners:
        rest = [p for p in owner.model.plan.parts if p.name not in (*shared, *tail)]
        parts |= {owner.name(p.name): owner.entry(p, shared) for p in rest}
    averaged = _averaged(by_name, answers, (*shared, *tail))
    for name, entry in (
        (MEAN, _mean(owners, averaged)),
        *((name, _first(models, name)) for name in tail),
    ):
        if name in parts:
            raise ConfigError(f"parts: {name!r} is there twice")
        parts[name] = entry
    lengths = [m.spec.lengths for m in models]
    spec = ModelSpec(
        parts=parts,
        seconds=seconds,
        steps=tuple(x for x in lengths[0] if all(x in other for other in lengths)),
        system=system,
        answers=answers,
    )
    linked_spec = _as_alone(spec, owners, shared)
    return _with_weights(linked_spec, owners)


def _shares(count: int, weights: Sequence[float]) -> list[float]:
    if not 2 <= count <= len(LETTERS):
        raise ConfigError(
            f"models: found {count}, expected 2 to {len(LETTERS)} to be combined"
        )
    if len(weights) != count:
        raise ConfigError(f"weights: found {len(weights)} for {count} models")
    if not all(0.0 < weight < float("inf") for weight in weights):
        raise ConfigError(
            f"weights: found {', '.join(f'{w:g}' for w in weights)}, expected all "
            "above 0; leave models out that do not count"
        )
    whole = sum(weights)
    return [weight / whole for weight in weights]


def _same(what: str, values: Mapping[str, T]) -> T:
    """Return what all models have alike."""
    (first, expected), *others = values.items()
    for name, value in others:
        if value != expected:
            raise ConfigError(
                f"{name}: {what}: found {shown(value)}, expected {shown(expected)} as "
                f"of {first}; what is combined has the same"
            )
    return expected


def _refuse_spaces(models: Mapping[str, Model]) -> None:
    """Refuse models whose places see each other, or that are several themselves."""
    for name, model in models.items():
        if model.spec.step_before is not None:
            raise ConfigError(
                f"{name}: networks of longer steps run before those of the model's; "
                "models with one network for all steps alone are combined"
            )
        for part in model.plan.parts:
            if part.coupling != "cells":
                raise ConfigError(
                    f"{name}: places of {part.name!r} see each other; models of single "
                    "places alone are combined"
                )
            if part.model is not None:
                raise ConfigError(
                    f"{name}: it is combined of several models; combine these"
                )


def _first(models: Sequence[Model], name: str) -> PartSpec:
    return next(m.spec.parts[name] for m in models if name in m.spec.parts)


def _shared(models: Sequence[Model]) -> tuple[str, ...]:
    """Return the parts that are the same wherever they are, and nothing learned."""
    names: list[str] = []
    for model in models:
        for part in model.plan.parts:
            entries = [m.spec.parts[part.name] for m in models
                       if part.name in m.spec.parts]  # fmt: skip
            alike = all(entry == entries[0] for entry in entries)
            if alike and part.name not in names and _given(model, part):
                names.append(part.name)
    return tuple(names)


def _given(model: Model, part: Part) -> bool:
    """Return whether a part computes from what is given from outside alone.

    It may remember that, but stores nothing: a budget is of one model.
    """
    links = _links(model, part)
    return (
        part.kind == "process"
        and not any(d.budgets for d in (part.variables, *part.at.values()))
        and all(link.giver != "part" for link in links.values())
    )


def _tail(models: Sequence[Model], answers: Sequence[str]) -> tuple[str, ...]:
    """Return the parts that all models have alike behind those that give the answers.

    Raises
    ------
    ConfigError
        When an answer is given by no process, such as a learned parameter.
    """
    tails = []
    for model in models:
        names = [p.name for p in model.plan.parts]
        for answer in answers:
            if answer not in model.plan.outputs:
                raise ConfigError(
                    f"answers: {answer!r} is given by no process; the mean is taken of "
                    "what processes give"
                )
        last = max(names.index(model.plan.outputs[a][0].name) for a in answers)
        behind = model.plan.parts[last + 1 :]
        tails.append(tuple((p.name, model.spec.parts[p.name]) for p in behind))
        learned = any(
            p.variables.states or p.kind == "network" or _learned(model, p)
            for p in behind
        )
        if learned or tails[-1] != tails[0]:
            return ()
    return tuple(name for name, _ in tails[0])


def _learned(model: Model, part: Part) -> bool:
    names = [p.name for p in part.variables.parameters]
    return any(model.plan.link(part, n).giver == "part" for n in names)


def _links(model: Model, part: Part) -> dict[str, Link]:
    """Return where the inputs of a part come from, at any of its steps."""
    links: dict[str, Link] = {}
    for seconds in reversed(model.spec.lengths):
        whole = plan(model.plan.parts, seconds)
        links |= {
            name: x for (owner, name), x in whole.links.items() if owner == part.name
        }
    return links


class _Owner:
    """One of the models, and what its parts are called beside the others.

    Parameters
    ----------
    letter : str
        What it is told apart by.
    model : Model
        The model.
    share : float
        Its weight.
    """

    def __init__(self, letter: str, model: Model, share: float) -> None:
        self.letter, self.model, self.share = letter, model, share

    def name(self, name: str) -> str:
        """Return the name of a part, or of what its networks give."""
        return f"{self.letter}_{name}"

    def entry(self, part: Part, shared: Sequence[str]) -> PartSpec:
        """Return a part as it is beside those of others."""
        entry = replace(
            self.model.spec.parts[part.name], model=self.letter, share=self.share
        )
        if part.kind == "network":
            return replace(
                entry, forcings=self.inputs(part, shared),
                gives=tuple(map(self._given, part.gives)),
            )  # fmt: skip
        declared = (part.variables, *part.at.values())
        parameters = {p.name for d in declared for p in d.parameters}
        reads = dict(entry.reads)
        for name, link in _links(self.model, part).items():
            if link.giver == "part":
                learned = name in parameters
                reads[name] = (
                    self.name(link.name) if learned else self._source(link, shared)
                )
        return replace(entry, reads=reads)

    def inputs(self, network: Part, shared: Sequence[str]) -> tuple[str, ...]:
        """Return under which names a network looks for what it reads."""
        links = (self.model.plan.link(network, name) for name in network.inputs)
        return tuple(
            self._source(x, shared) if x.giver == "part" else x.name for x in links
        )

    def _source(self, link: Link, shared: Sequence[str]) -> str:
        alike = link.part in shared
        return link.name if alike else f"{self.name(link.part)}.{link.name}"

    def _given(self, name: str) -> str:
        owner, dot, short = name.rpartition(".")
        return f"{self.name(owner)}.{self.name(short)}" if dot else self.name(short)

    def statistics(self, spec: ModelSpec) -> Iterator[tuple[str, Moments]]:
        """Yield the moments of what networks read and answer, by part."""
        for part in self.model.plan.networks:
            moments = self.model.statistics.seen_by(part.name)
            new = spec.parts[self.name(part.name)]
            pairs = [
                *zip(part.inputs, new.forcings, strict=True),
                *((name, name) for name in part.attributes),
                *((name, name) for name in self._targets(part)),
            ]
            for old, name in pairs:
                yield f"{self.name(part.name)}.{name}", moments[old]

    def _targets(self, network: Part) -> Iterator[str]:
        for part, p in self.model.plan.given():
            if p.target and self.model.plan.link(part, p.name).part == network.name:
                yield p.target


def _averaged(
    models: Mapping[str, Model], answers: Sequence[str], others: Sequence[str]
) -> dict[str, MeanFlux]:
    """Return the fluxes that all models give in the same units, the answers first.

    Raises
    ------
    ConfigError
        When one of the answers is not among them.
    """
    fluxes = {n: dict(_fluxes(m.plan, others)) for n, m in models.items()}
    (first, reference), *_ = fluxes.items()
    averages = {
        name: flux
        for name, flux in reference.items()
        if all(name in fs and _alike(fs[name], flux) for fs in fluxes.values())
    }
    for answer in answers:
        for name, other in fluxes.items():
            if answer not in other:
                raise ConfigError(f"{name}: {answer!r} is no flux, whose mean is taken")
            if not _alike(other[answer], reference[answer]):
                raise ConfigError(
                    f"{name}: {answer!r} is {_told(other[answer])}, expected "
                    f"{_told(reference[answer])} as of {first}"
                )
    return {name: averages[name] for name in (*answers, *averages)}


def _fluxes(whole: Plan, others: Sequence[str]) -> Iterator[tuple[str, MeanFlux]]:
    for name, (part, v) in whole.outputs.items():
        handed = (part.mean or not part.members) and part.name not in others
        if isinstance(v, Flux) and v.per_step != "amount" and handed:
            yield name, MeanFlux(
                units=v.units, per_step=v.per_step, symbol=v.symbol,
                standard_name=v.standard_name, about=v.about,
            )  # fmt: skip


def _alike(one: MeanFlux, other: MeanFlux) -> bool:
    return (one.units, one.per_step) == (other.units, other.per_step)


def _told(flux: MeanFlux) -> str:
    """Return what must be alike of fluxes whose mean is taken."""
    return f"in {flux.units!r} (per_step: {flux.per_step})"


def _mean(owners: Sequence[_Owner], averaged: Mapping[str, MeanFlux]) -> PartSpec:
    """Return the part that brings the models together."""
    options = {"weights": [o.share for o in owners], "fluxes": plain(dict(averaged))}
    reads = {
        f"{name}_{o.letter}": f"{o.name(o.model.plan.outputs[name][0].name)}.{name}"
        for name in averaged
        for o in owners
    }
    return PartSpec(process=_REGISTERED, options=options, reads=reads)


def _as_alone(
    spec: ModelSpec, owners: Sequence[_Owner], shared: Sequence[str]
) -> ModelSpec:
    """Let parts read of the host, and of what is shared, what they read alone.

    By its name alone where that leads there; else whoever gives it is named, for
    earlier parts of other models may give the same.
    """
    whole = plan((m.part for m in make_parts(spec)), spec.seconds)
    parts = dict(spec.parts)
    for owner in owners:
        for part in owner.model.plan.parts:
            name = owner.name(part.name)
            if name not in parts:
                continue
            links = _links(owner.model, part)
            outer = {
                n: link for n, link in links.items()
                if link.giver == "host" or link.part in shared
            }  # fmt: skip
            at = whole.parts.index(whole[name])
            parts[name] = _naming_givers(parts[name], outer, whole.parts[:at], part)
    return replace(spec, parts=parts)


def _naming_givers(
    entry: PartSpec, links: Mapping[str, Link], earlier: Sequence[Part], part: Part
) -> PartSpec:
    """Return a part that names who gives what earlier parts give as well."""
    others = {
        (p.name, flux.name)
        for p in earlier
        for declared in (p.variables, *p.at.values())
        for flux in declared.fluxes
    }
    givers = {
        n: f"{link.part or HOST}.{link.name}"
        for n, link in links.items()
        if any(f == link.name and p != link.part for p, f in others)
    }
    if part.kind == "process":
        return replace(entry, reads={**entry.reads, **givers})
    inputs = (
        givers.get(old, name)
        for old, name in zip(part.inputs, entry.forcings, strict=True)
    )
    return replace(entry, forcings=tuple(inputs))


def _with_weights(spec: ModelSpec, owners: Sequence[_Owner]) -> Model:
    """Make the model, with the weights and statistics of all."""
    moments = dict(pair for owner in owners for pair in owner.statistics(spec))
    with torch.random.fork_rng(devices=[]):
        model = Model(spec, Statistics(moments))
    weights: dict[str, Any] = {
        f"{owner.letter}_{name}": x
        for owner in owners
        for name, x in owner.model.state_dict().items()
    }
    kinds = [x.dtype for x in weights.values()]
    kind = reduce(torch.promote_types, kinds) if kinds else torch.float64
    model.to(kind).load_state_dict({n: x.to(kind) for n, x in weights.items()})
    _refuse_other_givers(model, owners)
    return model.eval()


def _refuse_other_givers(model: Model, owners: Sequence[_Owner]) -> None:
    """Refuse a whole in which an input of a part comes from somewhere else."""
    for owner in owners:
        for part in owner.model.plan.parts:
            name = owner.name(part.name)
            if name not in model.spec.parts:
                continue
            new = model.plan[name]
            for old, other in zip(_inputs(part), _inputs(new), strict=True):
                before = owner.model.plan.link(part, old)
                after = model.plan.link(new, other)
                link = replace(
                    after,
                    part=after.part.removeprefix(f"{owner.letter}_"),
                    name=after.name.removeprefix(f"{owner.letter}_"),
                )
                if link != before:
                    raise ConfigError(
                        f"parts: {name}.{old} would come from "
                        f"{after.part or after.giver!r} beside the other models, alone "
                        f"it comes from {before.part or before.giver!r}"
                    )


def _inputs(part: Part) -> tuple[str, ...]:
    names = (v.name for v in (*part.variables.forcings, *part.variables.parameters))
    return (*names, *part.inputs)
