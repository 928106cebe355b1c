"""The one place where names and units meet: who gives each input of each part.

Needs no PyTorch, for it reads declarations alone: those of processes when a model is
made, those in a bundle when it is run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from ..errors import ConfigError, UnitsError, suggestion
from ..units import convert, unknown
from ..variables import Attribute, Flux, Forcing, Parameter, State, Variable
from .part import RESERVED, Part
from .precursors import running

__all__ = [
    "HOST",
    "Giver",
    "Link",
    "Plan",
    "attributes_of",
    "plan",
    "public",
    "required_by",
]

HOST = "host"
"""Stands for whoever steps the model where inputs are looked for by name."""

Giver = Literal["clock", "upstream", "part", "host", "attribute", "default", "space"]
"""Who gives an input: the calendar, the places upstream, an earlier part, whoever steps
the model, a known property of the place, the declaration, or the space."""


@dataclass(frozen=True)
class Link:
    """Where one input of a part comes from.

    Parameters
    ----------
    giver : Giver
        Who gives it.
    name : str
        Its name there.
    part : str
        The part, where one gives it.
    factor : float
        From the units of the giver to those of the receiver.
    """

    giver: Giver
    name: str
    part: str = ""
    factor: float = 1.0


@dataclass(frozen=True)
class Plan:
    """The parts of a model with every name and unit resolved.

    Parameters
    ----------
    parts : tuple of Part
        In the order in which they run.
    seconds : float
        Length of the step the names were resolved for.
    links : mapping of (str, str) to Link
        By part and input.
    """

    parts: tuple[Part, ...]
    seconds: float
    links: Mapping[tuple[str, str], Link]

    def __getitem__(self, name: str) -> Part:
        """Return a part by name."""
        for part in self.parts:
            if part.name == name:
                return part
        names = [part.name for part in self.parts]
        raise ConfigError(f"no part {name!r}{suggestion(name, names)}")

    def link(self, part: Part, name: str) -> Link:
        """Return who gives an input of a part."""
        return self.links[part.name, name]

    @property
    def processes(self) -> tuple[Part, ...]:
        """The parts that are physics."""
        return tuple(part for part in self.parts if part.kind == "process")

    @property
    def networks(self) -> tuple[Part, ...]:
        """The parts that are neural networks."""
        return tuple(part for part in self.parts if part.kind == "network")

    @cached_property
    def forcings(self) -> tuple[Forcing, ...]:
        """What the model is given at every step, the clock's included.

        What the last part needs comes first.
        """
        forcings: dict[str, Forcing] = {}
        for part in reversed(self.processes):
            for forcing in part.declared(self.seconds).forcings:
                link = self.link(part, forcing.name)
                if link.giver in ("host", "clock"):
                    forcings.setdefault(link.name, _named(forcing, link.name))
        return tuple(forcings.values())

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        """What the model is given once for every place; networks come first."""
        attributes: dict[str, Attribute] = {}
        for part in self.networks:
            for name in part.attributes:
                attributes.setdefault(name, Attribute(name=name))
        declared = {
            self.link(part, p.name).name: p
            for part in self.processes
            for p in part.declared(self.seconds).parameters
            if self.link(part, p.name).giver == "attribute"
        }
        for name, p in declared.items():
            attributes[name] = Attribute(
                name=name, symbol=p.symbol, units=p.units, bounds=p.bounds,
                about=p.about,
            )  # fmt: skip
        return tuple(attributes.values())

    @cached_property
    def optional(self) -> frozenset[str]:
        """Names of the attributes that a place may lack."""
        required = {name for part in self.networks for name in part.attributes}
        maybe: set[str] = set()
        for part in self.processes:
            for p in part.declared(self.seconds).parameters:
                link = self.link(part, p.name)
                if link.giver == "attribute":
                    (maybe if p.optional else required).add(link.name)
        return frozenset(maybe - required)

    def given(self) -> Iterator[tuple[Part, Parameter]]:
        """Yield the parameters that networks supply, with the part that has them."""
        for part in self.processes:
            for p in part.declared(self.seconds).parameters:
                if self.link(part, p.name).giver == "part":
                    yield part, p

    @cached_property
    def supplied(self) -> dict[str, Parameter]:
        """Declarations of what networks supply, by the names that these give it."""
        parameters: dict[str, Parameter] = {}
        for part, p in self.given():
            parameters.setdefault(self.link(part, p.name).name, p)
        return parameters

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """Names of the observed quantities whose moments networks answer by."""
        targets = (p.target for _, p in self.given() if p.target)
        return tuple(dict.fromkeys(targets))

    @cached_property
    def outputs(self) -> dict[str, tuple[Part, Flux | State]]:
        """What can be recorded, by name: that of the last part which has it.

        What is of one of several models that run as one has the part before its name,
        and so has what the model is given under the same name.
        """
        forcings = {forcing.name for forcing in self.forcings}
        outputs = {}
        for part in self.processes:
            for variable in part.declared(self.seconds).outputs:
                name = public(part, variable)
                key = f"{part.name}.{name}" if name in forcings else name
                outputs[key] = (part, variable)
        return outputs

    def models_of(self, name: str) -> dict[str, float]:
        """Return the outputs of models whose mean an output is, with their shares.

        Parameters
        ----------
        name : str
            One of :attr:`outputs`; of a model that is one alone there are none.
        """
        if name not in self.outputs:
            return {}
        owner, variable = self.outputs[name]
        shares: dict[str, float] = {}
        for forcing in owner.declared(self.seconds).forcings:
            link = self.link(owner, forcing.name)
            if link.giver == "part" and link.name == variable.name:
                giver = self[link.part]
                if giver.share is not None:
                    shares[public(giver, variable)] = giver.share
        return shares

    @property
    def exchanged(self) -> dict[str, str]:
        """For each budgeted flux, the later part that takes all of it in."""
        takers: dict[str, str] = {}
        for part in self.processes:
            for budget in part.declared(self.seconds).budgets:
                for name in budget.inputs:
                    link = self.links.get((part.name, name))
                    if link is not None and link.giver == "part":
                        takers[f"{link.part}.{link.name}"] = part.name
        return takers


def attributes_of(plans: Iterable[Plan]) -> tuple[Attribute, ...]:
    """Return what a model is given for every place at any of its steps."""
    attributes: dict[str, Attribute] = {}
    for one in plans:
        for a in one.attributes:
            if attributes.get(a.name, Attribute(name=a.name)) == Attribute(name=a.name):
                attributes[a.name] = a
    return tuple(attributes.values())


def required_by(plans: Iterable[Plan]) -> frozenset[str]:
    """Return names of the attributes that no place may lack at some of the steps."""
    return frozenset(
        a.name for one in plans for a in one.attributes if a.name not in one.optional
    )


def public(part: Part, variable: Variable) -> str:
    """Return the name of an output outside the model, where nothing else has it."""
    return variable.name if part.model is None else f"{part.name}.{variable.name}"


def _named(forcing: Forcing, name: str) -> Forcing:
    return forcing if forcing.name == name else replace(forcing, name=name)


def plan(parts: Iterable[Part], seconds: float) -> Plan:
    """Resolve who gives each input of each part.

    An input comes from the clock, from the places upstream, from the nearest earlier
    part that gives its name, from a known property of the place, or from its
    declaration; else it is an input of the model. An input that is looked for as
    ``host.name`` is one of the model, whatever earlier parts give.

    Parameters
    ----------
    parts : iterable of Part
        In the order in which they run; those that run at other steps are left out.
    seconds : float
        Length of the step, on which declarations may depend.

    Raises
    ------
    ConfigError
        When units are not known, or those of giver and receiver cannot be converted,
        or their members differ,
        when a network supplies what nobody reads or reads what nobody gives, when
        whole fields and single places are mixed, or names of parts are not unique or
        no names.
    """
    ordered = running(parts, seconds)
    links: dict[tuple[str, str], Link] = {}
    for at, part in enumerate(ordered):
        if not part.name.isidentifier() or part.name in RESERVED:
            raise ConfigError(
                f"parts: found {part.name!r}, expected letters, digits and '_', and "
                f"none of {', '.join(sorted(RESERVED))}"
            )
        if any(part.name == other.name for other in ordered[:at]):
            raise ConfigError(f"parts: {part.name!r} is there twice")
        _refuse_unknown_units(part, seconds)
        links.update(_links(part, ordered[:at], seconds))
    _refuse_mixed(ordered)
    _refuse_unread(ordered, links)
    _refuse_unknown_inputs(ordered, links, seconds)
    return Plan(ordered, seconds, links)


def _refuse_unknown_units(part: Part, seconds: float) -> None:
    """Refuse variables and budgets in units that nobody knows."""
    declared = part.declared(seconds)
    units = {
        v.name: v.units
        for v in (
            *declared.forcings, *declared.states, *declared.parameters,
            *declared.prepared, *declared.fluxes,
        )
    }  # fmt: skip
    units |= {f"budget {b.name!r}": b.units for b in declared.budgets}
    for name, text in units.items():
        problem = unknown(text)
        if problem:
            raise ConfigError(f"{part.name}.{name}: {problem}")


def _links(
    part: Part, earlier: tuple[Part, ...], seconds: float
) -> Iterator[tuple[tuple[str, str], Link]]:
    declared = part.declared(seconds)
    for forcing in declared.forcings:
        name = part.source(forcing.name)
        if forcing.name in part.links or forcing.source == "upstream":
            link = Link("upstream", part.links.get(forcing.name, name), part.name)
        elif forcing.source == "clock":
            link = Link("clock", name)
        else:
            source = _flux(part, forcing, name, earlier, seconds)
            link = source or Link("host", name)
        yield (part.name, forcing.name), link
    for parameter in declared.parameters:
        name = part.source(parameter.name)
        yield (part.name, parameter.name), _supplier(part, parameter, name, earlier)
    for name in part.inputs:
        # Nothing says in which units a network was trained but the giver itself.
        variable = Variable(name=name.rpartition(".")[2], units="")
        source = _flux(part, variable, name, earlier, seconds)
        yield (part.name, name), source or Link("host", name)


def _flux(
    part: Part,
    variable: Variable,
    name: str,
    earlier: tuple[Part, ...],
    seconds: float,
) -> Link | None:
    """Return the nearest earlier part with a flux of this name, or the host."""
    owner, _, short = name.rpartition(".")
    if owner == HOST:
        return Link("host", short)
    for giver in reversed(earlier):
        if owner and giver.name != owner:
            continue
        for flux in giver.declared(seconds).fluxes:
            if flux.name == short:
                where = f"{part.name}.{variable.name}"
                if giver.members and not giver.mean and part.members != giver.members:
                    raise ConfigError(
                        f"{where}: {giver.name!r} hands on its {giver.members} members "
                        f"one by one, {part.name!r} has {part.members or 'none'}"
                    )
                factor = _factor(where, flux, variable)
                return Link("part", short, giver.name, factor)
    return None


def _supplier(
    part: Part, parameter: Parameter, name: str, earlier: tuple[Part, ...]
) -> Link:
    """Return who supplies a parameter of a process."""
    for giver in reversed(earlier):
        if name in giver.gives or f"{part.name}.{name}" in giver.gives:
            return Link("part", name, giver.name)
    if parameter.source == "space":
        return Link("space", name)
    if parameter.source == "network" and parameter.default is not None:
        return Link("default", name)
    return Link("attribute", name)


def _factor(where: str, giver: Variable, receiver: Variable) -> float:
    if not receiver.units or giver.units == receiver.units:
        return 1.0
    try:
        zero, one = convert([0.0, 1.0], giver.units, receiver.units).tolist()
    except UnitsError as error:
        raise ConfigError(f"{where}: {error}") from None
    if zero:
        raise ConfigError(
            f"{where}: {giver.units!r} and {receiver.units!r} differ by more than a "
            "factor; declare both in the same units"
        )
    return float(one)


def _refuse_mixed(parts: tuple[Part, ...]) -> None:
    """Refuse processes of whole fields beside those of single places."""
    processes = [part for part in parts if part.kind == "process"]
    fields = [part.name for part in processes if part.coupling == "stencil"]
    others = [part.name for part in processes if part.coupling != "stencil"]
    if fields and others:
        raise ConfigError(
            f"parts: {fields[0]!r} steps whole fields and {others[0]!r} single places; "
            "a model is of one kind"
        )


def _refuse_unread(
    parts: tuple[Part, ...], links: Mapping[tuple[str, str], Link]
) -> None:
    """Refuse networks that supply what no later process takes from them."""
    inputs = {(link.part, link.name) for link in links.values() if link.giver == "part"}
    owners = {
        other.source(p.name): other
        for other in parts
        for p in other.variables.parameters
    }
    for part in parts:
        names = [name.rpartition(".")[2] for name in part.gives]
        for name, last in zip(part.gives, names, strict=True):
            where = f"{part.name}.gives"
            if names.count(last) > 1:
                raise ConfigError(
                    f"{where}: {last!r} is of several parts; supply them by a network "
                    "each, or let them read other names"
                )
            if (part.name, last) in inputs:
                continue
            if last not in owners:
                raise ConfigError(
                    f"{where}: unknown {name!r}{suggestion(name, owners)}"
                )
            owner = owners[last]
            link = links[owner.name, _own_name(owner, last)]
            if link.giver == "part":
                raise ConfigError(f"{where}: {name!r} is supplied by {link.part!r}")
            raise ConfigError(
                f"{where}: {name!r} is of {owner.name!r}, which stands before the "
                "network; parts run in order, so put it behind"
            )


def _own_name(part: Part, name: str) -> str:
    """Return the parameter of a part that is looked for under a name."""
    names = (p.name for p in part.variables.parameters)
    return next(candidate for candidate in names if part.source(candidate) == name)


def _refuse_unknown_inputs(
    parts: tuple[Part, ...], links: Mapping[tuple[str, str], Link], seconds: float
) -> None:
    """Refuse networks that read what no process of the model declares."""
    forcings = {
        links[part.name, forcing.name].name
        for part in parts
        for forcing in part.declared(seconds).forcings
    }
    for part in parts:
        for name in part.inputs:
            link = links[part.name, name]
            if link.giver == "host" and link.name not in forcings:
                hint = suggestion(link.name, forcings)
                raise ConfigError(f"{part.name}.forcings: unknown {name!r}{hint}")
