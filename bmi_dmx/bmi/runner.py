"""The runtime of a bundle: compiled programs over persistent buffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from ..bundle import Bundle
from ..errors import DataError, StateError
from ..scan.program import Program, entry_names
from ..scan.stepper import Stepper
from ..variables import State, in_step
from .attributes import AREA, check_attributes, own_attributes, static_parameters
from .network import DynamicNetwork
from .programs import plan

__all__ = ["Runner"]

Array = np.ndarray[Any, np.dtype[np.float64]]


class Runner:
    """Steps the model of a bundle at ``n`` locations.

    Every buffer is one float64 array for the life of the runner. Forcings, and all
    fluxes but those of the outlet, are in declared units, rates per day whatever the
    length of the step. The parameterization is evaluated before the first step, so that
    attributes may be set until then; one set later counts from the next step on.

    Parameters
    ----------
    bundle : Bundle
        The model.
    ids : sequence of str
        Name of each location, for messages.
    time_step : {"daily", "hourly"}
        Length of a step.
    attributes : mapping of str to ndarray
        (location,) values by name; NaN where one is to be set before the first step.

    Attributes
    ----------
    forcing, output, parameter, attribute, balance : dict of str to ndarray
        (location,) by name. ``output`` holds fluxes and stores (the members' mean),
        ``parameter`` the members' mean, ``balance`` cumulative amounts in mm.

    Raises
    ------
    DataError
        When an attribute is missing.
    """

    def __init__(
        self,
        bundle: Bundle,
        ids: Sequence[str],
        time_step: str,
        attributes: Mapping[str, Array],
    ) -> None:
        self.bundle = bundle
        self.ids = tuple(ids)
        variables, dynamic = bundle.variables, bundle.spec.dynamic
        self._dynamic = dynamic.parameters if dynamic is not None else ()
        self.attribute = own_attributes(bundle, attributes)
        self._plan = plan(bundle, time_step, AREA.name in self.attribute)
        self._weight = f"routing.weight@{time_step}"
        self.forcing = {f.name: self._new(np.nan) for f in variables.forcings}
        self.output: dict[str, Array] = {}
        self.parameter: dict[str, Array] = {}
        self._evaporation = self._make_evaporation()
        self._process = self._make_process()
        self._outlet = self._make_outlet()
        self._transit = self._make_transit()
        self._stores = {s.name: s for s in variables.process.states if s.size == 1}
        self.balance = self._make_balance()
        self._network = self._make_network()
        self._steps = self._sequence()
        self._pending = True
        self._cold()

    def _new(self, value: float = 0.0) -> Array:
        return np.full(len(self.ids), value)

    def _stepper(
        self, program: Program, members: int, outputs: Mapping[str, str]
    ) -> Stepper:
        """Return a stepper that reads and writes the buffers of the runner.

        ``outputs`` gives the buffer's name for every output to be recorded.
        """
        for name in outputs.values():
            self.output.setdefault(name, self._new())
        known = {**self.output, **self.forcing}
        return Stepper(
            program,
            len(self.ids),
            members,
            list(outputs),
            forcing={n: known[n[2:]] for n in program.inputs if n.startswith("f.")},
            output={n: self.output[name] for n, name in outputs.items()},
        )

    def _make_evaporation(self) -> Stepper | None:
        program = self._plan.evaporation
        if program is None:
            return None
        return self._stepper(program, 1, {n: n[2:] for n in program.outputs})

    def _make_process(self) -> Stepper:
        part = self.bundle.variables.process
        names = [f"q.{flux.name}" for flux in part.fluxes]
        names += [f"s.{state.name}" for state in part.states if state.size == 1]
        for parameter in part.parameters:
            self.parameter[parameter.name] = self._new(np.nan)
        members = self.bundle.spec.members
        return self._stepper(self._plan.process, members, {n: n[2:] for n in names})

    def _make_outlet(self) -> Stepper:
        program = self._plan.outlet
        names = {n: n[2:] for n in program.outputs if n.startswith("q.")}
        routing = self.bundle.variables.routing
        for parameter in routing.parameters if routing is not None else ():
            self.parameter[parameter.name] = self._new(np.nan)
        return self._stepper(program, 1, names)

    def _make_transit(self) -> dict[str, list[Array]]:
        """Return the entries of every store of the routing."""
        routing = self.bundle.variables.routing
        groups: dict[str, list[Array]] = {}
        for state in routing.states if routing is not None else ():
            start = f"s.{state.name}."
            entries = self._outlet.state.items()
            groups[state.name] = [x for n, x in entries if n.startswith(start)]
        return groups

    def _make_balance(self) -> dict[str, Array]:
        sums = ("mass_in", "mass_out")
        arrays = {n: self._outlet.state.get(f"s.{n}") for n in sums}
        found = {n: x[:, 0] for n, x in arrays.items() if x is not None}
        if found:
            found |= {"mass_adjusted": self._new(), "mass_stored": self._new()}
        return found

    def _make_network(self) -> DynamicNetwork | None:
        if self.bundle.spec.dynamic is None:
            return None
        return DynamicNetwork(
            self.bundle,
            {**self.output, **self.forcing},
            self.attribute,
            self._process.parameter,
            self.parameter,
            self._plan.days,
        )

    def _sequence(self) -> tuple[Callable[[], object], ...]:
        """Return the calls of one step, in order; each answers if it went wrong."""
        calls: list[Callable[[], object]] = []
        if self._evaporation is not None:
            calls.append(self._evaporation.step)
        if self._network is not None:
            calls.append(self._network.step)
        return (*calls, self._process.step, self._outlet.step)

    def _cold(self) -> None:
        """Set every store to its declared initial value."""
        for state in self.bundle.variables.process.states:
            for entry in entry_names("s", state):
                self._process.state[entry].fill(state.initial)
        self._refresh_stores()
        self._initial = self.storage()

    def _refresh_stores(self) -> None:
        for name in self._stores:
            np.mean(self._process.state[f"s.{name}"], axis=1, out=self.output[name])

    def advance(self) -> None:
        """Run one step on the forcings in the buffers, which must be finite.

        Raises
        ------
        DataError
            When an attribute is still not set, or gives parameters that are no numbers.
        StateError
            When a store was not finite.
        """
        if self._pending:
            self.parameterize()
        for step in self._steps:
            if step():
                raise self._not_finite()

    def _not_finite(self) -> StateError:
        for name, array in self._process.state.items():
            bad = ~np.isfinite(array).all(axis=1)
            if bad.any():
                place = self.ids[int(np.argmax(bad))]
                return StateError(f"store {name[2:]!r} at {place!r} is not finite")
        return StateError("a number inside the model is not finite")

    def parameterize(self) -> None:
        """Evaluate the parameterization on the attributes as they are now."""
        if not self._pending:
            return
        bundle, days = self.bundle, self._plan.days
        check_attributes(bundle, self.ids, self.attribute)
        found = static_parameters(bundle, self._plan.static, self.ids, self.attribute)
        for p in bundle.variables.process.parameters:
            if p.name in self._dynamic:
                continue
            array = self._process.parameter[f"p.{p.name}"]
            values = found.get(f"p.{p.name}", np.full((1, 1), p.default))
            array[...] = in_step(values, p.per_step, days, np.expm1, np.log1p)
            self.parameter[p.name][...] = values.mean(axis=1)
        self._parameterize_outlet(found)
        if self._evaporation is not None:
            for name, array in self._evaporation.parameter.items():
                array[:, 0] = self.attribute[name[2:]]
        if self._network is not None:
            self._network.read_attributes()
        self._pending = False

    def _parameterize_outlet(self, found: Mapping[str, Array]) -> None:
        routing = self.bundle.variables.routing
        if routing is not None:
            for p in routing.parameters:
                self.parameter[p.name][:] = found[f"p.{p.name}"]
            for k, weight in enumerate(found[self._weight]):
                self._outlet.parameter[f"p.weight.{k}"][:, 0] = weight
        area = self._outlet.parameter.get(f"p.{AREA.name}")
        if area is not None:
            area[:, 0] = self.attribute[AREA.name]

    def set_attribute(self, name: str, values: Array) -> None:
        """Set an attribute; the parameters follow before the next step."""
        self.attribute[name][:] = values
        self._pending = True

    def set_store(self, name: str, values: Array) -> None:
        """Set the members' mean of a store, in proportion or else by a shift.

        What this adds is booked under ``mass_adjusted``.

        Raises
        ------
        DataError
            When a value is outside the bounds of the store.
        """
        store = self._stores[name]
        low, high = store.bounds or (-np.inf, np.inf)
        bad = ~((values >= low) & (values <= high) & np.isfinite(values))
        if bad.any():
            at = int(np.argmax(bad))
            raise DataError(
                f"store {name!r} at {self.ids[at]!r} cannot be set to {values[at]:g} "
                f"{store.units}; expected {low:g} to {high:g}"
            )
        members = self._process.state[f"s.{name}"]
        before = members.mean(axis=1)
        # Where nothing changes, not even the last digit does.
        changed = values != self.output[name]
        members[changed] = _moved(members, before, values, low)[changed]
        budget = self.bundle.variables.process.budget
        if budget is not None and name in budget.storages:
            self.balance["mass_adjusted"] += members.mean(axis=1) - before
        self.output[name][:] = values

    def in_transit(self) -> Array:
        """Return the water on its way through the hydrograph, (location,), mm."""
        total = self._new()
        for array in chain.from_iterable(self._transit.values()):
            total += array[:, 0]
        return total

    def storage(self) -> Array:
        """Return all water stored now, (location,), mm."""
        budget = self.bundle.variables.process.budget
        total = self.in_transit()
        for state in self.bundle.variables.process.states:
            if budget is not None and state.name in budget.storages:
                for entry in entry_names("s", state):
                    total += self._process.state[entry].mean(axis=1)
        return total

    def close_balance(self) -> None:
        """Bring ``mass_stored``, the change of storage since the start, up to date."""
        if self.balance:
            self.balance["mass_stored"][:] = self.storage() - self._initial

    def state(self) -> dict[str, Array]:
        """Return all that a continuation needs, as new arrays.

        Names and shapes of stores and memories are those of the state of a
        :class:`~bmi_dmx.models.delta.DeltaModel`; the rest are buffers.
        """
        self.close_balance()
        state: dict[str, Array] = {
            f"process.{s.name}": self._stacked(self._process, s)
            for s in self.bundle.variables.process.states
        }
        for name, entries in self._transit.items():
            state[f"routing.{name}"] = np.concatenate(entries, axis=1).T.copy()
        if self._network is not None:
            memory = self._network.memory.items()
            state |= {f"network.{name}": x.copy() for name, x in memory}
        for group, arrays in self._buffers().items():
            state |= {f"{group}.{name}": x.copy() for name, x in arrays.items()}
        return state

    def _buffers(self) -> dict[str, dict[str, Array]]:
        """Return the buffers that are part of the state, by group."""
        return {
            "forcing": self.forcing,
            "output": self.output,
            "parameter": {name: self.parameter[name] for name in self._dynamic},
            "balance": {**self.balance, "initial": self._initial},
        }

    @staticmethod
    def _stacked(stepper: Stepper, variable: State) -> Array:
        entries = [stepper.state[n] for n in entry_names("s", variable)]
        return entries[0].copy() if variable.size == 1 else np.stack(entries)

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take over a state as :meth:`state` returns it; shapes must agree."""
        for variable in self.bundle.variables.process.states:
            saved = state[f"process.{variable.name}"]
            names = entry_names("s", variable)
            rows = [saved] if variable.size == 1 else list(saved)
            for entry, row in zip(names, rows, strict=True):
                self._process.state[entry][...] = row
        for name, entries in self._transit.items():
            for array, row in zip(entries, state[f"routing.{name}"], strict=True):
                array[:, 0] = row
        for name, array in (self._network.memory if self._network else {}).items():
            array[...] = state[f"network.{name}"]
        for group, arrays in self._buffers().items():
            for name, array in arrays.items():
                array[...] = state[f"{group}.{name}"]


def _moved(members: Array, before: Array, after: Array, low: float) -> Array:
    """Return members whose mean went from ``before`` to ``after``.

    Stores that cannot be negative are scaled, which keeps the members' proportions and
    their bound; without a member to scale all get the mean.
    """
    if low != 0.0:
        return members + (after - before)[:, None]
    empty = before <= np.finfo(float).tiny
    factor = after / np.where(empty, 1.0, before)
    return np.where(empty[:, None], after[:, None], members * factor[:, None])
