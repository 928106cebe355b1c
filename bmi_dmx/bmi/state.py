"""The state of a component: given out, taken over, and kept in files."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import StateError, TimeError
from ..files import atomic
from ..operate.clock import date_of
from ..operate.once import warn_once
from ..operate.operation import step_text
from ..operate.persistence import pack, unpack
from ..operate.runner import Runner
from ..operate.screen import Screen
from .settings import OF_STATE

__all__ = ["States"]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)


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
    """

    def __init__(
        self,
        runner: Runner,
        screen: Screen,
        warm_up: Callable[[], None],
        begun: Callable[[], None],
    ) -> None:
        self._runner, self._screen, self._clock = runner, screen, runner.clock
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
        return pack(self.state(), self._owner())

    def state_size(self) -> int:
        """Return the length of :meth:`state_bytes`; nothing is computed for it."""
        return len(pack(self._present(), self._owner()))

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
        found = self._unpacked(content, where)
        moment = found["clock"][0].item()
        if not self._clock.dated:
            self._begin_at(moment)
        else:
            try:
                self._clock.resume(moment)
            except TimeError as error:
                raise StateError(f"{where}: {error}") from None
        self._restore(found)

    def start_from(self, path: Path) -> None:
        """Begin with a state of the time of the start, in a file.

        Raises
        ------
        StateError
            When it is of another time; otherwise as :meth:`set_state_bytes`.
        """
        found = self._unpacked(_content(path), str(path))
        moment = found["clock"][0].item()
        if not self._clock.dated:
            self._begin_at(moment)
        elif moment != self._clock.seconds_since_1970():
            raise StateError(
                f"state: {path}: is of {self._apart(moment)} start_time "
                f"{self._clock.start}: begin with the state of that time, or set "
                f"start_time: {OF_STATE}"
            )
        self._restore(found)

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
        found = self._unpacked(content, place)
        moment = found["clock"][0].item()
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
        self._restore(found)

    def _unpacked(self, content: bytes, where: str) -> dict[str, Array]:
        older = self._runner.operation.system.older_states
        own = {name: partial(bring, self._runner) for name, bring in older.items()}
        return unpack(content, self._present(), self._owner(), where, own)

    def reset_clock(self) -> None:
        """Go back to the start in time; nothing else changes."""
        self._clock.set(0)

    def _restore(self, found: dict[str, Array]) -> None:
        runner = self._runner
        brought = runner.restore(found)
        if brought:
            warn_once(
                _log, "settings of a state",
                "%s: the state brings %s of its own, which now hold",
                runner.place, ", ".join(brought),
            )  # fmt: skip
        for group, arrays in self._counts().items():
            for name, array in arrays.items():
                array[...] = found[f"{group}.{name}"]
        self._begun()

    def save_state(self, path: str | PathLike[str]) -> None:
        """Write the state to a file, which then exists whole or not at all."""
        with atomic(path) as temporary:
            temporary.write_bytes(self.state_bytes())

    def load_state(self, path: str | PathLike[str]) -> None:
        """Continue from a file of :meth:`save_state`; see :meth:`set_state_bytes`."""
        self.set_state_bytes(_content(Path(path)), str(path))

    def _counts(self) -> dict[str, dict[str, Array]]:
        return {"repaired": self._screen.repaired, "last": self._screen.last}

    def _owner(self) -> dict[str, str]:
        runner = self._runner
        operation = runner.operation
        names = "\n".join(runner.ids).encode()
        chosen = [f"{part} {name}" for part, name in sorted(operation.choices.items())]
        how = [step_text(operation.inner), *chosen, operation.units]
        if operation.gathers:
            # Part of a period may be in the state.
            how.append(f"periods from {self._clock.day_start_hour} h")
        places = hashlib.sha256(names)
        if runner.space is not None:
            places.update(runner.space.fingerprint.encode())
        return {
            "bundle": operation.bundle.fingerprint,
            "time step": f"{self._clock.seconds:g} s",
            "way of running (steps, choices, units)": ", ".join(how),
            "set of places": places.hexdigest(),
            "set of attributes": ", ".join(runner.parameters.attribute),
        }


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StateError(f"{path}: cannot be read: {error.strerror}") from None
