"""The programs of a bundle, made for one way of running it.

Rates stand per unit of time at the boundary of a model, in the units of the host
outside, and per step inside its physics. Here the conversions are compiled into the
programs themselves, and so are the sums of the budgets: a step is then nothing but
calls of compiled programs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from ..compose.part import Declarations, Part
from ..compose.plan import Link, Plan, public
from ..errors import ConfigError
from ..process import SECONDS
from ..program import Arg, Builder, Program, entry_names
from ..variables import Flux, Forcing, State, Variable
from .balances import Balance, balances
from .operation import Operation

__all__ = ["LOST", "Balance", "Stage", "Stages", "stages"]


def qualified(part: Part, name: str) -> str:
    """Return the name of a state or parameter in the programs of stages."""
    return f"{part.name}/{name}"


@dataclass(frozen=True)
class Stage:
    """Parts that are stepped by one call.

    Parameters
    ----------
    parts : tuple of Part
        Processes whose places do not see each other, run by one program; or a single
        process or network.
    program : Program or None
        One step of all of them: ``s.<part>/<state>``, ``p.<part>/<parameter>`` and
        ``f.<buffer>`` to new states and ``q.<buffer>``; None of a network.
    members : int
        Parallel parameter sets.
    """

    parts: tuple[Part, ...]
    program: Program | None
    members: int = 1

    @property
    def kind(self) -> str:
        """``network``, or the coupling of its processes."""
        first = self.parts[0]
        return first.kind if first.kind == "network" else first.coupling


@dataclass(frozen=True)
class Stages:
    """What to run at every step, shared by all who run it.

    Parameters
    ----------
    operation : Operation
        What it was made for.
    sequence : tuple of Stage
        In the order in which they run.
    balances : tuple of Balance
        What is conserved.
    buffers : mapping of (str, str) to str
        Name of the buffer of each output, by part and variable.
    """

    operation: Operation
    sequence: tuple[Stage, ...]
    balances: tuple[Balance, ...]
    buffers: Mapping[tuple[str, str], str]

    @cached_property
    def shown(self) -> dict[str, tuple[Part, State]]:
        """The states that hosts may read and set, by the name of their buffer."""
        return {
            self.buffers[part.name, s.name]: (part, s)
            for part in self.operation.plan.processes
            for s in part.declared(self.operation.inner).states
            if s.size == 1 and not s.internal
        }


_made: dict[tuple[str, ...], Stages] = {}


def stages(operation: Operation) -> Stages:
    """Return the programs for an operation, made once per process."""
    if operation.key not in _made:
        _made[operation.key] = _Maker(operation).stages()
    return _made[operation.key]


class _Maker:
    """Puts the programs of the parts together."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.plan = operation.plan
        self.balances = tuple(balances(operation))
        self.buffers = _buffers(self.plan, operation.inner)

    def stages(self) -> Stages:
        stages: list[Stage] = []
        groups = [g for g in self._groups() if g[0].every != "once"]
        # What enters and leaves whole fields is no matter of single places.
        fields = any(part.coupling == "stencil" for part in self.plan.parts)
        closes = self._alone(groups[-1]) and not fields
        for group in groups:
            if group[0].kind == "network":
                stages.append(Stage(group, None))
                continue
            program = self._program(group, closing=closes and group is groups[-1])
            stages.append(Stage(group, program, group[0].members or 1))
        if self.balances and not closes and not fields:
            stages.append(Stage((_CLOSING,), self._program((), closing=True)))
        return Stages(self.operation, tuple(stages), self.balances, self.buffers)

    def _groups(self) -> Iterator[tuple[Part, ...]]:
        """Yield parts that one program steps: neighbours that share their members."""
        group: tuple[Part, ...] = ()
        for part in self.plan.parts:
            if group and self._joins(group[-1], part):
                group = (*group, part)
                continue
            if group:
                yield group
            group = (part,)
        yield group

    @staticmethod
    def _joins(before: Part, part: Part) -> bool:
        """Return whether a part is stepped together with the one before it."""
        cells = all(
            p.kind == "process" and p.coupling == "cells" for p in (before, part)
        )
        # Of members later parts see the mean, unless they have the same.
        shared = not before.members or not before.mean
        return cells and shared and before.members == part.members

    @staticmethod
    def _alone(group: Sequence[Part]) -> bool:
        """Return whether a group has neither members nor neighbours."""
        first = group[0]
        return (
            first.kind == "process" and first.coupling == "cells" and not first.members
        )

    def _program(self, group: Sequence[Part], *, closing: bool) -> Program:
        build = Builder()
        amounts: dict[tuple[str, str], Arg] = {}
        outputs: dict[str, Arg] = {}
        for part in group:
            outputs |= self._part(build, part, amounts)
        if closing:
            outputs |= self._sums(build, amounts)
        return build.build(outputs)

    def _part(
        self, build: Builder, part: Part, amounts: dict[tuple[str, str], Arg]
    ) -> dict[str, Arg]:
        """Splice the step of a part; return its states, and outputs for the host."""
        declared = part.declared(self.operation.inner)
        program = self.operation.program(part)
        values = build.splice(program, self._inputs(build, part, declared, amounts))
        outputs: dict[str, Arg] = {}
        for state in declared.states:
            for old, new in _entries(part, state):
                outputs[new] = values[old]
        for variable in declared.outputs:
            prefix = "q" if isinstance(variable, Flux) else "s"
            amount = values[f"{prefix}.{variable.name}"]
            amounts[part.name, variable.name] = amount
            buffer = self.buffers[part.name, variable.name]
            outputs[f"q.{buffer}"] = self._reported(build, part, variable, amount)
        return outputs

    def _inputs(
        self,
        build: Builder,
        part: Part,
        declared: Declarations,
        amounts: Mapping[tuple[str, str], Arg],
    ) -> dict[str, Arg]:
        inputs: dict[str, Arg] = {}
        for forcing in declared.forcings:
            inputs[f"f.{forcing.name}"] = self._driver(build, part, forcing, amounts)
        for state in declared.states:
            for old, new in _entries(part, state):
                inputs[old] = build.input(new)
        for p in declared.step_parameters:
            for name in entry_names("p", p):
                inputs[name] = build.input(f"p.{qualified(part, name[2:])}")
        for name in part.weights:
            inputs[f"w.{name}"] = build.input(f"w.{name}")
        return inputs

    def _driver(
        self,
        build: Builder,
        part: Part,
        forcing: Forcing,
        amounts: Mapping[tuple[str, str], Arg],
    ) -> Arg:
        """Return a forcing per step, in declared units."""
        link = self.plan.link(part, forcing.name)
        inside = amounts.get((link.part, link.name))
        if link.giver != "part":
            return self._given(build, part, forcing)
        giver, flux = self._giver(link)
        if inside is not None:
            # The buffer still holds the step before.
            base = self._scale(giver, flux)
            scale = self._received(part, forcing, flux, link)
            return inside if base == scale else build.emit("mul", inside, scale / base)
        if giver.members and not giver.mean:
            raise ConfigError(
                f"parts.{part.name}: reads {link.name!r} of every member of "
                f"{giver.name!r}; it must follow it and have as many"
            )
        return self._given(build, part, forcing)

    def _given(self, build: Builder, part: Part, forcing: Forcing) -> Arg:
        """Return a forcing from its buffer, the mean of members, as :meth:`_driver`."""
        link = self.plan.link(part, forcing.name)
        if link.giver == "upstream":
            return build.input(f"f.{qualified(part, forcing.name)}")
        name: str = link.name
        source: Variable = forcing
        if link.giver == "part":
            name = self.buffers[link.part, link.name]
            source = self._giver(link)[1]
        value = build.input(f"f.{name}")
        return build.emit("mul", value, self._received(part, forcing, source, link))

    def _giver(self, link: Link) -> tuple[Part, Variable]:
        """Return the part that gives an input, and what it gives."""
        giver = self.plan[link.part]
        declared = giver.declared(self.operation.inner)
        return giver, next(f for f in declared.fluxes if f.name == link.name)

    def _received(
        self, part: Part, forcing: Forcing, source: Variable, link: Link
    ) -> float:
        """Return the factor from what the host sees of a giver to a forcing."""
        time = self._time(part, forcing)
        return time / self.operation.factor(source) * link.factor

    def _scale(self, part: Part, variable: Variable) -> float:
        """Return the factor from what the host sees to what a step computes with."""
        return self._time(part, variable) / self.operation.factor(variable)

    def _time(self, part: Part, variable: Variable) -> float:
        return part.dt(self.operation.inner) if variable.per_step == "rate" else 1.0

    def _reported(
        self, build: Builder, part: Part, variable: Flux | State, amount: Arg
    ) -> Arg:
        """Return an output as the host sees it."""
        if variable.per_step == "amount":
            rate = build.emit("div", amount, part.dt(self.operation.inner))
            step = self.operation.seconds / SECONDS[part.time]
            return build.emit("mul", rate, step * self.operation.factor(variable))
        return build.emit("div", amount, self._scale(part, variable))

    def _sums(
        self, build: Builder, amounts: dict[tuple[str, str], Arg]
    ) -> dict[str, Arg]:
        """Add up what has entered and left, in the units of the budgets.

        Beside each sum goes what rounding has taken from it since the start, which is
        known exactly of every addition (Knuth 1998, The Art of Computer Programming,
        vol. 2, section 4.2.2, theorem B).
        """
        outputs: dict[str, Arg] = {}
        for balance, way in product(self.balances, ("in", "out")):
            name = f"s.{balance.budget}/{way}"
            total: Arg = build.input(name)
            roundoff: Arg = build.input(f"{name}{LOST}")
            terms = balance.inputs if way == "in" else balance.outputs
            for term in terms:
                if term not in amounts:
                    amounts[term] = self._amount(build, *term)
                amount, share = amounts[term], balance.shares.get(term[0], 1.0)
                if share != 1.0:
                    amount = build.emit("mul", amount, share)
                total, less = _added(build, total, amount)
                roundoff = build.emit("add", roundoff, less)
            outputs[name], outputs[f"{name}{LOST}"] = total, roundoff
        return outputs

    def _amount(self, build: Builder, name: str, variable: str) -> Arg:
        """Return what a variable brings in a step, from what the host sees of it."""
        part = self.plan[name]
        declared = part.declared(self.operation.inner)
        for forcing in declared.forcings:
            if forcing.name == variable:
                return self._given(build, part, forcing)
        flux = next(f for f in declared.fluxes if f.name == variable)
        value = build.input(f"f.{self.buffers[name, variable]}")
        return build.emit("mul", value, self._scale(part, flux))


