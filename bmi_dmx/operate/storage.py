"""What a model holds: its stores, how they are set, and what is conserved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..compose.part import Part
from ..errors import DataError, StateError
from ..space import Space, place_name
from ..variables import State, Variable
from .stages import LOST, Balance, Stages, qualified

__all__ = ["Storage", "add_up", "balance_names", "summed"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[Any]]


def balance_names(stages: Stages, balance: Balance) -> dict[str, str]:
    """Return what the sums of a budget are called, by what they are.

    ``in``, ``out``, ``adjusted`` and ``stored``, the change, since the start; ``total``
    is all that is stored now.
    """
    conserved = stages.operation.system.conserved
    label = conserved.get(balance.budget, f"{balance.budget}_budget")
    names = {term: f"{label}_{term}" for term in ("in", "out", "adjusted", "stored")}
    return {**names, "total": f"{balance.budget}_stored"}


class Storage:
    """The stores of a running model.

    Parameters
    ----------
    stages : Stages
        What is run.
    ids : sequence of str
        Name of each place, for messages.
    state : mapping of (str, str) to ndarray
        Stores by part and name: (place, member), (entry, place, member), or fields.
    total : callable
        Returns the sum of some states, named as in the programs of the stages:
        (place,), or a number where there is one place.
    sums : mapping of (str, str) to ndarray
        What has entered and left, by budget and ``in`` or ``out``; with ``_lost`` at
        the end what rounding has taken from it.
    output : mapping of str to ndarray
        Buffers of the stores' means, in units of the host.
    space : Space, optional
        Where stores are fields.

    Attributes
    ----------
    balance : dict of str to ndarray
        Cumulative amounts in the units of the budgets by :func:`balance_names`; the
        change of what is stored is that of the last call of :meth:`close_balance`.
    lost : dict of str to ndarray
        What rounding has taken from sums since the start, by their names. Over decades
        of short steps that is more than a balance should miss.
    stored : dict of str to ndarray
        All that is stored of each budget, as of the last call of :meth:`add_up`.
    begun : bool
        Whether a first step, or a state, has been taken.
    names : dict of str to dict of str to str
        What :func:`balance_names` says of each budget.
    """

    def __init__(
        self,
        stages: Stages,
        ids: Sequence[str],
        state: Mapping[tuple[str, str], Array],
        total: Callable[[Sequence[str]], Callable[[], Any]],
        sums: Mapping[tuple[str, str], Array],
        output: Mapping[str, Array],
        space: Space | None = None,
    ) -> None:
        self._stages, self._ids, self._space = stages, ids, space
        self._shown = stages.shown
        self._means, self._state = output, state
        self._totals: dict[str, Callable[[], Any]] = {}
        self._initial: dict[str, Array] = {}
        self.balance: dict[str, Array] = {}
        self.lost: dict[str, Array] = {}
        self.stored: dict[str, Array] = {}
        self.names = {b.budget: balance_names(stages, b) for b in stages.balances}
        for b in stages.balances:
            self._add_balance(b, total, sums)
        self._begun = np.zeros(1)
        self.restart()
        self.begin_balance()

    def _add_balance(
        self,
        b: Balance,
        total: Callable[[Sequence[str]], Callable[[], Any]],
        sums: Mapping[tuple[str, str], Array],
    ) -> None:
        plan, names = self._stages.operation.plan, self.names[b.budget]
        stores: dict[float, list[str]] = {}
        for part, name in b.storages:
            share = b.shares.get(part, 1.0)
            stores.setdefault(share, []).append(f"s.{qualified(plan[part], name)}")
        terms = [(share, total(names)) for share, names in stores.items()]
        self._totals[b.budget] = _weighted(terms) if terms else total(())
        for way in ("in", "out"):
            self.balance[names[way]] = sums[b.budget, way]
            self.lost[names[way]] = sums[b.budget, way + LOST]
        like = sums[b.budget, "in"]
        for term in ("adjusted", "stored"):
            self.balance[names[term]] = np.zeros_like(like)
        self.lost[names["adjusted"]] = np.zeros_like(like)
        self.stored[names["total"]] = np.zeros_like(like)
        self._initial[b.budget] = np.zeros_like(like)

    @property
    def begun(self) -> bool:
        """Whether a first step has been taken, or a state taken over."""
        return bool(self._begun[0])

    @begun.setter
    def begun(self, value: bool) -> None:
        self._begun[0] = value

    def stores(self, names: Sequence[str]) -> list[Array]:
        """Return the stores among these, (place, member); views, in declared units."""
        keys = {name: key for name, key in self._shown.items() if name in names}
        return [
            self._state[keys[name][0].name, keys[name][1].name]
            for name in names
            if name in keys
        ]

    def restart(self) -> None:
        """Go back to the declared initial values; sums of budgets are zero."""
        for part in self._stages.operation.plan.processes:
            for s in part.declared(self._stages.operation.inner).states:
                self._state[part.name, s.name].fill(s.initial)
        for array in self.balance.values():
            array.fill(0.0)

    def begin_balance(self) -> None:
        """Count from here: all sums are zero, and what is stored is the beginning."""
        for name, (part, store) in self._shown.items():
            mean = self._mean(part, store)
            factor = self._stages.operation.factor(store)
            self._means[name][:] = (mean * factor).reshape(-1)
        for array in (*self.balance.values(), *self.lost.values()):
            array.fill(0.0)
        for budget, initial in self._initial.items():
            initial[:] = self.total(budget)

    def _mean(self, part: Part, store: State) -> Array:
        members = self._state[part.name, store.name]
        return members if part.coupling == "stencil" else members.mean(axis=1)

    def total(self, budget: str) -> Any:
        """Return all that is stored now of what is conserved.

        (place,), or a number of one place, in the units of the budget.
        """
        return self._totals[budget]()

    def everything(self) -> Any:
        """Return all that is stored now of the first budget; nothing without one."""
        return self.total(next(iter(self._totals))) if self._totals else 0.0

    def add_up(self, budget: str, factor: float) -> None:
        """Bring what is stored up to date, in units of the budget times a factor."""
        stored = self.stored[self.names[budget]["total"]]
        stored[:] = self.total(budget) * factor
        if not self.begun:
            for name, (part, _) in self._shown.items():
                if part.coupling != "stencil":
                    stored[np.isnan(self._means[name])] = np.nan

    def close_balance(self) -> None:
        """Bring the changes of storage since the start up to date."""
        for budget, names in self.names.items():
            change = self.total(budget) - self._initial[budget]
            self.balance[names["stored"]][:] = change

    def exact(self, name: str, out: Array) -> Callable[[], object]:
        """Return what brings a sum up to date with what rounding has taken from it.

        Parameters
        ----------
        name : str
            ``in``, ``out`` or ``adjusted``, as of :func:`balance_names`.
        out : ndarray
            To receive it, (place,), in the units of the budget.
        """
        # A host may ask every step, hence nothing but the addition.
        return partial(np.add, self.balance[name], self.lost[name], out)

    def check_store(self, name: str, values: Array, at: Indices) -> None:
        """Refuse values for a store that are out of its bounds.

        Parameters
        ----------
        name : str
            The store.
        values : ndarray
            In units of the host.
        at : ndarray
            Indices of their places.

        Raises
        ------
        DataError
            Naming the store and the first place.
        """
        _, store = self._shown[name]
        targets = values / self._stages.operation.factor(store)
        bad = store.first_outside(targets)
        if bad is not None:
            where = self.place_of(store, int(at[bad]))
            raise DataError(
                f"store {name!r} at {where} cannot be set to {targets[bad]:g} "
                f"{store.units}; expected {store.expected}"
            )

    def place_of(self, store: Variable, index: int) -> str:
        """Return where the number at an index of a store stands, for messages."""
        return place_name(self._space, self._ids, store, index)

    def set_store(self, name: str, values: Array, at: Indices) -> None:
        """Set the members' mean of a store, in proportion or else by a shift.

        What this adds is booked as adjusted.

        Parameters
        ----------
        name : str
            The store.
        values : ndarray
            In units of the host.
        at : ndarray
            Indices of their places; all others stay as they are.

        Raises
        ------
        DataError
            When a value is outside the bounds of the store.
        """
        self.check_store(name, values, at)
        part, store = self._shown[name]
        members = self._state[part.name, store.name]
        table = members.reshape(-1, 1) if part.coupling == "stencil" else members
        before = table.mean(axis=1)
        means = self._means[name].copy()
        means[at] = values
        targets = means / self._stages.operation.factor(store)
        # Where nothing changes, not even the last digit does.
        changed = means != self._means[name]
        moved = _moved(table, before, targets, store.limits[0])
        table[changed] = moved[changed]
        self.book(part, store, table.mean(axis=1) - before)
        self._means[name][:] = means

    def book(self, part: Part, store: State, added: Array) -> None:
        """Count as adjusted what was added to a store, (place,) in declared units."""
        for b in self._stages.balances:
            if (part.name, store.name) in b.storages:
                name = self.names[b.budget]["adjusted"]
                adjusted = self.balance[name]
                amount = added * b.shares.get(part.name, 1.0)
                whole = len(adjusted) == len(amount)
                add_up(adjusted, self.lost[name], amount if whole else amount.sum())

    def not_finite(self) -> StateError:
        """Return the error for a number that is none, naming the store."""
        for (part, name), array in self._state.items():
            if self._stages.operation.plan[part].coupling == "stencil":
                wrong = ~np.isfinite(array)
                if wrong.any():
                    return self._field_not_finite(part, name, wrong)
                continue
            # (place, member), where there are several entries they come first.
            axes = -1 if array.ndim == 2 else (0, -1)
            bad = ~np.isfinite(array).all(axis=axes)
            if bad.any():
                place = self._ids[int(np.argmax(bad))]
                return StateError(f"store {name!r} at {place!r} is not finite")
        return StateError("a number inside the model is not finite")

    def _field_not_finite(self, part: str, name: str, bad: Any) -> StateError:
        process = self._stages.operation.plan[part]
        states = process.declared(self._stages.operation.inner).states
        store = next(s for s in states if s.name == name)
        first = int(np.argmax(bad.reshape(store.size, -1).any(axis=0)))
        where = self.place_of(store, first)
        return StateError(f"store {name!r} of {part!r} at {where} is not finite")

    def forget_means(self) -> None:
        """Answer for no store: what the first step starts from is still to be found."""
        for name in self._shown:
            self._means[name].fill(np.nan)

    def copy_stores(self, other: Storage) -> None:
        """Take over the stores that the same model has at other steps as well."""
        for key, array in self._state.items():
            source = other._state.get(key)
            if source is not None and source.shape == array.shape:
                array[...] = source

    def memory(self) -> dict[str, dict[str, Array]]:
        """Return the arrays that are part of the state, by group."""
        groups: dict[str, dict[str, Array]] = {}
        for (part, name), array in self._state.items():
            plain = array[..., 0] if self._single(part) else array
            groups.setdefault(part, {})[name] = plain
        initial = {
            f"initial.{budget}" if at else "initial": array
            for at, (budget, array) in enumerate(self._initial.items())
        }
        roundoff = {f"{name}{LOST}": array for name, array in self.lost.items()}
        groups["balance"] = {
            **self.balance,
            **roundoff,
            **initial,
            "begun": self._begun,
        }
        return groups

    def _single(self, part: str) -> bool:
        """Return whether a part has no members, and so no axis for them."""
        process = self._stages.operation.plan[part]
        return not process.members and process.coupling != "stencil"


def summed(terms: Sequence[Callable[[], Any]], places: int) -> Callable[[], Any]:
    """Return a function that adds up what others return, (place,); of none, zeros."""
    if len(terms) == 1:
        return terms[0]
    if not terms:
        return lambda: np.zeros(places)

    def total() -> Any:
        total = terms[0]()
        for term in terms[1:]:
            total = total + term()
        return total

    return total


def _weighted(terms: Sequence[tuple[float, Callable[[], Any]]]) -> Callable[[], Any]:
    """Return a function that adds up what others return, times their shares."""
    if len(terms) == 1 and terms[0][0] == 1.0:
        return terms[0][1]
    return lambda: sum(share * np.asarray(term()) for share, term in terms)


def add_up(total: Array, roundoff: Array, amount: Any) -> None:
    """Add amounts to sums in place, and what rounding takes from them to another.

    The programs of the stages do the same.
    """
    rounded = total + amount
    virtual = rounded - total
    roundoff += (total - (rounded - virtual)) + (amount - virtual)
    total[:] = rounded


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
