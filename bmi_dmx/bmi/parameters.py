"""Parameters of the locations: from attributes, or set by the host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import DataError, VariableError
from ..program import evaluate
from ..variables import Parameter, in_step
from .attributes import AREA, check_attribute
from .programs import Plan

__all__ = ["Parameters"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[Any]]


class Parameters:
    """The parameters of a model that do not change with time.

    They are computed when they are first needed, so that attributes and parameters may
    be set until then; what is set later counts from the next step on.

    Parameters
    ----------
    plan : Plan
        Programs of the model.
    ids : sequence of str
        Name of each location, for messages.
    attribute : dict of str to ndarray
        (location,) by name; NaN where one is to be set before the first step.

    Attributes
    ----------
    mean : dict of str to ndarray
        (location,) by name, members averaged, per day; NaN before.
    pending : bool
        Whether something was set since they were computed.
    """

    def __init__(
        self, plan: Plan, ids: Sequence[str], attribute: dict[str, Array]
    ) -> None:
        self._plan = plan
        self._ids = ids
        self.attribute = attribute
        variables, spec = plan.variables, plan.operation.bundle.spec
        self._dynamic = spec.dynamic.parameters if spec.dynamic is not None else ()
        self.mean = {p.name: np.full(len(ids), np.nan) for p in plan.parameters}
        # Values, and where they are given.
        self._given: dict[str, tuple[Array, Indices]] = {}
        self.pending = True
        self._needed = [a.name for a in variables.attributes]

    def require_area(self) -> None:
        """Insist on the area: the volume of runoff is published."""
        self._needed.append(AREA.name)

    def check_given(self) -> None:
        """Refuse attributes out of bounds, but for those that are still to be set.

        Raises
        ------
        DataError
            Naming the attribute and the first location.
        """
        for name, values in self.attribute.items():
            if name in self._needed:
                given = np.flatnonzero(~np.isnan(values))
                ids = [self._ids[k] for k in given.tolist()]
                check_attribute(self._plan.attributes[name], values[given], ids)

    def set_attribute(self, name: str, values: Array, at: Indices) -> None:
        """Set an attribute at some locations; the parameters follow before a step."""
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
            Indices of their locations; all others stay as they are.

        Raises
        ------
        VariableError
            When a network changes it with time.
        """
        if name in self._dynamic:
            raise VariableError(
                f"parameter {name!r} is changed by the dynamic network and cannot be "
                "set"
            )
        n = len(self._ids)
        known = self._given.get(name, (np.full(n, np.nan), np.zeros(n, dtype=bool)))
        numbers, given = self._given[name] = (known[0].copy(), known[1].copy())
        numbers[at], given[at] = values, True
        self.mean[name][at] = values
        self.pending = True

    def settings_of(self, other: Parameters) -> None:
        """Take over what was set at another component of the same model."""
        self._given.update(other._given)
        self.pending = True

    def memory(self) -> dict[str, Array]:
        """Return the attributes, and the parameters that were set, as new arrays.

        Returns
        -------
        dict of str to ndarray
            ``attributes`` and ``parameters``, (name, location), as they are declared;
            NaN where nothing is set.
        """
        nothing = np.full(len(self._ids), np.nan)
        given = [self._given.get(name, (nothing,))[0] for name in self.mean]
        return {
            "attributes": np.stack(list(self.attribute.values())),
            "parameters": np.stack(given),
        }

    def restore(self, memory: Mapping[str, Array]) -> list[str]:
        """Take over what :meth:`memory` returned; return the names of what changed."""
        changed = []
        everywhere = np.arange(len(self._ids))
        for name, values in zip(self.attribute, memory["attributes"], strict=True):
            if not np.array_equal(values, self.attribute[name], equal_nan=True):
                self.set_attribute(name, values, everywhere)
                changed.append(name)
        for name, values in zip(self.mean, memory["parameters"], strict=True):
            before = self._given.pop(name, (np.full_like(values, np.nan),))[0]
            at = np.flatnonzero(~np.isnan(values))
            if at.size:
                self.set_parameter(name, values[at], at)
            if not np.array_equal(values, before, equal_nan=True):
                self.pending = True
                changed.append(name)
        return changed

    def compute(self) -> tuple[dict[str, Array], Array | None]:
        """Return the parameters of the process, and the weights of the hydrograph.

        Returns
        -------
        dict of str to ndarray
            (location, member) or (location, 1) by ``p.<name>``, per step.
        ndarray or None
            (weight, location).

        Raises
        ------
        DataError
            When an attribute is not set or out of bounds, or a parameter is no number.
        """
        for name in self.attribute:
            if name in self._needed:
                check_attribute(
                    self._plan.attributes[name], self.attribute[name], self._ids
                )
        found = self._from_attributes()
        declared = {p.name: p for p in self._plan.parameters}
        for name, (values, given) in self._given.items():
            self._check(declared[name], values, given)
            # One that no network supplies is not among them.
            own = found.get(f"p.{name}", np.full((1, 1), declared[name].default, float))
            found[f"p.{name}"] = np.where(given[:, None], values[:, None], own)
        days = self._plan.operation.days
        steps = {}
        for p in self._plan.variables.process.parameters:
            if p.name not in self._dynamic:
                values = found.get(f"p.{p.name}", np.full((1, 1), p.default))
                np.copyto(self.mean[p.name], values.mean(axis=1))
                steps[f"p.{p.name}"] = in_step(
                    values, p.per_step, days, np.expm1, np.log1p
                )
        self.pending = False
        return steps, self._weights(found)

    def _check(self, declared: Parameter, values: Array, given: Indices) -> None:
        places = np.flatnonzero(given)
        bad = declared.first_outside(values[places])
        if bad is not None:
            at = places[bad]
            raise DataError(
                f"parameter {declared.name!r} at {self._ids[at]!r} cannot be "
                f"{values[at]:g}; expected {declared.expected}"
            )

    def _from_attributes(self) -> dict[str, Array]:
        """Return what the static network answers, (location, member or 1), per day."""
        bundle = self._plan.operation.bundle
        program = self._plan.static
        columns = [self.attribute[name] for name in bundle.spec.static.attributes]
        weights = {n: x for n, x in bundle.constants.items() if n in program.inputs}
        given = {"attributes": np.stack(columns, axis=1), **weights}
        found = evaluate(program, given)
        tables = {name: x.reshape(len(self._ids), -1) for name, x in found.items()}
        for name, table in tables.items():
            bad = ~np.isfinite(table).all(axis=1)
            if bad.any():
                at = int(np.argmax(bad))
                needed = (n for n in self.attribute if n in self._needed)
                shown = ", ".join(f"{n} = {self.attribute[n][at]:g}" for n in needed)
                raise DataError(
                    f"parameter {name.partition('.')[2]!r} at {self._ids[at]!r} is not "
                    f"a number; check the attributes {shown}"
                )
        return tables

    def _weights(self, found: dict[str, Array]) -> Array | None:
        program, routing = self._plan.weights, self._plan.variables.routing
        if program is None or routing is None:
            return None
        for p in routing.parameters:
            self.mean[p.name][:] = found[f"p.{p.name}"][:, 0]
        given = {f"p.{p.name}": self.mean[p.name] for p in routing.parameters}
        (weights,) = evaluate(program, given).values()
        return weights