def _added(build: Builder, total: Arg, amount: Arg) -> tuple[Arg, Arg]:
    """Return the rounded sum of two numbers, and what rounding has taken from it."""
    rounded = build.emit("add", total, amount)
    virtual = build.emit("sub", rounded, total)
    of_total = build.emit("sub", total, build.emit("sub", rounded, virtual))
    of_amount = build.emit("sub", amount, virtual)
    return rounded, build.emit("add", of_total, of_amount)


LOST = "_lost"
"""Ends the name of what rounding has taken from a sum."""

_CLOSING = Part(name="budgets", kind="process")
"""Stands for the sums of the budgets where no other program takes them in."""


def _entries(part: Part, state: State) -> Iterator[tuple[str, str]]:
    """Yield the names of a state in the program of its part, and in that of a stage."""
    for name in entry_names("s", state):
        yield name, f"s.{qualified(part, name[2:])}"


def _buffers(plan: Plan, inner: float) -> dict[tuple[str, str], str]:
    """Return the names of the outputs: plain ones for the last part that has them.

    What the host gives under a name has that name for itself.
    """
    buffers: dict[tuple[str, str], str] = {}
    names = {forcing.name for forcing in plan.forcings}
    for part in reversed(plan.processes):
        for variable in part.declared(inner).outputs:
            name = public(part, variable)
            if name in names:
                name = f"{part.name}.{name}"
            names.add(name)
            buffers[part.name, variable.name] = name
    return buffers
