"""The state of a component: given out, taken over, and kept in files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import StateError, TimeError
from ..files import atomic
from ..operate.clock import date_of
from ..operate.ensemble import fitted
from ..operate.operation import Operation, step_text
from ..operate.other_steps import at_operation, hand_over, other_steps
from ..operate.persistence import pack, refuse_other, refuse_unlike, unpack
from ..operate.repeated_warnings import warn_once
from ..operate.runner import Runner
from ..operate.saved_places import identity, order
from ..operate.screen import Screen
from ..operate.state_check import contents, in_order, refuse_absurd
from .settings import OF_STATE

__all__ = ["States"]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)

_ENSEMBLE = "ensemble"
"""Mark of a state of several members."""

_BUNDLE, _NAME = "bundle", "name of the bundle"
"""Marks of whose a state is: what decides, and what is told."""

_COUNTS = ("repaired", "last")
"""What is kept of forcings that were looked at, by the beginnings of the names."""

_TIMES, _MORE = 64, 1 << 24
"""How much longer than a component's own a state may be that is read at all."""


class States:
    """All that a continuation needs, beside the functions of BMI.

    Parameters
    ----------
    runner : Runner
        The model.
    screen : Screen
        What looks at its forcings.
    warm_up : callable
        Comes to the state from which the first step is made.
    begun : callable
        Starts from the state there is now.
    keep : bool
        Whether attributes and parameters that are set go before those of a state.
    """

    def __init__(
        self,
        runner: Runner,
        screen: Screen,
        warm_up: Callable[[], None],
        begun: Callable[[], None],
        *,
        keep: bool = False,
    ) -> None:
        self._runner, self._screen, self._clock = runner, screen, runner.clock
        self._keep = keep
        self._warm_up, self._begun = warm_up, begun

    def state(self) -> dict[str, Array]:
        """Return all that a continuation needs, as new arrays by name.

        Names and shapes of stores and memories are those of a
        :class:`~bmi_dmx.compose.model.Model`. The others are attributes,
        parameters that were set, the values of forcings, outputs and balances, counts
        of repairs, and the clock. Before the first step it is what that starts from.
        """
        self._warm_up()
        return self._present()

    def _present(self) -> dict[str, Array]:
        """Return the state as it is, before the one to start from was found."""
        state: dict[str, Array] = dict(self._runner.save())
        for group, arrays in self._counts().items():
            state |= {f"{group}.{name}": x.copy() for name, x in arrays.items()}
        state["clock"] = np.array([self._clock.seconds_since_1970()])
        return state

    def state_bytes(self) -> bytes:
        """Return :meth:`state` packed; as long at any time of a run."""
        return self._packed(self.state())

    def state_size(self) -> int:
        """Return the length of :meth:`state_bytes`; nothing is computed for it."""
        return len(self._packed(self._present()))

    def _packed(self, state: dict[str, Array]) -> bytes:
        runner = self._runner
        marks = {_NAME: runner.operation.bundle.name}
        return pack(
            state, {**self._owner(), **identity(runner.ids, runner.space), **marks}
        )

    def set_state_bytes(self, content: bytes, where: str = "state") -> None:
        """Continue from a state of :meth:`state_bytes`, at the time it was saved.

        Parameters
        ----------
        content : bytes
            The state.
        where : str
            What messages begin with.

        Raises
        ------
        StateError
            When it is damaged, of another bundle, way of running or locations, or of a
            time this component does not pass through.
        """
        state = self._unpacked(content, where)
        moment = state["clock"][0].item()
        if not self._clock.dated:
            self._begin_at(moment)
        else:
            try:
                self._clock.resume(moment)
            except TimeError as error:
                raise StateError(f"{where}: {error}") from None
        self._restore(state)

    def start_from(self, path: Path) -> None:
        """Begin with a state of the time of the start, in a file.

        Raises
        ------
        StateError
            When it is of another time; otherwise as :meth:`set_state_bytes`.
        """
        state = self._unpacked(self._content(path), str(path))
        moment = state["clock"][0].item()
        if not self._clock.dated:
            self._begin_at(moment)
        elif moment != self._clock.seconds_since_1970():
            raise StateError(
                f"state: {path}: is of {self._apart(moment)} start_time "
                f"{self._clock.start}: begin with the state of that time, or set "
                f"start_time: {OF_STATE}"
            )
        self._restore(state)

    def _begin_at(self, moment: float) -> None:
        """Begin at the time of a state, which is start_time."""
        self._clock.begin_at(date_of(moment))
        if self._runner.operation.gathers:
            self._clock.refuse_unmet_periods()

    def _apart(self, moment: float) -> str:
        """Return the date of a state, and how far from the present time that is."""
        late = moment - self._clock.seconds_since_1970()
        way = "after" if late > 0.0 else "before"
        return f"{date_of(moment)}, {step_text(abs(late))} {way}"

    def take_state(self, content: bytes, *, clock: bool) -> None:
        """Continue from a state, whenever it was saved.

        Parameters
        ----------
        content : bytes
            From :meth:`state_bytes`.
        clock : bool
            Go to the time of the state, where this component passes through it.

        Raises
        ------
        StateError
            When it is damaged, of another bundle, way of running or locations.
        """
        place = self._runner.place
        state = self._unpacked(content, place)
        moment = state["clock"][0].item()
        if not self._clock.dated:
            self._begin_at(moment)
        elif clock:
            try:
                self._clock.resume(moment)
            except TimeError as error:
                _log.warning("%s: the state %s", place, error)
        elif moment != self._clock.seconds_since_1970():
            warn_once(
                _log, "date of a state",
                "%s: the state is of %s %s, at which it goes on: seasons and the hours "
                "at which days begin are other ones; start_time: %s goes on at the "
                "time of the state",
                place, self._apart(moment), self._clock.now, OF_STATE,
            )  # fmt: skip
        self._restore(state)

    def _unpacked(self, content: bytes, where: str) -> dict[str, Array]:
        """Return the arrays of a state, verified, with the places in their order."""
        runner = self._runner
        older = runner.operation.system.older_states
        conversions = {name: partial(bring, runner) for name, bring in older.items()}
        arrays, owner = unpack(content, where, conversions)
        if (operation := self._saved_by(owner)) is not None:
            return self._brought(arrays, owner, operation, where)
        self._refuse_other_bundle(owner, where)
        at = order(owner, runner.ids, runner.space, where)
        own_marks = self._owner()
        if _ENSEMBLE not in owner or runner.members is None:
            own_marks.pop(_ENSEMBLE, None)
        refuse_other(owner, own_marks, where)
        if (_ENSEMBLE in owner) != (runner.members is not None):
            mean = "their mean" if _ENSEMBLE in owner else "the one state for all"
            there = owner.get(_ENSEMBLE, "no ensemble")
            _log.info("%s: it is of %s; the run goes on from %s", where, there, mean)
        arrays = fitted(runner, arrays)
        expected = self._present()
        refuse_unlike(arrays, expected, where)
        entries = contents(runner, expected)
        if at is not None:
            _log.info("%s: its places are in another order, found by name", where)
            arrays = in_order(arrays, at, entries)
        refuse_absurd(arrays, entries, runner.ids, where)
        _date(arrays["clock"], where)
        return arrays

    def _refuse_other_bundle(self, owner: Mapping[str, str], where: str) -> None:
        """Refuse the state of another bundle, by the names of the two."""
        bundle = self._runner.operation.bundle
        if owner.get(_BUNDLE) == bundle.fingerprint:
            return
        name = owner.get(_NAME, "one that is not named")
        if name == bundle.name:
            name = "one of the same name with other weights or programs"
        raise StateError(
            f"{where}: belongs to another bundle: found {name}, this component has "
            f"{bundle.name}"
        )

    def _saved_by(self, owner: Mapping[str, str]) -> Operation | None:
        """Return the way of running that saved, where only its steps are other ones."""
        if _ENSEMBLE in owner or "places" not in owner:
            return None
        for operation in other_steps(self._runner.operation):
            marks = self._marks(operation)
            if all(owner.get(key) == text for key, text in marks.items()):
                return operation
        return None

    def _brought(
        self,
        arrays: Mapping[str, Array],
        owner: Mapping[str, str],
        operation: Operation,
        where: str,
    ) -> dict[str, Array]:
        """Return a state of other steps as one of this component, verified."""
        runner = self._runner
        source = at_operation(runner, operation, self._clock.start)
        expected = {**source.save(), "clock": np.array([0])}
        state = {n: x for n, x in arrays.items() if n.partition(".")[0] not in _COUNTS}
        refuse_unlike(state, expected, where)
        entries = contents(source, expected)
        at = order(owner, source.ids, source.space, where)
        if at is not None:
            state = in_order(state, at, entries)
        refuse_absurd(state, entries, source.ids, where)
        source.restore(state)
        moment = state["clock"]
        target = at_operation(source, runner.operation, _date(moment, where))
        hand_over(source, target, where)
        _log.info(
            "%s: it is of steps of %s; the run goes on from it at steps of %s",
            where, step_text(operation.inner), step_text(runner.operation.inner),
        )  # fmt: skip
        present = self._present()
        counts = {n: x for n, x in present.items() if n.partition(".")[0] in _COUNTS}
        return {**fitted(runner, target.save()), **counts, "clock": moment}

    def reset_clock(self) -> None:
        """Go back to the start in time; nothing else changes."""
        self._clock.set(0)

    def _restore(self, state: dict[str, Array]) -> None:
        runner = self._runner
        differing = ", ".join(runner.restore(state, keep=self._keep))
        if differing and self._keep:
            _log.info(
                "%s: the state has other settings, %s; those configured hold",
                runner.place, differing,
            )  # fmt: skip
        elif differing:
            _log.warning(
                "%s: the state brings settings of its own, which now hold: %s; "
                "state_parameters: configured would keep those configured",
                runner.place, differing,
            )  # fmt: skip
        for group, arrays in self._counts().items():
            for name, array in arrays.items():
                array[...] = state[f"{group}.{name}"]
        self._begun()

    def save_state(self, path: str | PathLike[str]) -> None:
        """Write the state to a file, which then exists whole or not at all."""
        with atomic(path) as temporary:
            temporary.write_bytes(self.state_bytes())

    def load_state(self, path: str | PathLike[str]) -> None:
        """Continue from a file of :meth:`save_state`; see :meth:`set_state_bytes`."""
        self.set_state_bytes(self._content(Path(path)), str(path))

    def _content(self, path: Path) -> bytes:
        """Return the content of a file, which is no larger than a state can be."""
        most = _TIMES * self.state_size() + _MORE
        try:
            with path.open("rb") as file:
                content = file.read(most + 1)
        except OSError as error:
            raise StateError(f"{path}: cannot be read: {error.strerror}") from None
        if len(content) > most:
            raise StateError(
                f"{path}: has more than {most} bytes; a state of this component has "
                f"{self.state_size()}"
            )
        return content

    def _counts(self) -> dict[str, dict[str, Array]]:
        counts = (self._screen.repaired, self._screen.last)
        return dict(zip(_COUNTS, counts, strict=True))

    def _owner(self) -> dict[str, str]:
        runner = self._runner
        parallel = {}
        if runner.members is not None:
            size = len(runner.members.ids) // len(runner.ids)
            parallel[_ENSEMBLE] = f"ensemble of {size} members"
        return {**parallel, **self._marks(runner.operation)}

    def _marks(self, operation: Operation) -> dict[str, str]:
        """Return what a state says of the way its model was run."""
        choices = [f"{part} {name}" for part, name in sorted(operation.choices.items())]
        how = [step_text(operation.inner), *choices, operation.units]
        if operation.gathers:
            # Part of a period may be in the state.
            how.append(f"periods from {self._clock.day_start_hour} h")
        return {
            _BUNDLE: operation.bundle.fingerprint,
            "time step": f"{operation.seconds:g} s",
            "way of running (steps, choices, units)": ", ".join(how),
            "set of attributes": ", ".join(self._runner.parameters.attribute),
        }


def _date(clock: Array, where: str) -> datetime:
    """Return the date and time of a state.

    Raises
    ------
    StateError
        When the calendar does not have it.
    """
    try:
        return date_of(clock[0].item())
    except TimeError as error:
        raise StateError(f"{where}: clock: the state {error}") from None
