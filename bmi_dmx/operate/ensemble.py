"""Parallel states of one model in operation: an axis, folded into its places."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ..errors import ConfigError
from ..space import Space, Tree
from .clock import Clock
from .runner import Runner
from .stages import Stages
from .state_check import MEMBERS, contents

__all__ = ["Driver", "EnsembleRunner", "fitted", "mean_of"]

Array = np.ndarray[Any, np.dtype[Any]]


class Driver(Protocol):
    """What makes the members of an ensemble differ, and brings them together again.

    Attributes
    ----------
    memory : mapping of str to ndarray
        What a continuation needs of it, the places last; written to in place. What
        stands in ``draws`` belongs to no place.
    """

    memory: Mapping[str, Array]

    def parameterize(self) -> None:
        """Change the parameters of the members, which are those of all."""

    def disturb(self) -> None:
        """Change the forcing and the stores of the members before a step."""

    def analyse(self) -> None:
        """Change the stores of the members after a step."""


def mean_of(values: Array) -> Array:
    """Return the mean over the first axis; of equal numbers it is that number.

    The digits of a sum would not all be those of its terms.
    """
    first = values[0]
    if len(values) == 1:
        return np.array(first)
    mean: Array = first + (values - first).mean(axis=0)
    return mean


class EnsembleRunner(Runner):
    """A runner of many states at each of its places, all stepped by the same calls.

    To whoever steps it it is a :class:`.Runner` of its places: forcing and parameters
    are those of all members, until a driver makes them differ; outputs, stores and sums
    of budgets are the means. Where places drain into each other, every member has a
    tree of its own beside those of the others.

    Parameters
    ----------
    stages, ids, attributes, clock, space
        As of :class:`.Runner`.
    size : int
        Number of members, E.

    Attributes
    ----------
    members : Runner
        E times as many places, all those of the first member first.

    Raises
    ------
    ConfigError
        When places are those of a field, or steps of the host are gathered.
    """

    members: Runner

    def __init__(
        self,
        stages: Stages,
        ids: Sequence[str],
        attributes: dict[str, Array],
        clock: Clock,
        space: Space | None = None,
        *,
        size: int,
    ) -> None:
        _refuse(stages)
        self.size = size
        names = [f"{name} (member {e + 1})" for e in range(size) for name in ids]
        repeated = {name: np.tile(x, size) for name, x in attributes.items()}
        beside = space.repeated(size) if isinstance(space, Tree) else None
        self.members = Runner(stages, names, repeated, clock, beside)
        self._ahead = False
        self._driver: Driver | None = None
        super().__init__(stages, ids, attributes, clock, space)
        self._pairs = self._paired()

    def drive(self, driver: Driver) -> None:
        """Let the members differ."""
        self._driver = driver

    def each(self, values: Array) -> Array:
        """Return a view of values of the members, (member, place) from (E B,)."""
        return values.reshape(self.size, len(values) // self.size)

    def split(self, values: Array, axis: int = -1) -> Array:
        """Return a view in which the axis of the places has become two."""
        at = values.ndim + axis
        places, shape = values.shape[at] // self.size, values.shape
        return values.reshape(*shape[:at], self.size, places, *shape[at + 1 :])

    def _paired(self) -> list[tuple[Array, Array]]:
        """Return what follows from the members at every step, and from what."""
        ours, theirs = self.storage, self.members.storage
        pairs = [(x, self.members.output[name]) for name, x in self.output.items()]
        derived = {names["stored"] for names in ours.names.values()}
        for mine, other in ((ours.balance, theirs.balance), (ours.lost, theirs.lost)):
            pairs += [(x, other[n]) for n, x in mine.items() if n not in derived]
        changing = {
            n for net in self.members._networks.values() for n in net.parameters
        }
        mean = self.members.parameters.mean
        pairs += [(self.parameters.mean[name], mean[name]) for name in changing]
        return pairs

    def _summing(self, names: Sequence[str]) -> Callable[[], Any]:
        total = self.members._summing(names)
        # One member at one place sums up to a number.
        return lambda: mean_of(self.each(np.atleast_1d(total())))

    # Running

    def parameterize(
        self, answered: Mapping[tuple[str, str], Array] | None = None
    ) -> None:
        """Compute the parameters where something was set, and hand them to all."""
        if not self.parameters.pending:
            return
        super().parameterize(answered)
        self._hand_on()

    def _hand_on(self) -> None:
        """Give all members the attributes and parameters of their places."""
        members = self.members
        for name, values in self.parameters.attribute.items():
            self.each(members.parameters.attribute[name])[:] = values
        changing = {id(x) for net in members._networks.values()
                    for x in net.parameters.values()}  # fmt: skip
        for key, ours in self._seen.items():
            theirs = members._seen[key]
            if id(theirs) not in changing:
                self.split(theirs, -2)[...] = ours[..., None, :, :]
        members.parameters.pending = False
        for network in members._networks.values():
            network.read_attributes()
        if self._driver is not None:
            self._driver.parameterize()

    def begin(self) -> None:
        """Make a step possible; before the first one all members are alike."""
        alike = not self.storage.begun
        super().begin()
        if alike:
            self._spread()

    def _spread(self) -> None:
        """Give every member the state there is."""
        theirs = self.members._memory()
        entries = contents(self.members, theirs)
        for name, ours in self._memory().items():
            axis = entries[name].axis
            if axis is None:
                theirs[name][...] = ours
            else:
                at = ours.ndim + axis
                self.split(theirs[name], axis)[...] = np.expand_dims(ours, at)
        self.members.storage.begin_balance()
        self._ahead = False

    def begin_balance(self) -> None:
        """Count from here, in all members."""
        if self._ahead:
            self._gather_stores()
            self.members.storage.begin_balance()
        else:
            self._spread()
        super().begin_balance()

    def advance(self) -> None:
        """Run one step of all members; as of :meth:`.Runner.advance`."""
        if self.parameters.pending or not self._begun:
            self.begin()
        members = self.members
        for name, values in self.forcing.items():
            self.each(members.forcing[name])[:] = values
        for name, values in self.dates.items():
            members.dates[name].fill(values[0])
        if self._driver is not None:
            self._driver.disturb()
        members.advance()
        self._ahead = True
        if self._driver is not None:
            self._driver.analyse()
        self.gather()

    def gather(self) -> None:
        """Bring outputs and sums up to date, the means of the members."""
        for ours, theirs in self._pairs:
            ours[:] = mean_of(self.each(theirs))

    def _gather_stores(self) -> None:
        theirs = self.members.stores()
        for key, ours in self.stores().items():
            split = self.split(theirs[key], -2)
            ours[...] = mean_of(np.moveaxis(split, -3, 0))

    def set_store(self, name: str, values: Array, at: Array) -> None:
        """Set the mean of a store over all members, which keep their proportions.

        As of :meth:`.Runner.set_store`.
        """
        self.storage.check_store(name, values, at)
        if self._ahead:
            self._gather_stores()
        theirs = self.members.output[name]
        before = self.each(theirs)[:, at]
        mean = mean_of(before)
        low = self.stages.shown[name][1].limits[0]
        ratio = np.ones_like(mean)
        if low == 0.0:
            some = mean > np.finfo(float).tiny
            ratio = np.divide(values, mean, out=np.zeros_like(mean), where=some)
        after = values + (before - mean) * ratio
        super().set_store(name, values, at)
        places = (np.arange(self.size)[:, None] * len(self.ids) + at).reshape(-1)
        self.members.storage.set_store(name, after.reshape(-1), places)
        self.gather()

    def set_members(self, name: str, values: Array) -> None:
        """Set a store of every member, (E B,), in units of the host.

        Raises
        ------
        DataError
            When a value is out of the bounds of the store.
        """
        if self.parameters.pending or not self._begun:
            self.begin()
        self.members.storage.set_store(name, values, np.arange(values.size))
        self._ahead = True
        self.gather()

    # State

    def save(self) -> dict[str, Array]:
        """Return all that a continuation needs; as of :meth:`.Runner.save`.

        What the members hold stands behind ``members.``, (E, place), and what the
        driver remembers behind ``ensemble.``.
        """
        if self._ahead:
            self._gather_stores()
        state = super().save()
        self.members.storage.close_balance()
        for name, array in self._unfolded().items():
            state[name] = array.copy()
        for name, array in self._remembered().items():
            state[name] = array.copy()
        return state

    def restore(self, state: Mapping[str, Array], *, keep: bool = False) -> list[str]:
        """Take over a state as :meth:`save` returns it; see :meth:`.Runner.restore`."""
        changed = super().restore(state, keep=keep)
        for name, array in (*self._unfolded().items(), *self._remembered().items()):
            array[...] = state[name]
        # What is drawn of the parameters may be other.
        self.parameters.pending = True
        self._ahead = self.storage.begun
        return changed

    def spread(self, state: Mapping[str, Array]) -> dict[str, Array]:
        """Return a state of one as that of members that are alike."""
        entries = contents(self.members, self.members._memory())
        memory = dict(state)
        for name, like in self._unfolded().items():
            key = name.removeprefix(MEMBERS)
            if key in state:
                axis, values = entries[key].axis, state[key]
                if axis is not None and values.ndim + 1 == like.ndim:
                    values = np.expand_dims(values, values.ndim + axis)
                    values = np.repeat(values, self.size, values.ndim - 1 + axis)
                memory[name] = np.array(values)
        remembered = {name: array.copy() for name, array in self._remembered().items()}
        return memory | remembered

    def _unfolded(self) -> dict[str, Array]:
        """Return views of what the members hold, the axis of members on its own."""
        theirs = self.members._memory()
        entries = contents(self.members, theirs)
        views = {}
        for name, array in theirs.items():
            axis = entries[name].axis
            whole = array if axis is None else self.split(array, axis)
            views[f"{MEMBERS}{name}"] = whole
        return views

    def _remembered(self) -> dict[str, Array]:
        memory = {} if self._driver is None else self._driver.memory
        return {f"ensemble.{name}": array for name, array in memory.items()}


def fitted(runner: Runner, state: Mapping[str, Array]) -> dict[str, Array]:
    """Return a state, of an ensemble or of one, as one of a runner of the same model.

    Of an ensemble one runner goes on from the mean; members start alike from that of
    one.
    """
    whole = any(name.startswith(MEMBERS) for name in state)
    if isinstance(runner, EnsembleRunner):
        return dict(state) if whole else runner.spread(state)
    return {n: x for n, x in state.items() if not n.startswith((MEMBERS, "ensemble."))}


def _refuse(stages: Stages) -> None:
    """Refuse models whose members cannot stand side by side.

    Raises
    ------
    ConfigError
        When they cannot.
    """
    operation = stages.operation
    for part in operation.plan.processes:
        if part.coupling == "stencil":
            raise ConfigError(
                f"assimilation: part {part.name!r} steps whole fields; an ensemble "
                "needs single places, or a tree of them"
            )
    if operation.waits:
        raise ConfigError(
            "mode: steps of the host are gathered for longer ones of the physics; an "
            "ensemble needs the same time_step and mode"
        )
