"""Saving and restoring state through the values of a component, as hosts ask for it.

Two dialects are spoken. NextGen's has the prefix ``ngen::`` and leaves the clock where
it is, for the host starts to count anew. The other has no prefix, and moves the clock
to the time of the state unless it is told to reset it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from ..errors import StateError

__all__ = ["Serialization", "Signal", "Stateful"]

Array = np.ndarray[Any, np.dtype[Any]]


class Stateful(Protocol):
    """Something with a state in bytes, and a clock."""

    def state_bytes(self) -> bytes:
        """Return the state, as long at any time."""

    def state_size(self) -> int:
        """Return how many bytes that is."""

    def take_state(self, content: bytes, *, clock: bool) -> None:
        """Continue from a state, at its time or at the present one."""

    def reset_clock(self) -> None:
        """Go back to the start in time alone."""

    def get_current_time(self) -> float:
        """Return the time at which the next step begins."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A value by which a host asks for or says something, beside those of the model.

    Parameters
    ----------
    name, units : str
        As the host spells them.
    buffer_of : callable
        Returns the values, one-dimensional.
    receive : callable
        Takes what the host sets.
    size_of : callable
        Returns the number of items.
    type : str
        NumPy's name of the type.
    grid : int or None
        Number of the grid it is on; None for what only asks for something.
    """

    name: str
    units: str
    type: str
    size_of: Callable[[], int]
    buffer_of: Callable[[], Array]
    receive: Callable[[Array], None]
    role: Literal["signal"] = "signal"
    refresh: None = None
    grid: int | None = None

    @property
    def buffer(self) -> Array:
        """The values."""
        return self.buffer_of()

    @property
    def itemsize(self) -> int:
        """Bytes of one item."""
        return np.dtype(self.type).itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all items."""
        return self.size_of() * self.itemsize


class Serialization:
    """The signals of both dialects over one component.

    Parameters
    ----------
    model : Stateful
        What is saved and restored.
    """

    def __init__(self, model: Stateful) -> None:
        self._model = model
        self._length: int | None = None
        self._saved: Array | None = None
        # When a state was written that brought its time along, and none saved since.
        self._restored: float | None = None
        self._sizes: dict[str, Array] = {}

    def signals(self) -> Iterator[Signal]:
        """Yield everything a host may use."""
        one = _constant(1)
        for prefix, trigger, count in (
            ("ngen::", "int32", "int64"), ("", "uint64", "uint64"),
        ):  # fmt: skip
            clock = not prefix
            name = f"{prefix}serialization_"
            yield Signal(
                f"{name}create", "ngen::trigger", trigger, one,
                _zeros(trigger), self._create,
            )  # fmt: skip
            # Without the prefix the host sets this from memory it never filled, as many
            # items as are announced: none.
            yield Signal(
                f"{name}free", "ngen::trigger", "int32", _constant(0) if clock else one,
                _zeros("int32"), self._free,
            )  # fmt: skip
            yield Signal(
                f"{name}size", "bytes", count, one,
                partial(self._size_of, count), self._expect,
            )  # fmt: skip
            yield Signal(
                f"{name}state", "ngen::opaque", "uint8", self._size, self._state,
                partial(self._restore, clock=clock),
            )  # fmt: skip
        yield Signal("reset_time", "s", "float64", one, _zeros("float64"), self._reset)

    def _size(self) -> int:
        if self._length is None:
            self._length = self._model.state_size()
        return self._length

    def _size_of(self, kind: str) -> Array:
        # One array for life: hosts keep its address.
        array = self._sizes.setdefault(kind, np.empty(1, kind))
        array[0] = self._size()
        return array

    def _create(self, src: Array) -> None:
        content = np.frombuffer(self._model.state_bytes(), np.uint8)
        self._saved = content.copy()
        self._restored = None

    def _free(self, src: Array) -> None:
        if self._restored == self._model.get_current_time():
            self._reset(src)
        self._saved = self._restored = None

    def _state(self) -> Array:
        if self._saved is None:
            raise StateError(
                "there is no saved state: set serialization_create before it is read"
            )
        return self._saved

    def _expect(self, src: Array) -> None:
        size = src.reshape(-1)[0].item() if src.size else 0
        if size != self._size():
            raise StateError(
                f"serialization_size: found {size} bytes, a state of this component "
                f"has {self._size()}"
            )

    def _restore(self, src: Array, *, clock: bool) -> None:
        if src.dtype.itemsize != 1:
            raise StateError(f"serialization_state: found {src.dtype}, expected bytes")
        self._model.take_state(src.tobytes(), clock=clock)
        self._restored = self._model.get_current_time() if clock else None

    def _reset(self, src: ArrayLike) -> None:
        self._model.reset_clock()


def _constant(number: int) -> Callable[[], int]:
    return lambda: number


@cache
def _zeros(kind: str) -> Callable[[], Array]:
    zeros = np.zeros(1, kind)
    return lambda: zeros
