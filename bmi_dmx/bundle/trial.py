"""One step of every process of a bundle, tried before anybody counts on it.

Nobody knows what is usual for a process. A step that goes wrong for every one of some
inputs inside the declared bounds goes wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..compose.part import Part
from ..errors import BundleError
from ..process import Budget
from ..program import Program, entry_names
from ..program.trial import tried
from ..space import Grid, Space
from ..variables import Flux, Parameter, Variable, in_step

__all__ = ["ABSURD", "ROUNDING", "try_step"]

Array = np.ndarray[Any, np.dtype[Any]]

ABSURD = 1e30
"""What no quantity of any system is larger than."""

ROUNDING = 1e-6
"""By which results may miss a bound or a budget, relative, in single precision."""

_SLACK = 1e-9
"""Share of the width of their bounds by which values may lie outside, in double."""

_TRIALS = ((0.5, 1.0), (0.25, 0.0), (0.75, 300.0))
"""Where inputs lie between their bounds, and what they are if they have none."""

_POSITIVE = ("log", "share")
"""Spacings of parameters whose middle is that of their logarithms."""

_LARGE = 1 << 20
"""Values of a field beyond which a step takes longer than a trial is worth."""


def try_step(
    where: str,
    part: Part,
    seconds: float,
    programs: tuple[Program, Program | None],
    weights: Mapping[str, Array],
    space: Space | None,
) -> None:
    """Refuse a process whose step gives what it says it cannot.

    Parameters
    ----------
    where : str
        What messages begin with.
    part : Part
        A process.
    seconds : float
        Length of the step.
    programs : (Program, Program or None)
        Its step, and what makes of its parameters those that the step sees.
    weights : mapping of str to ndarray
        What it is corrected with, by input name.
    space : Space or None
        Where it lives; needed for whole fields.

    Raises
    ------
    BundleError
        When a flux or prepared parameter is not finite, absurd, or out of bounds, a new
        state is, or a budget does not close; or a program cannot be run.
    """
    trial = _Trial(where, part, seconds, space)
    if trial.large:
        return
    problems = []
    for fraction, guess in _TRIALS:
        trial.fraction, trial.guess = fraction, guess
        problem = next(trial.problems(*programs, weights), None)
        if problem is None:
            return
        problems.append(problem)
    raise BundleError(f"{where}: {problems[0]}")


class _Trial:
    """Inputs of one place, and what is wrong with what comes of them."""

    def __init__(
        self, where: str, part: Part, seconds: float, space: Space | None
    ) -> None:
        self._where, self._part = where, part
        self._declared = part.declared(seconds)
        self._dt = part.dt(seconds)
        self._space = space if part.coupling == "stencil" else None
        self.fraction, self.guess = _TRIALS[0]

    @property
    def large(self) -> bool:
        """Whether a field has more values than are worth it."""
        variables = (*self._declared.states, *self._declared.forcings)
        sizes = (int(np.prod(self._shape(v))) for v in variables)
        return max(sizes, default=1) > _LARGE

    def _shape(self, variable: Variable) -> tuple[int, ...]:
        """Return the shape of one entry: of a place, or a field."""
        return (1, 1) if self._space is None else self._space.shape(variable)

    def problems(
        self, step: Program, prepare: Program | None, weights: Mapping[str, Array]
    ) -> Iterator[str]:
        """Yield what is wrong with a step from the initial state."""
        inputs = dict(weights)
        for state in self._declared.states:
            for name in entry_names("s", state):
                inputs[name] = np.full(self._shape(state), state.initial)
        for forcing in self._declared.forcings:
            inputs[f"f.{forcing.name}"] = self._in_step(forcing)
        if prepare is None:
            for p in self._declared.parameters:
                spatial = p.source == "space" and self._space is not None
                whole = self._told(p) if spatial else self._in_step(p)
                inputs |= dict.fromkeys(entry_names("p", p), whole)
        else:
            yield from self._prepared(prepare, inputs)
        outputs = tried(step, inputs, self._where)
        yield from self._outputs(outputs)
        for budget in self._declared.budgets:
            yield from self._unbalanced(budget, inputs, outputs)

    def _value(self, variable: Variable) -> float:
        """Return a value inside the bounds, as it is declared."""
        if variable.bounds is None:
            default = getattr(variable, "default", None)
            return self.guess if default is None else float(default)
        low, high = variable.bounds
        if isinstance(variable, Parameter) and variable.spacing in _POSITIVE:
            return float(low ** (1.0 - self.fraction) * high**self.fraction)
        return low * (1.0 - self.fraction) + high * self.fraction

    def _in_step(self, variable: Variable) -> Array:
        whole = np.full(self._shape(variable), self._value(variable))
        with np.errstate(all="ignore"):
            return in_step(whole, variable.per_step, self._dt, np.expm1, np.log1p)

    def _prepared(self, program: Program, inputs: dict[str, Array]) -> Iterator[str]:
        """Add what is made of the parameters to the inputs; yield what is wrong."""
        declared = self._declared.parameters
        if self._space is not None:
            parameters = {f"p.{p.name}": self._told(p) for p in declared}
            yield from self._prepared_fields(
                tried(program, parameters, self._where), inputs
            )
            return
        members = self._part.members
        shape = (1, members) if members else (1,)
        parameters = {f"p.{p.name}": np.full(shape, self._value(p)) for p in declared}
        outputs = tried(program, parameters, self._where)
        for p in self._declared.prepared:
            values = outputs[f"p.{p.name}"]
            entries = (p.size,) if p.size > 1 else ()
            try:
                values = np.broadcast_to(values, (*entries, *shape))
            except ValueError:
                yield f"parameter {p.name!r} has shape {values.shape} for one place"
                return
            yield from _misfit(f"parameter {p.name!r}", p, values)
            columns = values.reshape(p.size, -1)[:, 0]
            for name, value in zip(entry_names("p", p), columns, strict=True):
                inputs[name] = np.full(self._shape(p), value)

    def _told(self, parameter: Parameter) -> Array:
        """Return a field of a parameter: as a grid tells, or inside its bounds."""
        if parameter.source == "space" and isinstance(self._space, Grid):
            return self._space.measure(parameter.measure, parameter.at, parameter.axes)
        return np.full(self._shape(parameter), self._value(parameter))

    def _prepared_fields(
        self, outputs: Mapping[str, Array], inputs: dict[str, Array]
    ) -> Iterator[str]:
        """Add prepared fields to the inputs; yield what is wrong with them."""
        for p in self._declared.prepared:
            values = outputs[f"p.{p.name}"]
            try:
                whole = np.broadcast_to(values, self._shape(p))
            except ValueError:
                yield (
                    f"parameter {p.name!r} has shape {values.shape}, expected "
                    f"{self._shape(p)}"
                )
                return
            yield from _misfit(f"parameter {p.name!r}", p, whole)
            inputs[f"p.{p.name}"] = whole

    def _outputs(self, outputs: Mapping[str, Array]) -> Iterator[str]:
        for variable in (*self._declared.fluxes, *self._declared.states):
            flux = isinstance(variable, Flux)
            names = (
                [f"q.{variable.name}"] if flux else entry_names("s", variable)
            )  # fmt: skip
            rate = self._dt if flux and variable.per_step == "rate" else 1.0
            for name in names:
                try:
                    np.broadcast_to(outputs[name], self._shape(variable))
                except ValueError:
                    yield (
                        f"output {name!r} has shape {outputs[name].shape}, expected "
                        f"{self._shape(variable)}"
                    )
                yield from _misfit(f"output {name!r}", variable, outputs[name] / rate)

    def _unbalanced(
        self, budget: Budget, inputs: Mapping[str, Array], outputs: Mapping[str, Array]
    ) -> Iterator[str]:
        flows = {**{n: x for n, x in inputs.items() if n[:2] == "f."}, **outputs}
        states = {s.name: s for s in self._declared.states}
        stores = [n for name in budget.storages for n in entry_names("s", states[name])]
        terms = [
            *(self._sum(flows, name) for name in budget.inputs),
            *(-self._sum(flows, name) for name in budget.outputs),
            *(float(np.sum(inputs[name] - outputs[name])) for name in stores),
        ]
        size = sum(map(abs, terms)) + sum(
            float(np.abs(inputs[n]).sum()) for n in stores
        )
        rest = sum(terms)
        if not abs(rest) <= ROUNDING * size:
            yield (
                f"the budget of {budget.name} does not close: {rest:g} {budget.units} "
                f"of {size:g} are left over in one step"
            )

    def _sum(self, flows: Mapping[str, Array], name: str) -> float:
        """Return what a flow brings in a step, over the whole field."""
        variable = next(
            v
            for v in (*self._declared.fluxes, *self._declared.forcings)
            if v.name == name
        )
        flow = flows[f"{'q' if isinstance(variable, Flux) else 'f'}.{name}"]
        return float(np.sum(np.broadcast_to(flow, self._shape(variable))))


def _misfit(what: str, variable: Variable, values: Array) -> Iterator[str]:
    """Yield why values, as declared, are none that the variable can have."""
    low, high = variable.bounds or (-ABSURD, ABSURD)
    slack = _SLACK * (high - low) if variable.bounds else 0.0
    bad = ~((values >= low - slack) & (values <= high + slack))
    if bad.any():
        value = float(np.asarray(values)[bad][0])
        inside = "a finite number" if variable.bounds is None else variable.expected
        yield (f"{what} is {value:g} for inputs inside their bounds, expected {inside}")
