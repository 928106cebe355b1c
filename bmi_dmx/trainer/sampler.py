"""Random windows of random places, in a sequence that can be continued."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import StateError

__all__ = ["Sampler", "usable_windows"]

B = TypeVar("B")

Positions = NDArray[np.intp]


class Sampler(ABC, Generic[B]):
    """Batches of windows.

    Every place that has a usable window is equally likely, and so is every such window
    of it. A batch holds as different places as possible: none comes twice before all
    have come once.

    Iterating yields ``steps`` batches and goes on where the last pass ended; the whole
    sequence is determined by the seed. :meth:`state_dict` between two batches allows to
    continue with the very same batches.

    Parameters
    ----------
    usable : (place, start) array of bool
        At which time steps windows of each place may begin; some must be true.
    size : int
        Windows in a batch.
    steps : int
        Batches in a pass.
    seed : int
        Seed of the random numbers.
    """

    def __init__(
        self, usable: NDArray[np.bool_], *, size: int, steps: int, seed: int
    ) -> None:
        self.usable, self.size, self.steps = usable, size, steps
        self.eligible = np.flatnonzero(usable.any(axis=1))
        self.generator = np.random.Generator(np.random.PCG64(seed))

    @abstractmethod
    def cut(self, place: Positions, start: Positions) -> B:
        """Return the windows of a batch.

        Parameters
        ----------
        place, start : (B,) array of int
            Positions of the places, and of the first time step.
        """

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[B]:
        for _ in range(self.steps):
            yield self.draw()

    def draw(self) -> B:
        """Return the next batch."""
        rounds = -(-self.size // self.eligible.size)
        dealt = [self.generator.permutation(self.eligible) for _ in range(rounds)]
        place = np.concatenate(dealt)[: self.size]
        starts = self.usable.shape[1]
        start = self.generator.integers(starts, size=self.size)
        # Redrawing what cannot be used leaves the others equally likely.
        while (bad := ~self.usable[place, start]).any():
            start[bad] = self.generator.integers(starts, size=int(bad.sum()))
        return self.cut(place, start)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the random numbers, as plain values."""
        return {"generator": self.generator.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that :meth:`state_dict` returned.

        Raises
        ------
        StateError
            The state is not one of a sampler.
        """
        try:
            self.generator.bit_generator.state = state["generator"]
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(f"not the state of a sampler: {error!r}") from None


def usable_windows(
    observed: NDArray[np.bool_],
    warmup: int,
    length: int,
    every: int = 1,
    first: int = 0,
) -> NDArray[np.bool_]:
    """Return which windows are observed after their warm-up, (place, start).

    Parameters
    ----------
    observed : (time, place) array of bool
        Where there is something to learn from.
    warmup, length : int
        Time steps of a window before it counts, and of those that count; all of them
        must fit into the series.
    every, first : int
        Windows begin with every so many steps alone, counted from ``first`` on: those
        with which a step of networks that have their own begins.
    """
    starts = len(observed) - warmup - length + 1
    counts = observed.cumsum(axis=0, dtype=np.int32)
    counts = np.concatenate((np.zeros_like(counts[:1]), counts))
    end, begin = warmup + length, warmup
    usable = counts[end : end + starts] > counts[begin : begin + starts]
    usable[(np.arange(starts) - first) % every != 0] = False
    return np.ascontiguousarray(usable.T)
