"""The water a model holds: its stores, how they are set, and the balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import DataError
from ..kernels.stepper import Stepper
from .programs import Plan

__all__ = ["Storage"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[Any]]

_SUMS = ("mass_in", "mass_out")


class Storage:
    """The stores of a running model.

    Parameters
    ----------
    plan : Plan
        What is run.
    ids : sequence of str
        Name of each location, for messages.
    process, outlet : Stepper
        Owners of the stores.
    output : mapping of str to ndarray
        (location,) buffers of the stores' means, in units of the host.

    Attributes
    ----------
    balance : dict of str to ndarray
        Cumulative amounts in mm, (location,), where the model has a budget:
        ``mass_in``, ``mass_out``, ``mass_adjusted`` by setting stores, and
        ``mass_stored`` as of the last call of :meth:`close_balance`.
    stored : ndarray
        (location,) all water stored, as of the last call of :meth:`add_up`.
    begun : bool
        Whether a first step, or a state, has been taken.
    """

    def __init__(
        self,
        plan: Plan,
        ids: Sequence[str],
        process: Stepper,
        outlet: Stepper,
        output: Mapping[str, Array],
    ) -> None:
        self._plan = plan
        self._ids = ids
        part, routing = plan.variables.process, plan.variables.routing
        self._stores = {s.name: s for s in part.states if s.size == 1}
        self._means = output
        self._process = {s.name: process.state[f"s.{s.name}"] for s in part.states}
        transit = routing.states if routing is not None else ()
        self._routing = {s.name: outlet.state[f"s.{s.name}"][..., 0] for s in transit}
        budget = part.budget
        self._held = budget.storages if budget is not None else ()
        self._sums = (
            process.summing([f"s.{name}" for name in self._held]),
            outlet.summing([f"s.{name}" for name in self._routing]),
        )
        self.balance: dict[str, Array] = {}
        if budget is not None:
            self.balance = {name: outlet.state[f"s.{name}"][:, 0] for name in _SUMS}
            for name in ("mass_adjusted", "mass_stored"):
                self.balance[name] = np.zeros(len(ids))
        self.stored = np.zeros(len(ids))
        self._begun = np.zeros(1)
        for state in part.states:
            self._process[state.name].fill(state.initial)
        self._initial = np.zeros(len(ids))
        self.begin_balance()

    @property
    def begun(self) -> bool:
        """Whether a first step has been taken, or a state taken over."""
        return bool(self._begun[0])

    @begun.setter
    def begun(self, value: bool) -> None:
        self._begun[0] = value

    def stores(self, names: Sequence[str]) -> list[Array]:
        """Return the stores among these, (location, member); views, in mm."""
        return [self._process[name] for name in names if name in self._stores]

    def begin_balance(self) -> None:
        """Count from here: all sums are zero, and what is stored is the beginning."""
        for name, store in self._stores.items():
            mean = self._process[name].mean(axis=1)
            self._means[name][:] = mean * self._plan.operation.factor(store)
        for array in self.balance.values():
            array.fill(0.0)
        self._initial[:] = self.total()

    def total(self) -> Any:
        """Return all water stored now, mm: (location,), or a number of one location."""
        land, river = self._sums
        return land() + river()

    def add_up(self, factor: float) -> None:
        """Bring :attr:`stored` up to date, in mm times a factor."""
        self.stored[:] = self.total() * factor
        if not self.begun:
            for name in self._stores:
                self.stored[np.isnan(self._means[name])] = np.nan

    def close_balance(self) -> None:
        """Bring ``mass_stored``, the change of storage since the start, up to date."""
        if self.balance:
            self.balance["mass_stored"][:] = self.total() - self._initial

    def check_store(self, name: str, values: Array, at: Indices) -> None:
        """Refuse values for a store that are out of its bounds.

        Parameters
        ----------
        name : str
            The store.
        values : ndarray
            In units of the host.
        at : ndarray
            Indices of their locations.

        Raises
        ------
        DataError
            Naming the store and the first location.
        """
        store = self._stores[name]
        wanted = values / self._plan.operation.factor(store)
        bad = store.first_outside(wanted)
        if bad is not None:
            raise DataError(
                f"store {name!r} at {self._ids[at[bad]]!r} cannot be set to "
                f"{wanted[bad]:g} {store.units}; expected {store.expected}"
            )

    def set_store(self, name: str, values: Array, at: Indices) -> None:
        """Set the members' mean of a store, in proportion or else by a shift.

        What this adds is booked under ``mass_adjusted``.

        Parameters
        ----------
        name : str
            The store.
        values : ndarray
            In units of the host.
        at : ndarray
            Indices of their locations; all others stay as they are.

        Raises
        ------
        DataError
            When a value is outside the bounds of the store.
        """
        self.check_store(name, values, at)
        store = self._stores[name]
        members = self._process[name]
        before = members.mean(axis=1)
        means = self._means[name].copy()
        means[at] = values
        wanted = means / self._plan.operation.factor(store)
        # Where nothing changes, not even the last digit does.
        changed = means != self._means[name]
        members[changed] = _moved(members, before, wanted, store.limits[0])[changed]
        if name in self._held:
            self.balance["mass_adjusted"] += members.mean(axis=1) - before
        self._means[name][:] = means

    def forget_means(self) -> None:
        """Answer for no store: what the first step starts from is still to be found."""
        for name in self._stores:
            self._means[name].fill(np.nan)

    def copy_stores(self, other: Storage) -> None:
        """Take over the stores of the same model at other steps, but for routing."""
        for name, array in self._process.items():
            array[...] = other._process[name]

    def fill_transit(self, runoff: Array, weights: Array) -> None:
        """Put on its way what a steady runoff has left there.

        Parameters
        ----------
        runoff : ndarray
            (location,), mm in a step.
        weights : ndarray
            (weight, location) of the hydrograph.
        """
        for array in self._routing.values():
            later = weights[::-1].cumsum(axis=0)[::-1]
            array[...] = (later[1:] * runoff).reshape(array.shape)

    def memory(self) -> dict[str, dict[str, Array]]:
        """Return the arrays that are part of the state, by group."""
        own = {"initial": self._initial, "begun": self._begun}
        return {
            "process": self._process,
            "routing": self._routing,
            "balance": {**self.balance, **own},
        }


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
