"""How a bundle is run: at which steps, in which units, with which parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..bundle import Bundle
from ..compose.part import Part, step_key
from ..compose.plan import Plan, attributes_of, plan, public, required_by
from ..compose.precursors import steps_before, transfer_name
from ..errors import ConfigError, suggestion
from ..program import Program
from ..space import Space, space_from
from ..variables import Attribute, Forcing, Parameter, Variable
from .clock import DAY
from .system import System, system_of

__all__ = ["Operation", "step_text"]

Array = np.ndarray[Any, np.dtype[Any]]


def step_text(seconds: float) -> str:
    """Return the length of a step as people write it."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length and not seconds % length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"


@dataclass(frozen=True)
class Operation:
    """A bundle and how it is run.

    Parameters
    ----------
    bundle : Bundle
        The model.
    seconds : float
        Length of a step of the host.
    inner : float
        Length of a step of the physics; longer ones are run when they end.
    choices : mapping of str to str
        What is run in place of parts of the bundle, by part.
    units : str
        Unit system of forcings, fluxes and states for the host.

    Raises
    ------
    ConfigError
        When the bundle cannot be run like that.
    """

    bundle: Bundle
    seconds: float
    inner: float
    choices: Mapping[str, str] = field(default_factory=dict)
    units: str = "model"

    def __post_init__(self) -> None:
        steps = self.bundle.manifest.steps
        key = "time_step" if self.inner == self.seconds else "mode"
        if self.inner not in steps:
            raise ConfigError(
                f"{key}: model {self.bundle.name!r} runs at steps of "
                f"{' or '.join(map(step_text, steps))} and cannot run at "
                f"{step_text(self.inner)}"
            )
        if self.inner % self.seconds:
            raise ConfigError(
                f"mode: steps of {step_text(self.inner)} of the physics are not made "
                f"of steps of {step_text(self.seconds)} of the host"
            )
        if self.units not in self.system.units:
            hint = suggestion(self.units, self.system.units)
            raise ConfigError(f"units: unknown {self.units!r}{hint}")
        for part, name in self.choices.items():
            if part not in self.system.choices:
                hint = suggestion(part, self.system.choices)
                raise ConfigError(f"parts: nothing can be chosen for {part!r}{hint}")
            names = ("bundle", *self.system.choices[part])
            if name not in names:
                hint = suggestion(name, names)
                raise ConfigError(f"{part}: unknown {name!r}{hint}")
        self._check_periods()

    def _check_periods(self) -> None:
        """Refuse periods that cannot be gathered, or told from the time of the day."""
        if self.waits and any(p.coupling == "stencil" for p in self.bundle.parts):
            raise ConfigError(
                f"mode: fields are not gathered: steps of {step_text(self.inner)} of "
                f"the physics cannot wait for steps of {step_text(self.seconds)} of "
                "the host; expected steps of the same length"
            )
        key = "mode" if self.waits else "time_step"
        paces = {self.pace(part) for part in self.lagging}
        if len(paces) > 1:
            raise ConfigError(
                f"{key}: networks of model {self.bundle.name!r} step every "
                f"{' and every '.join(map(step_text, sorted(paces)))}; at steps of "
                f"{step_text(self.inner)} both would have to be gathered for"
            )
        if self.lags and self.waits:
            raise ConfigError(
                f"mode: networks of model {self.bundle.name!r} step every "
                f"{step_text(self.gathering)}, which cannot be seen in steps of "
                f"{step_text(self.inner)} of the physics that wait for steps of "
                f"{step_text(self.seconds)}; expected the same time_step and mode"
            )
        if self.lags and self.gathering % self.inner:
            raise ConfigError(
                f"{key}: networks of model {self.bundle.name!r} step every "
                f"{step_text(self.gathering)}, which is not made of steps of "
                f"{step_text(self.inner)}"
            )
        if self.gathers and DAY % self.period:
            raise ConfigError(
                f"{key}: steps are gathered for {step_text(self.period)}, expected a "
                "whole part of a day, or a day"
            )

    @cached_property
    def system(self) -> System:
        """What is special about models of its domain."""
        return system_of(self.bundle.manifest.system)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """What decides the programs."""
        declared = self.bundle.manifest.sha256["parts"]
        steps = (step_key(self.seconds), step_key(self.inner))
        choices = ",".join(f"{k}={v}" for k, v in sorted(self.choices.items()))
        return (self.bundle.fingerprint, declared, *steps, choices, self.units)

    @property
    def waits(self) -> bool:
        """Whether steps of the host are gathered and run at their end."""
        return self.inner != self.seconds

    @property
    def trained(self) -> float:
        """Length of the step the model was trained at, in seconds."""
        return self.bundle.manifest.seconds

    def pace(self, network: Part) -> float:
        """Return the length of the step of a network, in seconds."""
        return self.trained if network.step is None else network.step

    @cached_property
    def lagging(self) -> tuple[Part, ...]:
        """Networks that see a step of theirs when it is over.

        They gather for one of their own, or were trained at another than is run.
        """
        return tuple(
            part
            for part in self.plan.networks
            if part.every == "trained"
            and (part.gathers or self.pace(part) != self.inner)
        )

    @property
    def lags(self) -> bool:
        """Whether some networks see a step of theirs when it is over."""
        return bool(self.lagging)

    @property
    def gathering(self) -> float:
        """Length of the step of networks that see it when it is over."""
        return self.pace(self.lagging[0]) if self.lagging else self.trained

    @property
    def period(self) -> float:
        """Length of what is gathered: of the physics, or of the networks."""
        return self.inner if self.waits else self.gathering

    @property
    def gathers(self) -> bool:
        """Whether it matters at which of the steps a period begins."""
        return self.waits or self.lags

    @cached_property
    def _run(self) -> tuple[tuple[Part, ...], Mapping[str, Program]]:
        exchanged = self.system.exchanged
        parts: tuple[Part, ...] = self.bundle.parts
        programs = dict(self.bundle.programs)
        if exchanged is not None:
            new_parts, more = exchanged(self.bundle, self.inner, self.choices)
            parts = tuple(new_parts)
            programs |= more
        return parts, programs

    @cached_property
    def plan(self) -> Plan:
        """The parts that are run, with every name resolved."""
        return plan(self._run[0], self.inner)

    @cached_property
    def _plans(self) -> tuple[Plan, ...]:
        """The plan that is run; of networks before others, of all steps alike."""
        parts = self._run[0]
        before = steps_before(parts)
        steps = (self.trained, *before) if before else ()
        return (*(plan(parts, x) for x in steps), self.plan)

    def goes_on_from(self, other: Operation) -> bool:
        """Return whether what networks remember at other steps leads to these."""
        theirs = {p.name for p in other.plan.networks}
        theirs |= {p.before for p in other.plan.networks}
        return all(part.name in theirs for part in self.plan.networks)

    @cached_property
    def space(self) -> Space | None:
        """Where the bundle lives, where that is part of it."""
        block = self.bundle.manifest.space
        return space_from(block) if block else None

    def program(self, part: Part, what: str = "") -> Program:
        """Return a program of a part; ``prepare`` makes what the step sees."""
        name = f"{part.name}.{what}" if what else part.name
        return self._run[1][f"{name}@{step_key(self.inner)}" if part.timed else name]

    def passing(self, part: Part) -> tuple[Program, Mapping[str, Array]] | None:
        """Return what leads from the memory of a network to the one after it.

        Returns
        -------
        program : Program
            From memory to memory, ``s.name``.
        weights : mapping of str to ndarray
            Its other inputs; None where the network runs before no other.
        """
        if not part.before:
            return None
        program = self._run[1][transfer_name(part)]
        constants = self.bundle.constants
        return program, {n: x for n, x in constants.items() if n in program.inputs}

    def exchange(self, variable: Variable) -> tuple[str, float]:
        """Return the units of a variable for the host, and the factor into them."""
        return self.system.exchange(variable, self.units)

    def factor(self, variable: Variable) -> float:
        """Return the factor from declared units to those of the host."""
        return self.exchange(variable)[1]

    @cached_property
    def clocked(self) -> tuple[Forcing, ...]:
        """What the calendar gives."""
        return tuple(f for f in self.plan.forcings if f.source == "clock")

    @cached_property
    def forcings(self) -> tuple[Forcing, ...]:
        """What the host gives at every step, in its units.

        Extremes within a step of the physics are found in shorter ones of the host.
        """
        forcings = {f.name: f for f in self.plan.forcings if f.source != "clock"}
        if self.waits:
            for forcing in list(forcings.values()):
                if forcing.extreme is not None:
                    del forcings[forcing.name]
                    base = forcing.extreme[1]
                    if base not in forcings:
                        forcings[base] = replace(
                            forcing, name=base, extreme=None, standard_name=""
                        )
        return tuple(self._for_host(forcing) for forcing in forcings.values())

    def _for_host(self, forcing: Forcing) -> Forcing:
        units, factor = self.exchange(forcing)
        if forcing.bounds is None:
            return replace(forcing, units=units)
        low, high = forcing.bounds
        return replace(forcing, units=units, bounds=(low * factor, high * factor))

    @cached_property
    def slack(self) -> dict[str, float]:
        """How far below its bounds a forcing counts as lowest, in units of the host."""
        declared = {f.name: f for f in self.plan.forcings}
        return {
            name: below * self.factor(declared[name])
            for name, below in self.system.slack.items()
            if name in declared
        }

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        """What the model is given once for every place, with what is known of it."""
        manifest = {a.name: a for a in self.bundle.manifest.attributes}
        required = {a.name: a for a in attributes_of(self._plans)}
        return tuple(manifest.get(name, a) for name, a in required.items())

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Names of the attributes that no place may lack."""
        required = required_by(self._plans)
        return tuple(a.name for a in self.attributes if a.name in required)

    @cached_property
    def published(self) -> dict[str, tuple[Part, Parameter]]:
        """Parameters that hosts may read and set, by name: no properties of places."""
        parameters: dict[str, tuple[Part, Parameter]] = {}
        for part in self.plan.processes:
            for p in part.declared(self.inner).parameters:
                if self.plan.link(part, p.name).giver in ("part", "default"):
                    parameters.setdefault(public(part, p), (part, p))
        return parameters

    @cached_property
    def told(self) -> dict[str, tuple[Part, Parameter]]:
        """What the space tells of itself, by name; hosts may read it."""
        parameters: dict[str, tuple[Part, Parameter]] = {}
        for part in self.plan.processes:
            for p in part.declared(self.inner).parameters:
                if self.plan.link(part, p.name).giver == "space":
                    parameters.setdefault(public(part, p), (part, p))
        return parameters

    @cached_property
    def understood(self) -> dict[str, Attribute]:
        """What places may be given, by name; without bounds the widest that occur.

        Beside what the model needs it is what its system knows.
        """
        by_name = {a.name: a for a in (*self.system.attributes, *self.attributes)}
        return {name: self._bounded(attribute) for name, attribute in by_name.items()}

    def _bounded(self, attribute: Attribute) -> Attribute:
        if attribute.bounds is not None:
            return attribute
        bounds = self.system.possible.get((attribute.name, attribute.units))
        return replace(attribute, bounds=bounds)
