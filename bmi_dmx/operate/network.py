"""Networks that supply parameters which change with time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..compose.part import Part
from ..compose.plan import public
from ..kernels.evaluator import NetworkProgram
from ..program import Arg, Builder, Program, evaluate
from ..variables import Flux, Forcing, PerStep, Variable, in_step
from .operation import Operation

__all__ = ["DynamicNetwork", "drivers_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]


class DynamicNetwork:
    """Runs a network one step and writes what it answers into the processes.

    Parameters
    ----------
    operation : Operation
        What is run.
    part : Part
        The network.
    drivers : sequence of (Variable, ndarray)
        What it reads, and its (place,) buffer in units of the host, read at every step.
    attributes : mapping of str to ndarray
        (place,) values.
    parameter : mapping of (str, str) to ndarray
        (place, member) arrays of the processes by part and name, per step.
    mean : mapping of str to ndarray
        (place,) arrays to receive the members' mean, per unit of time.

    Attributes
    ----------
    memory : dict of str to ndarray
        What the network remembers, (place, width) by name.
    parameters : dict of str to ndarray
        The arrays of the processes that it writes to, by name.
    """

    def __init__(
        self,
        operation: Operation,
        part: Part,
        drivers: Sequence[tuple[Variable, Array]],
        attributes: Mapping[str, Array],
        parameter: Mapping[tuple[str, str], Array],
        mean: Mapping[str, Array],
    ) -> None:
        bundle, plan = operation.bundle, operation.plan
        self.part = part
        self._passing = operation.passing(part)
        self._forcing = [buffer for _, buffer in drivers]
        self._attributes = [attributes[name] for name in part.attributes]
        self.parameters: dict[str, Array] = {}
        self._answers: dict[str, _Answer] = {}
        outputs = {}
        for owner, p in plan.given():
            link = plan.link(owner, p.name)
            if link.part != part.name:
                continue
            name = public(owner, p)
            array = self.parameters[name] = parameter[owner.name, p.name]
            dt = owner.dt(operation.inner)
            answer = _Answer(
                owner.name, p.name, link.name, p.per_step, dt, array.shape[1]
            )
            self._answers[name] = answer
            outputs[answer.seen] = array
            outputs[answer.averaged] = mean[name]
        statistics = bundle.statistics.seen_by(part.name)
        self._typical = [statistics[name].typical for name in part.inputs]
        places = len(next(iter(mean.values())))
        self._drivers = np.empty((places, len(part.inputs)))
        self._places = np.empty((places, len(part.attributes)))
        self.memory = {
            s.name: np.zeros((places, s.size)) for s in part.variables.states
        }
        memory = {f"s.{name}": array for name, array in self.memory.items()}
        outputs |= {_DRIVERS: self._drivers, **memory}
        self._mean = {name: mean[name] for name in self._answers}
        program = _program(operation, part, list(self._answers.values()))
        inputs = {_ATTRIBUTES: self._places, **memory}
        factors = dict(enumerate(operation.factor(v) for v, _ in drivers))
        buffers = {_driver(k): buffer for k, buffer in enumerate(self._forcing)}
        divisors = {_driver(k): factor for k, factor in factors.items()}
        columns = {_driver(k): column for k, column in enumerate(self._drivers.T)}
        self._answer_now = program.bind({**buffers, **inputs}, outputs, divisors)
        self._answer_known = program.bind({**columns, **inputs}, outputs)

    def read_attributes(self) -> None:
        """Take over the values the attributes have now."""
        if self._attributes:
            np.stack(self._attributes, axis=1, out=self._places)

    def step(self) -> None:
        """Advance the memory and set the parameters of the processes."""
        self._answer_now()

    def step_without_past(self) -> None:
        """Step as after a period that is the mean of those it was trained on."""
        self._drivers[:] = self._typical
        self._answer_known()

    def step_as(self, other: DynamicNetwork) -> None:
        """Step as the network of another runner did last."""
        self._drivers[:] = other._drivers
        self._answer_known()

    def passed_on(self) -> Mapping[str, Array]:
        """Return the memory with which a network at other steps goes on.

        It is this one's, or what leads from it to that of the network after it.
        """
        if self._passing is None:
            return self.memory
        program, weights = self._passing
        memory = {f"s.{name}": array for name, array in self.memory.items()}
        outputs = evaluate(program, {**weights, **memory})
        return {name[2:]: array for name, array in outputs.items()}

    def hold(self, other: DynamicNetwork) -> None:
        """Let hold what the network of another runner answered last.

        Parameters
        ----------
        other : DynamicNetwork
            The same network at the same places, of processes at steps of any length.
        """
        for name, mine in self._answers.items():
            longer = mine.dt / other._answers[name].dt
            per_dt = in_step(
                other.parameters[name], mine.rule, longer, np.expm1, np.log1p
            )
            self.parameters[name][...] = per_dt
            self._mean[name][:] = other._mean[name]


class _Answer(NamedTuple):
    """A parameter of a process that a network supplies.

    Parameters
    ----------
    part, name : str
        The process and its parameter.
    parameter : str
        What the network calls it.
    rule : {"none", "rate", "fraction", "amount"}
        How it depends on the length of the step.
    dt : float
        Length of the step, in the unit of time of the process.
    members : int
        Numbers for each place.
    """

    part: str
    name: str
    parameter: str
    rule: PerStep
    dt: float
    members: int

    @property
    def seen(self) -> str:
        """Name of what the step sees."""
        return f"seen.{self.part}/{self.name}"

    @property
    def averaged(self) -> str:
        """Name of the mean of the members."""
        return f"mean.{self.part}/{self.name}"


_DRIVERS, _ATTRIBUTES = "forcing", "attributes"

_made: dict[tuple[str, ...], NetworkProgram] = {}


def _driver(k: int) -> str:
    """Return the name of what a network reads as its ``k``-th driver."""
    return f"driver.{k}"


def _program(
    operation: Operation, part: Part, answers: Sequence[_Answer]
) -> NetworkProgram:
    """Return what a network does in a step, made once per process."""
    key = (*operation.key, part.name)
    if key not in _made:
        inside = operation.program(part)
        constants = operation.bundle.constants
        weights = {n: x for n, x in constants.items() if n in inside.inputs}
        memory = {f"s.{s.name}": (s.size,) for s in part.variables.states}
        sizes = {_ATTRIBUTES: (len(part.attributes),), **memory}
        sizes = {name: width for name, width in sizes.items() if name in inside.inputs}
        shown = {_DRIVERS: (len(part.inputs),), **sizes}
        examples = {n: np.zeros((1, *width)) for n, width in shown.items()}
        outputs = evaluate(inside, {**weights, **examples})
        axes = {name: x.ndim for name, x in outputs.items()}
        whole = _stepped(inside, axes, len(part.inputs), answers)
        drivers: dict[str, tuple[int, ...]] = {
            _driver(k): () for k in range(len(part.inputs))
        }
        _made[key] = NetworkProgram(
            f"network {part.name!r} of {operation.bundle.name!r}",
            whole, weights, {**drivers, **sizes},
        )  # fmt: skip
    return _made[key]


def _stepped(
    program: Program, axes: Mapping[str, int], drivers: int, answers: Sequence[_Answer]
) -> Program:
    """Return a network with its drivers apart, and what processes see of its answers.

    Parameters
    ----------
    program : Program
        The network.
    axes : mapping of str to int
        How many axes its outputs have.
    drivers : int
        How many it reads.
    answers : sequence of _Answer
        What is made of its outputs.
    """
    build = Builder()
    columns = [
        build.emit("expand_dims", build.input(_driver(k)), 1) for k in range(drivers)
    ]
    table = build.emit("cat", columns, 1)
    inputs = {n: table if n == _DRIVERS else build.input(n) for n in program.inputs}
    values = build.splice(program, inputs)
    outputs: dict[str, Arg] = {_DRIVERS: table}
    for answer in answers:
        name = f"p.{answer.parameter}"
        value = values[name]
        if axes[name] == 1:
            value = build.emit("expand_dims", value, 1)
        outputs[answer.averaged] = build.emit("mean", value, [1], 0)
        number = _Number(build, value)
        per_dt = in_step(number, answer.rule, answer.dt, _Number.expm1, _Number.log1p)
        outputs[answer.seen] = build.emit("expand", per_dt.value, [-1, answer.members])
    outputs |= {n: value for n, value in values.items() if n.startswith("s.")}
    return build.build(outputs)


class _Number:
    """A value of a program that is being built, for functions of numbers."""

    def __init__(self, build: Builder, value: Arg) -> None:
        self._build, self.value = build, value

    def _emit(self, op: str, *args: Arg) -> _Number:
        return _Number(self._build, self._build.emit(op, *args))

    def __mul__(self, other: float) -> _Number:
        return self._emit("mul", self.value, other)

    __rmul__ = __mul__

    def __neg__(self) -> _Number:
        return self._emit("neg", self.value)

    def expm1(self) -> _Number:
        """Return exp(x) - 1."""
        return self._emit("expm1", self.value)

    def log1p(self) -> _Number:
        """Return log(1 + x)."""
        return self._emit("log1p", self.value)


def drivers_of(
    operation: Operation, part: Part, buffers: Mapping[tuple[str, str], str]
) -> dict[str, Forcing | Flux]:
    """Return what a network reads at every step, by the name of the buffer.

    Parameters
    ----------
    operation : Operation
        What is run.
    part : Part
        The network.
    buffers : mapping of (str, str) to str
        Name of the buffer of each output, by part and variable.
    """
    plan, inner = operation.plan, operation.inner
    forcings = {
        plan.link(owner, f.name).name: f
        for owner in plan.processes
        for f in owner.declared(inner).forcings
    }
    drivers: dict[str, Forcing | Flux] = {}
    for link in (plan.link(part, name) for name in part.inputs):
        if link.giver != "part":
            drivers[link.name] = forcings[link.name]
            continue
        fluxes = plan[link.part].declared(inner).fluxes
        flux = next(f for f in fluxes if f.name == link.name)
        buffer = buffers[link.part, link.name]
        if flux.per_step == "amount":
            drivers[buffer] = flux
            continue
        rate: PerStep = "rate" if flux.per_step == "rate" else "none"
        alone = Forcing(name=flux.name, units=flux.units, per_step=rate)
        # What it is to a process, if one reads it too.
        drivers[buffer] = forcings.get(link.name, alone)
    return drivers
