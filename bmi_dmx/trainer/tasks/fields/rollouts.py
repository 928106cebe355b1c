"""Windows that get longer the more of them have been drawn."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ....errors import DataError
from ...sampler import Positions, Sampler
from .experiment import RollOut

__all__ = ["RollOuts"]

B = TypeVar("B")


class RollOuts(Sampler[B]):
    """Windows from random steps, longer the more of them have been drawn.

    Parameters
    ----------
    begin : (start,) array of int
        Steps that windows may begin with, whatever their length.
    rollout : RollOut
        Their lengths.
    size : int
        Windows in a batch.
    steps, total : int
        Batches in a pass, and in all.
    seed : int
        Seed of the random numbers.

    Raises
    ------
    DataError
        There are no steps to begin with.
    """

    def __init__(
        self, begin: NDArray[np.intp], rollout: RollOut, *, size: int, steps: int,
        total: int, seed: int,
    ) -> None:  # fmt: skip
        if not begin.size:
            raise DataError(
                f"rollout.steps: {max(rollout.steps)} do not fit into the steps to "
                "learn from"
            )
        self.begin, self.rollout, self.total, self.drawn = begin, rollout, total, 0
        usable = np.ones((1, begin.size), dtype=bool)
        super().__init__(usable, size=size, steps=steps, seed=seed)

    @abstractmethod
    def window(self, begin: NDArray[np.intp], length: int) -> B:
        """Return windows of a length."""

    def cut(self, place: Positions, start: Positions) -> B:
        """Return the windows of a batch."""
        length = self.rollout.length(self.drawn, self.total)
        self.drawn += 1
        return self.window(self.begin[start], length)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the random numbers, and how much was drawn."""
        return {**super().state_dict(), "drawn": self.drawn}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that :meth:`state_dict` returned."""
        super().load_state_dict(state)
        self.drawn = int(state["drawn"])
