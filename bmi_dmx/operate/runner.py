"""The runtime of a bundle: compiled programs over persistent buffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..compose.part import Part
from ..errors import StateError
from ..kernels.stepper import Stepper
from ..space import Space
from ..variables import Flux, Forcing, Variable
from .accumulation import Accumulation
from .clock import Clock
from .field_parameters import parameters_of
from .field_sums import FieldSums
from .fields import FieldStepper, TreeStepper
from .network import DynamicNetwork, drivers_of
from .parameters import check_attribute
from .stages import LOST, Stage, Stages, qualified
from .storage import Storage, summed

__all__ = ["Runner"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Steps = Stepper | TreeStepper | FieldStepper


class Runner:
    """Steps a model at many places, without BMI and without PyTorch.

    Every buffer is one float64 array for the life of the runner. Forcings, fluxes and
    stores are in units of the host; rates stay rates whatever the length of the step.

    Parameters
    ----------
    stages : Stages
        What to run; see :func:`~.stages.stages`.
    ids : sequence of str
        Name of each place, for messages.
    attributes : dict of str to ndarray
        (place,) values by name; NaN where one is to be set before the first step.
    clock : Clock
        Time of the host; keeps what the calendar gives.
    space : Space, optional
        Where the places see each other.

    Attributes
    ----------
    forcing, output : dict of str to ndarray
        (place,) by name, or flat fields. ``output`` holds fluxes and stores, the
        members' mean.
    dates : dict of str to ndarray
        What the calendar gives.
    parameters : Parameters
        What does not change with time.
    storage : Storage
        The stores and what is conserved.
    steppers : dict of int to Stepper
        What runs the stages, by their place in the order; networks aside.
    members : Runner or None
        What runs the parallel states of an ensemble, where there is one.
    """

    members: Runner | None = None

    def __init__(
        self,
        stages: Stages,
        ids: Sequence[str],
        attributes: dict[str, Array],
        clock: Clock,
        space: Space | None = None,
    ) -> None:
        self.stages, self.ids, self.clock = stages, tuple(ids), clock
        self.space = space
        self.operation = operation = stages.operation
        self.forcing = {f.name: self._new(f, np.nan) for f in operation.forcings}
        self.dates = {f.name: self._new(f, np.nan) for f in operation.clocked}
        for name, array in self.dates.items():
            clock.keep(name, array)
        self.output: dict[str, Array] = {}
        self._inside = {**self.forcing, **self.dates}
        self._period: Accumulation | None = None
        if operation.waits:
            forcings = {f.name: f for f in operation.plan.forcings}
            self._period = self._gather(forcings, operation.inner)
            self._inside = self._period.values
        fields = space if self.is_field else None
        self.parameters = parameters_of(operation, self.ids, attributes, fields)
        self.steppers: dict[int, Steps] = {}
        self._stores: dict[tuple[str, str], Array] = {}
        self._seen: dict[tuple[str, str], Array] = {}
        for at, stage in enumerate(stages.sequence):
            if stage.kind != "network":
                self.steppers[at] = self._stepper(stage)
                self._own(stage, self.steppers[at])
        self._networks = self._make_networks()
        self._fields: FieldSums | None = None
        self.storage = self._make_storage()
        self._steps = self._sequence()
        self._begun = False

    @property
    def place(self) -> str:
        """Name of the places, for messages."""
        more = len(self.ids) - 1
        return self.ids[0] if not more else f"{self.ids[0]} and {more} more"

    def _new(self, variable: Variable, value: float = 0.0) -> Array:
        """Return a buffer: a number for each place, or a flat field."""
        size = len(self.ids)
        if self.space is not None and self.is_field:
            size = int(np.prod(self.space.shape(variable)))
        return np.full(size, value)

    @property
    def is_field(self) -> bool:
        """Whether it steps whole fields."""
        return any(p.coupling == "stencil" for p in self.operation.plan.parts)

    # Making

    def _stepper(self, stage: Stage) -> Steps:
        """Return a stepper that reads and writes the buffers of the runner."""
        program = stage.program
        assert program is not None
        inner = self.operation.inner
        for part in stage.parts:
            for variable in part.declared(inner).outputs:
                name = self.stages.buffers[part.name, variable.name]
                self.output[name] = self._new(variable)
        arrays = {**self.output, **self._inside}
        forcing = {n: arrays[n[2:]] for n in program.forcings if n[2:] in arrays}
        output = {n: self.output[n[2:]] for n in program.fluxes}
        if stage.kind == "cells":
            return Stepper(
                program, len(self.ids), stage.members, program.fluxes,
                forcing=forcing, output=output,
            )  # fmt: skip
        (part,) = stage.parts
        declared = part.declared(inner)
        if stage.kind == "stencil":
            buffers = {
                v.name: self.stages.buffers[part.name, v.name] for v in declared.outputs
            }
            return FieldStepper(
                program, part, declared, self.space, self.operation.bundle.constants,
                forcing, output, buffers,
            )  # fmt: skip
        buffers = {
            flux: f"q.{self.stages.buffers[part.name, flux]}"
            for flux in part.links.values()
        }
        scale = {v.name: self._amount(part, v) for v in declared.outputs}
        # What others read of it, such as sums of budgets.
        others = (s.program for s in self.stages.sequence if s is not stage)
        inputs = {n for other in others if other is not None for n in other.inputs}
        inflow = {
            f.name: self._new(f)
            for f in declared.forcings
            if f.name in part.links and f"f.{qualified(part, f.name)}" in inputs
        }
        self._inside |= {qualified(part, n): x for n, x in inflow.items()}
        return TreeStepper(
            program, part, declared, self.space, forcing, output, buffers, scale,
            inflow,
        )  # fmt: skip

    def _amount(self, part: Part, variable: Variable) -> float:
        dt = part.dt(self.operation.inner) if variable.per_step == "rate" else 1.0
        return dt / self.operation.factor(variable)

    def _own(self, stage: Stage, stepper: Steps) -> None:
        """Take in the arrays of a stage by part and name."""
        names = {part.name for part in stage.parts}
        for kind, arrays, target in (
            ("s.", stepper.state, self._stores), ("p.", stepper.parameter, self._seen),
        ):  # fmt: skip
            for name, array in arrays.items():
                part, slash, entry = name.removeprefix(kind).partition("/")
                if slash and part in names:
                    target[part, entry] = array

    def _gather(
        self, variables: Mapping[str, Forcing | Flux], length: float
    ) -> Accumulation:
        steps = round(length / self.operation.seconds)
        return Accumulation({**self.output, **self._inside}, variables, steps)

    def _make_networks(self) -> dict[int, DynamicNetwork]:
        """Return the networks that run more than once, by their place in the order."""
        operation, sequence = self.operation, self.stages.sequence
        at = {k: s.parts[0] for k, s in enumerate(sequence) if s.kind == "network"}
        buffers = self.stages.buffers
        drivers = {k: drivers_of(operation, p, buffers) for k, p in at.items()}
        now: Mapping[str, Array] = {**self.output, **self._inside}
        sources = dict.fromkeys(at, now)
        late = [k for k, part in at.items() if part in operation.lagging]
        if late:
            variables = {n: v for k in late for n, v in drivers[k].items()}
            self._period = self._gather(variables, operation.gathering)
            sources |= dict.fromkeys(late, self._period.values)
        networks = {
            k: DynamicNetwork(
                operation,
                part,
                [(v, sources[k][n]) for n, v in drivers[k].items()],
                self.parameters.attribute,
                self._seen,
                self.parameters.mean,
            )
            for k, part in at.items()
        }
        self._late = {k: networks[k] for k in late}
        return networks

    def _make_storage(self) -> Storage:
        sums: dict[tuple[str, str], Array] = {}
        for balance in self.stages.balances:
            for way in ("in", f"in{LOST}", "out", f"out{LOST}"):
                name = f"s.{balance.budget}/{way}"
                arrays = (
                    s.state[name] for s in self.steppers.values() if name in s.state
                )
                total = next(arrays, None)
                sums[balance.budget, way] = (
                    np.zeros(1) if total is None else total[:, 0]
                )
        if self.is_field:
            self._fields = FieldSums(self.stages, {**self.output, **self._inside}, sums)
        return Storage(
            self.stages, self.ids, self._stores, self._summing, sums, self.output,
            self.space if self.is_field else None,
        )  # fmt: skip

    def _summing(self, names: Sequence[str]) -> Callable[[], Any]:
        """Return a function that adds up states of several stages."""
        terms = [
            stepper.summing(states)
            for stepper in self.steppers.values()
            if (states := [name for name in names if name in stepper.state])
        ]
        if self.is_field:
            # Of a whole space there is one number.
            return lambda: np.array([sum(float(np.sum(term())) for term in terms)])
        return summed(terms, len(self.ids))

    # Running

    def _sequence(self) -> tuple[Callable[[], object], ...]:
        """Return the calls of one step, in order; each answers if it went wrong."""
        count = len(self.stages.sequence)
        runs: dict[int, Steps | DynamicNetwork] = {**self.steppers, **self._networks}
        whole: list[Callable[[], object]] = [runs[k].step for k in range(count)]
        if self._fields is not None:
            whole.append(self._fields.step)
        if self._period is None:
            return tuple(whole)
        if self.operation.waits:
            self._whole = tuple(whole)
            return (self._period.add, self._run_period)
        # Where the last of them stands, all that they read is known.
        last = max(self._late)
        whole[last] = self._period.add
        now = (k for k in range(len(whole)) if k not in self._late or k == last)
        return (self._overnight, *(whole[k] for k in now))

    def _overnight(self) -> None:
        """Let networks see the period that is over, for the parameters of the new."""
        period = self._period
        if self.clock.begins_period and period is not None and period.begun:
            period.close()
            for network in self._late.values():
                network.step()

    def _run_period(self) -> bool:
        """Run the period that ends; what it answers is given out through the next."""
        if self.clock.ends_period and self._period is not None:
            self._period.close()
            return any(step() for step in self._whole)
        return False

    def gathered(self, series: Mapping[str, Array]) -> dict[str, Array]:
        """Return the forcing of whole periods; as of :meth:`.Accumulation.gathered`."""
        assert self._period is not None
        return self._period.gathered(series)

    def advance(self) -> None:
        """Run one step on the forcings in the buffers, which must be finite.

        Raises
        ------
        DataError
            When an attribute is still not set, or gives parameters that are no numbers.
        StateError
            When a store was not finite.
        """
        if self.parameters.pending or not self._begun:
            self.begin()
        for step in self._steps:
            if step():
                raise self.not_finite()

    def not_finite(self) -> StateError:
        """Return the error for a number that is none, naming the store."""
        return self.storage.not_finite()

    def begin(self) -> None:
        """Make what a step needs ready; before the first one networks have no past."""
        self.parameterize()
        if not self.storage.begun:
            for network in self._late.values():
                network.step_without_past()
        self._begun = self.storage.begun = True

    def parameterize(
        self, answered: Mapping[tuple[str, str], Array] | None = None
    ) -> None:
        """Compute the parameters where something was set since.

        It changes nothing that is remembered: hosts may ask for parameters at any time.
        What networks answer may be known already, see :meth:`.Parameters.answers`.
        """
        if not self.parameters.pending:
            return
        for some, parameters in self.parameters.compute(self.is_field, answered):
            for key, values in parameters.items():
                if self.is_field:
                    self._seen[key][...] = values
                else:
                    self._seen[key][..., some, :] = values
        for network in self._networks.values():
            network.read_attributes()

    def adopt(
        self,
        other: Runner,
        prepared: Callable[[Runner, Runner], None],
        *,
        hold: bool = False,
    ) -> None:
        """Take over what the same model has come to at other steps.

        Parameters
        ----------
        other : Runner
            The same model at the same places.
        prepared : callable
            Brings stores about that the two do not share, given this and the other.
        hold : bool
            Whether what networks of the other answered last holds, until they step;
            otherwise they answer once more to what they saw last.
        """
        self.begin()
        self.storage.copy_stores(other.storage)
        prepared(self, other)
        sources = {n.part.name: n for n in other._networks.values()}
        sources |= {n.part.before: n for n in sources.values() if n.part.before}
        for k, mine in self._networks.items():
            theirs = sources[mine.part.name]
            for name, array in theirs.passed_on().items():
                mine.memory[name][...] = array
            if k not in self._late:
                continue
            if hold or theirs.part.before:
                mine.hold(theirs)
            else:
                mine.step_as(theirs)
        self.begin_balance()

    def begin_balance(self) -> None:
        """Count what enters and leaves from here."""
        self.storage.begin_balance()

    def set_store(self, name: str, values: Array, at: Array) -> None:
        """Set the mean of a store; as of :meth:`.storage.Storage.set_store`."""
        self.storage.set_store(name, values, at)

    def memory_of_networks(self) -> dict[str, Array]:
        """Return what networks remember, (place, width) by name."""
        return {
            f"{network.part.name}.{name}": array
            for network in self._networks.values()
            for name, array in network.memory.items()
        }

    def stores(self) -> dict[tuple[str, str], Array]:
        """Return all stores by part and name: (place, member), entries first."""
        return self._stores

    def parameter(self, part: str, name: str) -> Array:
        """Return a parameter as the step of a part sees it, (place, member)."""
        return self._seen[part, name]

    def check_attribute(self, name: str) -> None:
        """Refuse to answer for what follows from an attribute that is not known."""
        understood = self.operation.understood[name]
        check_attribute(understood, self.parameters.attribute[name], self.ids)

    # State

    def save(self) -> dict[str, Array]:
        """Return all that a continuation needs, as new arrays.

        Names and shapes of stores and memories are those of the state of a
        :class:`~bmi_dmx.compose.model.Model`; the rest are buffers.
        """
        self.storage.close_balance()
        settings = self.parameters.memory()
        return {
            **{name: array.copy() for name, array in self._memory().items()},
            **{f"settings.{name}": array for name, array in settings.items()},
        }

    def restore(self, state: Mapping[str, Array], *, keep: bool = False) -> list[str]:
        """Take over a state as :meth:`save` returns it; shapes must agree.

        ``keep`` stays with the attributes and parameters that are set here. Returns
        what of these is other there, as of :meth:`.parameters.Parameters.restore`.
        """
        names = self.parameters.memory()
        settings = {n: state[f"settings.{n}"] for n in names}
        changed = self.parameters.restore(settings, keep=keep)
        for name, array in self._memory().items():
            array[...] = state[name]
        self._begun = self.storage.begun
        return changed

    def _memory(self) -> dict[str, Array]:
        """Return every buffer that is part of the state."""
        groups = self.storage.memory()
        groups |= {"forcing": self.forcing, "output": self.output}
        if self._networks:
            dynamic: dict[str, Array] = {}
            for network in self._networks.values():
                groups[network.part.name] = network.memory
                dynamic |= network.parameters
            groups["parameter"] = {n: self.parameters.mean[n] for n in dynamic}
            # Networks that step every time answer anew; at other steps theirs hold.
            groups["varying"] = dynamic
        if self._period is not None:
            groups["period"] = self._period.memory
        return {
            f"{group}.{name}": array
            for group, arrays in groups.items()
            for name, array in arrays.items()
        }
