"""One call at a time: whose turn it is inside a component."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import StateError

__all__ = ["Turn"]


class Turn:
    """Keeps calls of other threads out of a component while one is inside.

    They are refused, not kept waiting: forcing that two threads set, and steps that
    they make, are in no order, so that what comes of it would be a matter of chance.
    Calls of one thread during another of its own, as a handler of signals makes them,
    are refused as well.

    It is taken and given back by hand where every nanosecond counts::

        try:
            others, turn.taken = turn.taken, True
            if others:
                raise turn.refusal()
            ...
        finally:
            if not others:
                turn.taken = False

    The interpreter changes threads, and calls handlers of signals, at calls and loops
    alone. There is none between looking and taking, nor between taking and the block
    that gives back; a lock would cost several times as much.

    Parameters
    ----------
    name : str
        What is called, for messages.

    Attributes
    ----------
    taken : bool
        Whether some call is inside.
    """

    __slots__ = ("name", "taken")

    def __init__(self, name: str) -> None:
        self.name = name
        self.taken = False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one inside.

        Raises
        ------
        StateError
            When another call is.
        """
        try:
            others, self.taken = self.taken, True
            if others:
                raise self.refusal()
            yield
        finally:
            if not others:
                self.taken = False

    def refusal(self) -> StateError:
        """Return the error of a call that came while another was inside."""
        return StateError(
            f"{self.name}: another call is inside this component, of another thread or "
            "before it ended; its calls must come one after another"
        )
