"""The stores of an ensemble as one array for filters, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...compose.part import Part
from ...errors import ConfigError, suggestion
from ...operate.ensemble import EnsembleRunner, mean_of
from ...variables import State
from ..transforms import Identity, Log1p, Share, Transform

__all__ = ["Places", "Store", "Stores", "places_of", "scale_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.intp]]
Places = Indices | slice


def scale_of(state: State, limited: bool) -> Transform:
    """Return the scale on which a state is updated.

    Parameters
    ----------
    state : State
        Its bounds decide.
    limited : bool
        Whether it has a capacity.
    """
    if limited:
        return Share()
    if state.bounds is None:
        return Identity()
    low, high = state.bounds
    return Log1p(high) if low == 0.0 else Identity(low, high)


@dataclass(frozen=True, eq=False)
class Store:
    """A state of the members that is updated.

    Parameters
    ----------
    name : str
        What its quantities are called.
    part : Part
        Whose state it is.
    state : State
        Its declaration.
    values : ndarray
        View (entry, member, place, parallel set).
    scale : Transform
        On which it is updated.
    capacities : tuple of ndarray
        Views (entry or 1, member, place, parallel set or 1) whose product it does not
        exceed.
    factor : float
        From declared units to those of the host.
    """

    name: str
    part: Part
    state: State
    values: Array
    scale: Transform
    capacities: tuple[Array, ...]
    factor: float

    def capacity(self, at: Places) -> Array | None:
        """Return what it does not exceed at some places, as :meth:`taken`."""
        if not self.capacities:
            return None
        product = np.ones(1)
        for array in self.capacities:
            product = product * array[:, :, at]
        return product

    def content(self, at: Places) -> Array:
        """Return its values at some places, (entry, member, place, parallel set)."""
        return self.values[:, :, at]

    def mean(self, at: Places) -> Array:
        """Return the sum over entries, mean over all else, (place,), declared units."""
        whole = self.content(at).sum(axis=0).mean(axis=-1)
        return mean_of(whole)


class Stores:
    """The stores of the members of an ensemble.

    Parameters
    ----------
    runner : EnsembleRunner
        Whose they are.
    update : sequence of str, optional
        Names of those that are updated; default: all but those that the system says
        follow from others.

    Attributes
    ----------
    every : tuple of Store
        All of them; those with a capacity follow those that it may be made of.
    updated : tuple of Store
        Those that are updated.
    size : int
        Number of entries of :meth:`gathered`.

    Raises
    ------
    ConfigError
        When there is no such state.
    """

    def __init__(self, runner: EnsembleRunner, update: Sequence[str] | None) -> None:
        self._runner = runner
        stores = list(_stores(runner))
        self.every = tuple(sorted(stores, key=lambda store: bool(store.capacities)))
        self._following = runner.operation.system.following
        after = () if self._following is None else self._following.states
        self.updated = tuple(s for s in self.every if s.state.name not in after)
        if update is not None:
            self.updated = tuple(self.store(name, "update") for name in update)
            _refuse_following(self.updated, after)
            order = {id(store): k for k, store in enumerate(self.every)}
            self.updated = tuple(sorted(self.updated, key=lambda s: order[id(s)]))
        self.size = sum(_width(store) for store in self.updated)

    def store(self, name: str, where: str) -> Store:
        """Return a store by name.

        Raises
        ------
        ConfigError
            When there is none.
        """
        stores = {store.name: store for store in self.every}
        if name not in stores:
            raise ConfigError(
                f"{where}: no state {name!r} to be updated{suggestion(name, stores)}"
            )
        return stores[name]

    def gathered(self, at: Places) -> Array:
        """Return the updated stores on their scales, (place, member, entry)."""
        columns = [
            _rows(store.scale.forward(store.content(at), store.capacity(at)))
            for store in self.updated
        ]
        return np.concatenate(columns, axis=2)

    def put(self, before: Array, after: Array, at: Places) -> None:
        """Write back what changed, and nothing else.

        Parameters
        ----------
        before, after : ndarray
            (place, member, entry) on the scales, as of :meth:`gathered`.
        at : ndarray
            The places.
        """
        earlier = [store.capacity(at) for store in self.updated]
        first = 0
        for store, capacity in zip(self.updated, earlier, strict=True):
            width = _width(store)
            entries = slice(first, first + width)
            first += width
            old = store.content(at)
            scaled = _cells(after[:, :, entries], old.shape)
            changed = scaled != _cells(before[:, :, entries], old.shape)
            now = store.capacity(at)
            if now is not None:
                changed |= now != capacity
            new = store.scale.backward(scaled, now)
            store.values[:, :, at] = np.where(changed, new, old)

    def booked(self, change: Callable[[], None], at: Places) -> dict[str, Array]:
        """Change stores, and book in their budgets what that adds.

        Those that follow from others are brought in line. Where places see each other,
        it has to be all of them.

        Parameters
        ----------
        change : callable
            Does it, at these places.
        at : ndarray
            The places.

        Returns
        -------
        dict of str to ndarray
            (place,) what it adds to the mean of each store, in units of the host; sums
            of stores of several entries.
        """
        before = [store.content(at).sum(axis=0).mean(axis=-1) for store in self.every]
        if self._following is None:
            change()
        else:
            settle = self._following.settling(self._runner.members)
            change()
            settle()
        increments = {}
        for store, old in zip(self.every, before, strict=True):
            added = store.content(at).sum(axis=0).mean(axis=-1) - old
            self._book(store, added, at)
            increments[store.name] = mean_of(added) * store.factor
        return increments

    def _book(self, store: Store, added: Array, at: Places) -> None:
        members = self._runner.members
        whole = np.zeros((self._runner.size, len(self._runner.ids)))
        whole[:, at] = added
        members.storage.book(store.part, store.state, whole.reshape(-1))
        shown = self._runner.stages.buffers.get((store.part.name, store.state.name))
        if shown in members.output:
            means = self._runner.each(members.output[shown])
            means[:, at] = store.content(at).sum(axis=0).mean(axis=-1) * store.factor


def _refuse_following(updated: Sequence[Store], following: Sequence[str]) -> None:
    for store in updated:
        if store.state.name in following:
            raise ConfigError(
                f"update: {store.name!r} follows from other states that are updated; "
                "remove it"
            )


def places_of(at: Indices) -> Places:
    """Return indices in ascending order as a slice where none is left out.

    What it takes from an array are views, and no copies.
    """
    first, last = int(at[0]), int(at[-1])
    return slice(first, last + 1) if last - first + 1 == at.size else at


def _stores(runner: EnsembleRunner) -> list[Store]:
    operation = runner.operation
    stores, names = [], set()
    for part in reversed(operation.plan.processes):
        for state in part.declared(operation.inner).states:
            if state.internal:
                continue
            name = (
                state.name if state.name not in names else f"{part.name}.{state.name}"
            )
            names.add(state.name)
            limits = _limits(runner, part, state)
            stores.append(
                Store(
                    name, part, state, _whole(runner, part, state),
                    scale_of(state, bool(limits)), limits, operation.factor(state),
                )
            )  # fmt: skip
    return stores


def _whole(runner: EnsembleRunner, part: Part, state: State) -> Array:
    array = runner.members.stores()[part.name, state.name]
    split = runner.split(array, -2)
    return split if split.ndim == 4 else split[None]


def _limits(runner: EnsembleRunner, part: Part, state: State) -> tuple[Array, ...]:
    """Return what a state does not exceed the product of; nothing if it is not known.

    A capacity holds for a part that has all that it is made of.
    """
    declared = part.declared(runner.operation.inner)
    states = {s.name: s for s in declared.states}
    parameters = {p.name for p in declared.step_parameters if p.size == 1}
    names = runner.operation.system.capacities.get(state.name, ())
    if not all(name in states or name in parameters for name in names):
        return ()
    limits = []
    for name in names:
        if name in states:
            limits.append(_whole(runner, part, states[name]))
        else:
            split = runner.split(runner.members.parameter(part.name, name), -2)
            limits.append(split[None])
    return tuple(limits)


def _width(store: Store) -> int:
    entries, _, _, sets = store.values.shape
    return int(entries * sets)


def _rows(values: Array) -> Array:
    """Return (entry, member, place, set) as (place, member, entry and set)."""
    entries, members, places, sets = values.shape
    moved = np.transpose(values, (2, 1, 0, 3))
    return moved.reshape(places, members, entries * sets)


def _cells(rows: Array, shape: tuple[int, ...]) -> Array:
    """Undo :func:`_rows`."""
    entries, members, places, sets = shape
    return np.transpose(rows.reshape(places, members, entries, sets), (2, 1, 0, 3))
