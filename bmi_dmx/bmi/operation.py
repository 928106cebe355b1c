"""How a bundle is run: at which steps, in which units, with which evaporation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..bundle import Bundle
from ..bundle.manifest import Part, Variables
from ..errors import ConfigError, suggestion
from ..models.spec import TIME_STEPS, TimeStep
from ..program import Arg, Builder, Program
from ..variables import Attribute, Forcing, Variable
from .clock import DAY
from .exchange import UnitSystem, outside
from .processes import EVAPORATIONS, hourly_form, shipped

__all__ = ["DAY_OF_YEAR", "Evaporation", "Mode", "Operation", "TimeStep"]

Mode = TimeStep

DAY_OF_YEAR = "day_of_year"
"""The forcing that comes from the clock."""

_DAILY_EXTREMES = ("air_temperature_min", "air_temperature_max")
_TEMPERATURE = "air_temperature"


@dataclass(frozen=True)
class Evaporation:
    """How potential evaporation follows from the forcings of a step.

    Parameters
    ----------
    part : Part
        Its variables; states are what it remembers of the last day.
    program : Program
        The traced step.
    """

    part: Part
    program: Program


@dataclass(frozen=True)
class Operation:
    """A bundle and how it is run.

    Parameters
    ----------
    bundle : Bundle
        The model.
    time_step : {"daily", "hourly"}
        What the host steps.
    mode : {"daily", "hourly"}
        What the physics steps; a day of hours is run at its end.
    evaporation : str
        ``bundle``: as the model was trained; else one of
        :data:`~.processes.EVAPORATIONS`.
    units : {"model", "ngen"}
        Units of forcings, fluxes and states for the host.

    Raises
    ------
    ConfigError
        When the bundle cannot be run like that.
    """

    bundle: Bundle
    time_step: TimeStep
    mode: Mode
    evaporation: str = "bundle"
    units: UnitSystem = "model"

    def __post_init__(self) -> None:
        steps = self.bundle.spec.time_steps
        key = "time_step" if self.mode == self.time_step else "mode"
        if self.mode not in steps:
            raise ConfigError(
                f"{key}: model {self.bundle.name!r} was trained at steps that are "
                f"{' or '.join(steps)} and cannot run {self.mode}"
            )
        if self.time_step == "daily" and self.mode == "hourly":
            raise ConfigError("mode: hourly physics needs an hourly time_step")
        if self.evaporation not in ("bundle", *EVAPORATIONS):
            hint = suggestion(self.evaporation, ("bundle", *EVAPORATIONS))
            raise ConfigError(f"evaporation: unknown {self.evaporation!r}{hint}")

    @property
    def key(self) -> tuple[str, ...]:
        """What decides the programs."""
        declared = self.bundle.manifest.sha256["variables"]
        own = (self.bundle.fingerprint, declared)
        return (*own, self.time_step, self.mode, self.evaporation, self.units)

    @property
    def seconds(self) -> int:
        """Length of a step of the host."""
        return round(TIME_STEPS[self.time_step] * DAY)

    @property
    def days(self) -> float:
        """Length of a step of the physics."""
        return TIME_STEPS[self.mode]

    @property
    def daily_physics(self) -> bool:
        """Whether the hours of a day are summed up and run at its end."""
        return self.mode != self.time_step

    @property
    def daily_network(self) -> bool:
        """Whether a dynamic network steps once a day, and the physics every hour."""
        spec = self.bundle.spec
        return spec.dynamic is not None and spec.trained_step != self.days

    @property
    def counts_days(self) -> bool:
        """Whether it matters at which of the hours a day begins."""
        return self.daily_physics or self.daily_network

    def factor(self, variable: Variable) -> float:
        """Return the factor from declared units to those of the host."""
        return outside(variable, self.units)[1]

    def evaporation_of(self) -> Evaporation | None:
        """Return how potential evaporation is computed; None where it is given."""
        own = self.bundle.spec.evaporation
        name = own if self.evaporation == "bundle" else self.evaporation
        if name == "given":
            return None
        declared = self.bundle.variables.evaporation
        form = hourly_form(name) if self.mode == "hourly" else None
        if form is not None:
            found = Evaporation(*shipped(form))
        elif name == own and declared is not None:
            found = Evaporation(declared, self.bundle.programs["evaporation"])
        else:
            found = Evaporation(*shipped(name))
        needed = {forcing.name for forcing in found.part.forcings}
        if self.mode == "hourly" and needed & {*_DAILY_EXTREMES}:
            return _of_the_last_day(found)
        return found

    def variables(self, evaporation: Evaporation | None) -> Variables:
        """Return the variables of the bundle with those of this evaporation."""
        known = {a.name: a for a in self.bundle.variables.attributes}
        names = list(self.bundle.spec.network_attributes)
        if evaporation is not None:
            for p in evaporation.part.parameters:
                known.setdefault(
                    p.name, Attribute(name=p.name, units=p.units, bounds=p.bounds)
                )
                names.append(p.name)
        return replace(
            self.bundle.variables,
            evaporation=None if evaporation is None else evaporation.part,
            attributes=tuple(known[name] for name in dict.fromkeys(names)),
        )

    def forcings(self, variables: Variables) -> tuple[Forcing, ...]:
        """Return what the host gives at every step, in its units.

        A day's extremes are found in the hours, and the day of the year is the clock's.
        """
        given = {f.name: f for f in variables.forcings if f.name != DAY_OF_YEAR}
        if self.time_step == "hourly":
            for name in _DAILY_EXTREMES:
                if given.pop(name, None) is not None:
                    given.setdefault(_TEMPERATURE, _temperature())
        return tuple(self.for_host(forcing) for forcing in given.values())

    def for_host(self, forcing: Forcing) -> Forcing:
        """Return a forcing with units and bounds of the host."""
        units, factor = outside(forcing, self.units)
        if forcing.bounds is None:
            return replace(forcing, units=units)
        low, high = forcing.bounds
        return replace(forcing, units=units, bounds=(low * factor, high * factor))


def _temperature() -> Forcing:
    part, _ = shipped("daily_extremes")
    return part.forcings[0]


def _of_the_last_day(evaporation: Evaporation) -> Evaporation:
    """Return an evaporation whose daily extremes are those of the last 24 hours."""
    extremes, window = shipped("daily_extremes")
    part, program = evaporation.part, evaporation.program
    build = Builder()
    inputs: dict[str, Arg] = {name: build.input(name) for name in window.inputs}
    outputs = build.splice(window, inputs)
    known: Mapping[str, Arg] = {f"f.{n}": outputs[f"q.{n}"] for n in _DAILY_EXTREMES}
    for name in program.inputs:
        if name not in known and name not in inputs:
            inputs[name] = build.input(name)
    outputs |= build.splice(program, {**inputs, **known})
    others = (f for f in part.forcings if f.name not in _DAILY_EXTREMES)
    forcings = {f.name: f for f in (*extremes.forcings, *others)}
    return Evaporation(
        replace(
            part,
            forcings=tuple(forcings.values()),
            states=extremes.states,
            fluxes=(*part.fluxes, *extremes.fluxes),
        ),
        build.build(outputs),
    )
