"""Parameters of the places: from attributes, or set by the host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..compose.part import Part
from ..compose.plan import Link, public
from ..errors import DataError, VariableError
from ..program import Program, evaluate
from ..variables import Attribute, Parameter, Variable, in_step
from .operation import Operation

__all__ = ["Parameters", "check_attribute"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[Any]]
Key = tuple[str, str]
Seen = dict[Key, Array]

_PLACES = 1024
"""For which parameters are computed at once."""


def check_attribute(attribute: Attribute, values: Array, ids: Sequence[str]) -> None:
    """Refuse values that are not set, or outside the declared bounds.

    Raises
    ------
    DataError
        Naming the attribute and the first place.
    """
    at = attribute.first_outside(values)
    if at is not None:
        raise DataError(
            f"attribute {attribute.name!r} at {ids[at]!r} is {values[at]:g}; "
            f"expected {attribute.expected}"
        )


class Parameters:
    """The parameters of a model that do not change with time.

    They are computed when they are first needed, so that attributes and parameters may
    be set until then; what is set later counts from the next step on.

    Parameters
    ----------
    operation : Operation
        What is run.
    ids : sequence of str
        Name of each place, for messages.
    attribute : dict of str to ndarray
        (place,) by name; NaN where one is to be set before the first step.

    Attributes
    ----------
    mean : dict of str to ndarray
        (place,) by name, members averaged, per unit of time; NaN before. Those of
        fields are flat, with as many numbers as the field of the parameter has.
    pending : bool
        Whether something was set since they were computed.
    """

    def __init__(
        self, operation: Operation, ids: Sequence[str], attribute: dict[str, Array]
    ) -> None:
        self._operation = operation
        self._plan = operation.plan
        self._ids = ids
        self.attribute = attribute
        self._published = operation.published
        self._varying = {
            public(part, p)
            for part, p in self._plan.given()
            if self._plan[self._plan.link(part, p.name).part].every != "once"
        }
        self.mean = {
            name: np.full(self.size(p), np.nan)
            for name, (_, p) in self._published.items()
        }
        # Values, and where they are given.
        self._given: dict[str, tuple[Array, Indices]] = {}
        self.pending = True
        self._needed = list(operation.required)

    def size(self, variable: Variable) -> int:
        """Return how many numbers there are of a parameter."""
        return len(self._ids)

    def name_of(self, variable: Variable, index: int) -> str:
        """Return where the number at an index of a parameter stands, for messages."""
        return repr(self._ids[index])

    def require(self, name: str) -> None:
        """Insist on an attribute that places may lack otherwise."""
        self._needed.append(name)

    def check_given(self) -> None:
        """Refuse attributes out of bounds, but for those that are still to be set.

        Raises
        ------
        DataError
            Naming the attribute and the first place.
        """
        for name, values in self.attribute.items():
            if name in self._needed:
                places = np.flatnonzero(~np.isnan(values))
                ids = [self._ids[k] for k in places.tolist()]
                check_attribute(self._operation.understood[name], values[places], ids)

    def set_attribute(self, name: str, values: Array, at: Indices) -> None:
        """Set an attribute at some places; the parameters follow before a step."""
        self.attribute[name][at] = values
        self.pending = True

    def set_parameter(self, name: str, values: Array, at: Indices) -> None:
        """Set a parameter of all members in place of what follows from attributes.

        It is looked at when the parameters are computed: hosts take an error for a
        reason to go on without the value.

        Parameters
        ----------
        name : str
            The parameter.
        values : ndarray
            As it is declared.
        at : ndarray
            Indices of their places; all others stay as they are.

        Raises
        ------
        VariableError
            When a network changes it with time.
        """
        if name in self._varying:
            raise VariableError(
                f"parameter {name!r} is changed by the dynamic network and cannot be "
                "set"
            )
        n = self.mean[name].size
        before = self._given.get(name, (np.full(n, np.nan), np.zeros(n, dtype=bool)))
        numbers, is_set = self._given[name] = (before[0].copy(), before[1].copy())
        numbers[at], is_set[at] = values, True
        self.mean[name][at] = values
        self.pending = True

    def settings_of(self, other: Parameters) -> None:
        """Take over all that was set at another runner of the same model."""
        for name, values in self.attribute.items():
            values[:] = other.attribute[name]
        self._given = dict(other._given)
        self.pending = True

    def memory(self) -> dict[str, Array]:
        """Return the attributes, and the parameters that were set, as new arrays.

        Returns
        -------
        dict of str to ndarray
            ``attributes`` and ``parameters``, (name, place), as they are declared; NaN
            where nothing is set. Parameters with another number of values stand for
            themselves, ``parameters.<name>``, (1, entry).
        """
        numbers = {
            name: self._given.get(name, (np.full_like(mean, np.nan),))[0]
            for name, mean in self.mean.items()
        }
        even, others = self._kinds()
        return {
            "attributes": _stacked(list(self.attribute.values()), len(self._ids)),
            "parameters": _stacked([numbers[name] for name in even], len(self._ids)),
            **{f"parameters.{name}": numbers[name][None] for name in others},
        }

    def _kinds(self) -> tuple[list[str], list[str]]:
        """Return the parameters with one number for each place, and the others."""
        n = len(self._ids)
        even = [name for name, mean in self.mean.items() if mean.size == n]
        return even, [name for name in self.mean if name not in even]

    @property
    def rows(self) -> dict[str, tuple[Variable, ...]]:
        """What the rows of :meth:`memory` are, with the bounds they are held to."""
        understood = self._operation.understood
        attributes = (
            understood[name] if name in self._needed else Variable(name=name)
            for name in self.attribute
        )
        even, others = self._kinds()
        return {
            "attributes": tuple(attributes),
            "parameters": tuple(self._published[name][1] for name in even),
            **{f"parameters.{name}": (self._published[name][1],) for name in others},
        }

    def restore(self, memory: Mapping[str, Array], *, keep: bool = False) -> list[str]:
        """Take over what :meth:`memory` returned.

        Parameters
        ----------
        memory : mapping of str to ndarray
            As of :meth:`memory`.
        keep : bool
            Whether to stay with what is set here.

        Returns
        -------
        list of str
            What is set there and here, of each attribute and parameter that differs.
        """
        differing = []
        here = self.memory()
        even, others = self._kinds()
        names = {"attributes": list(self.attribute), "parameters": even}
        names |= {f"parameters.{name}": [name] for name in others}
        for kind, group in names.items():
            for name, there, mine in zip(group, memory[kind], here[kind], strict=True):
                if np.array_equal(there, mine, equal_nan=True):
                    continue
                differing.append(self._difference(kind, name, there, mine))
                if not keep:
                    self._take_over(kind, name, there)
        return differing

    def _take_over(self, kind: str, name: str, values: Array) -> None:
        """Set what a state holds of an attribute or parameter; NaN is nothing."""
        if kind == "attributes":
            self.set_attribute(name, values, np.arange(values.size))
            return
        self._given.pop(name, None)
        self.pending = True
        at = np.flatnonzero(~np.isnan(values))
        if at.size:
            self.set_parameter(name, values[at], at)

    def _difference(self, kind: str, name: str, saved: Array, mine: Array) -> str:
        at = np.flatnonzero(~((saved == mine) | (np.isnan(saved) & np.isnan(mine))))
        first = int(at[0])
        there, here = (
            "nothing" if np.isnan(x[first]) else f"{x[first]:g}" for x in (saved, mine)
        )
        more = f" and at {at.size - 1} more" if at.size > 1 else ""
        where = repr(self._ids[first])
        if kind != "attributes":
            where = self.name_of(self._published[name][1], first)
        return f"{name} ({there}, here {here}, at {where}{more})"

    def answers(self) -> dict[Key, Array] | None:
        """Return what networks that run once answer, to be shared between runners.

        None where the places are too many to have it for all of them at a time.

        Raises
        ------
        DataError
            As :meth:`compute`.
        """
        n = len(self._ids)
        if n > _PLACES:
            return None
        self._check_attributes()
        return self._answers(slice(0, n))

    def compute(
        self, whole: bool = False, answered: Mapping[Key, Array] | None = None
    ) -> Iterator[tuple[slice, Seen]]:
        """Yield what the steps of the processes see, by part and parameter.

        It comes for some places after the others: what is needed on the way to it takes
        several times its memory.

        Parameters
        ----------
        whole : bool
            Whether all places belong together.
        answered : mapping of (str, str) to ndarray, optional
            From :meth:`answers` of a runner of the same model at the same places.

        Yields
        ------
        slice
            The places.
        dict of (str, str) to ndarray
            (place, member) or (place, 1), with a leading axis of entries where there
            are several; per step.

        Raises
        ------
        DataError
            When an attribute is not set or out of bounds, or a parameter is no number.
        """
        if answered is None:
            self._check_attributes()
        n = len(self._ids)
        for first in range(0, n, n if whole else _PLACES):
            some = slice(first, n if whole else min(first + _PLACES, n))
            answers = self._answers(some) if answered is None else answered
            views: Seen = {}
            for part in self._plan.processes:
                parameters = self._declared(part, answers, some)
                views |= self._seen(part, parameters, some.stop - first)
            yield some, views
        self.pending = False

    def _check_attributes(self) -> None:
        """Refuse attributes that are not set or out of bounds."""
        for name in self.attribute:
            if name in self._needed:
                understood = self._operation.understood[name]
                check_attribute(understood, self.attribute[name], self._ids)

    def _declared(
        self, part: Part, answered: Mapping[Key, Array], some: slice
    ) -> dict[str, Array]:
        """Return the declared parameters of a part, with what was set in them."""
        parameters: dict[str, Array] = {}
        for p in part.declared(self._operation.inner).parameters:
            link, name = self._plan.link(part, p.name), public(part, p)
            if name in self._varying and link.giver == "part":
                continue
            values = self._field(link, p, answered, some)
            if self._published.get(name, (None,))[0] is part:
                at = self._entries(p, some)
                if name in self._given:
                    numbers, is_set = (x[at] for x in self._given[name])
                    self._check(p, numbers, is_set, at.start)
                    values = self._with_given(values, numbers, is_set)
                np.copyto(self.mean[name][at], self._mean(values))
            parameters[p.name] = values
        return parameters

    def _field(
        self, link: Link, p: Parameter, answered: Mapping[Key, Array], some: slice
    ) -> Array:
        """Return what supplies a parameter, (place, member or 1)."""
        return self._value(link, p, answered, some)

    def _entries(self, p: Parameter, some: slice) -> slice:
        """Return which numbers of a parameter belong to some of the places."""
        return some

    def _with_given(self, values: Array, numbers: Array, is_set: Indices) -> Array:
        return np.where(is_set[:, None], numbers[:, None], values)

    def _mean(self, values: Array) -> Array:
        """Return what stands for the members."""
        mean: Array = values.mean(axis=1)
        return mean

    def _value(
        self, link: Link, p: Parameter, answered: Mapping[Key, Array], some: slice
    ) -> Array:
        if link.giver == "part":
            return answered[link.part, link.name]
        if link.giver == "default":
            return np.full((1, 1), float(p.default or 0.0))
        values = self.attribute[link.name][some, None]
        # Without the property nobody is given what follows from it.
        return np.nan_to_num(values) if p.optional else values

    def _seen(self, part: Part, parameters: dict[str, Array], n: int) -> Seen:
        declared = part.declared(self._operation.inner)
        if not declared.prepared:
            dt = part.dt(self._operation.inner)
            rules = {p.name: p.per_step for p in declared.parameters}
            return {
                (part.name, name): in_step(x, rules[name], dt, np.expm1, np.log1p)
                for name, x in parameters.items()
            }
        program = self._operation.program(part, "prepare")
        return {
            (part.name, name[2:]): x
            for name, x in self._prepared(part, program, parameters, n).items()
        }

    def _prepared(
        self, part: Part, program: Program, parameters: dict[str, Array], n: int
    ) -> dict[str, Array]:
        """Return what a process prepares of its parameters at n places."""
        inputs = {}
        for name, x in parameters.items():
            whole = x if len(x) == n else np.broadcast_to(x, (n, x.shape[1]))
            inputs[f"p.{name}"] = (
                whole if part.members else np.ascontiguousarray(whole[:, 0])
            )
        outputs = evaluate(program, inputs)
        return {k: x if part.members else x[..., None] for k, x in outputs.items()}

    def _check(
        self, declared: Parameter, values: Array, is_set: Indices, first: int
    ) -> None:
        places = np.flatnonzero(is_set)
        bad = declared.first_outside(values[places])
        if bad is not None:
            at = places[bad]
            raise DataError(
                f"parameter {declared.name!r} at "
                f"{self.name_of(declared, first + int(at))} cannot be "
                f"{values[at]:g}; expected {declared.expected}"
            )

    def _answers(self, some: slice) -> dict[Key, Array]:
        """Return what networks that run once answer, (place, member or 1)."""
        bundle = self._operation.bundle
        answers: dict[Key, Array] = {}
        for network in self._plan.networks:
            if network.every != "once":
                continue
            program = self._operation.program(network)
            columns = [self.attribute[name][some] for name in network.attributes]
            weights = {n: x for n, x in bundle.constants.items() if n in program.inputs}
            n = some.stop - some.start
            table = np.stack(columns, axis=1) if columns else np.zeros((n, 0))
            inputs = {"attributes": table, **weights}
            for name, values in evaluate(program, inputs).items():
                answer = values.reshape(len(values), -1)
                answer = self._for_places(answer, n)
                self._refuse_not_finite(name[2:], answer, some)
                answers[network.name, name[2:]] = answer
        return answers

    def _for_places(self, answer: Array, n: int) -> Array:
        """Return what a network answers, of no attributes once for all, for places."""
        if len(answer) == n:
            return answer
        return np.broadcast_to(answer, (n, answer.shape[1]))

    def _refuse_not_finite(self, name: str, table: Array, some: slice) -> None:
        bad = ~np.isfinite(table).all(axis=1)
        if bad.any():
            # Of numbers that are not one for each place the cell is told.
            at = (some.start + int(np.argmax(bad))) % len(self._ids)
            names = (n for n in self.attribute if n in self._needed)
            shown = ", ".join(f"{n} = {self.attribute[n][at]:g}" for n in names)
            raise DataError(
                f"parameter {name!r} at {self._ids[at]!r} is not a number; check the "
                f"attributes {shown}"
            )


def _stacked(arrays: Sequence[Array], n: int) -> Array:
    return np.stack(arrays) if arrays else np.empty((0, n))
