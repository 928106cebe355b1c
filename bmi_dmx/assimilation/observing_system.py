"""What is observed of a state, and when: all, some places in turn, projections."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..conversion import refuse_outside
from ..errors import ConfigError

__all__ = ["ObservingSystem", "Operators", "observing"]

Array = np.ndarray[Any, np.dtype[Any]]

_EVERY = re.compile(r"every-([0-9]+)(?:st|nd|rd|th)?")
_WORDS = "full, half, projections or every-Nth"


@dataclass(frozen=True, kw_only=True)
class ObservingSystem:
    """How a system is observed.

    Parameters
    ----------
    every : int
        Every so many places are observed.
    rotate : bool
        Whether each time it is the next ones, so that all are seen in turn.
    projections : bool
        Whether every second time as many random projections of the whole state are
        observed instead, the same ones each time.
    error : float
        Standard deviation of the errors, which are Gaussian and independent.
    state : str
        The one state of the system that is observed; default: all of them.
    missing : float
        Share of the values that are lost, at random.
    seed : int
        Of the projections.

    Raises
    ------
    ConfigError
        When a number is out of what makes sense, or keys contradict each other.
    """

    every: int = 1
    rotate: bool = True
    projections: bool = False
    error: float = 1.0
    state: str = ""
    missing: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        refuse_outside("observe.every", self.every, 1)
        if not 0.0 < self.error < np.inf:
            raise ConfigError(
                f"observe.error: expected a number above 0, found {self.error}"
            )
        if self.state and self.projections:
            raise ConfigError(
                f"observe.state: found {self.state!r} with projections, which are of "
                "all states"
            )
        if not 0.0 <= self.missing < 1.0:
            raise ConfigError(
                f"observe.missing: expected a share below 1, found {self.missing}"
            )


def observing(word: str, usual: ObservingSystem) -> ObservingSystem:
    """Return how a system is observed by a word for it.

    Parameters
    ----------
    word : str
        ``full``; ``half``, which is ``every-2nd``; ``every-Nth`` in turn; or
        ``projections``, which alternate with every fourth place.
    usual : ObservingSystem
        Errors and what else the word does not say.

    Raises
    ------
    ConfigError
        When there is no such word.
    """
    words = {"full": 1, "half": 2, "projections": 4}
    if (match := _EVERY.fullmatch(word)) is not None:
        every = int(match[1])
    elif word in words:
        every = words[word]
    else:
        raise ConfigError(f"observe: found {word!r}, expected {_WORDS}")
    return replace(usual, every=every, projections=word == "projections", rotate=True)


class Operators:
    """What is observed at the end of each cycle, as a map of states.

    Parameters
    ----------
    observing : ObservingSystem
        How.
    places : ndarray of int
        Place of each entry of the state, (n,).
    visible : slice
        Entries that can be observed.

    Attributes
    ----------
    count : int
        Values at a time, p.
    phases : int
        After so many cycles the same is observed again.

    Raises
    ------
    ConfigError
        When places do not come out even, so that their number would change.
    """

    def __init__(
        self, observing: ObservingSystem, places: Array, visible: slice = slice(None)
    ) -> None:
        every, number = observing.every, int(places[visible].max()) + 1
        turning = observing.rotate and every > 1
        if turning and number % every:
            raise ConfigError(
                f"observe.every: found {every}, expected a divisor of {number} places "
                "where they take turns"
            )
        phases = every if turning else 1
        indices = np.arange(len(places))[visible]
        self._entries: list[Array | None] = [
            indices[places[indices] % every == phase] for phase in range(phases)
        ]
        self.count = len(places[self._entries[0]])
        self.matrix: Array | None = None
        if observing.projections:
            generator = np.random.default_rng(observing.seed)
            drawn = generator.standard_normal((self.count, len(places)))
            self.matrix = drawn / np.sqrt(len(places))
            self._entries = [x for entries in self._entries for x in (entries, None)]
        self.phases = len(self._entries)
        self.size = len(places)

    def entries(self, cycle: int) -> Array | None:
        """Return which entries are observed, (p,); None where projections are."""
        return self._entries[cycle % self.phases]

    def predict(self, states: Any, cycle: int) -> Any:
        """Return what is observed of states (..., n), arrays or tensors: (..., p)."""
        entries = self.entries(cycle)
        if entries is not None:
            return states[..., entries]
        assert self.matrix is not None
        if isinstance(states, np.ndarray):
            return states @ self.matrix.T
        return states @ states.new_tensor(self.matrix.T)

    def whole(self, cycle: int) -> Array:
        """Return the map as a matrix, (p, n)."""
        matrix: Array = self.predict(np.eye(self.size), cycle)
        return np.ascontiguousarray(matrix.T)
