"""What the steps of the last 24 hours brought, remembered as state."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...variables import State

__all__ = ["BEGUN", "past", "recalled"]

BEGUN = State(
    name="any_recent", symbol="n", internal=True,
    about="0 before the first step, then 1",
)  # fmt: skip
"""Whether there is a past to remember."""


def past(name: str, symbol: str, units: str, about: str, length: int) -> State:
    """Return the state that holds a quantity at the steps before the present one.

    Parameters
    ----------
    name, symbol, units, about : str
        Of the quantity; ``about`` goes on with the steps that are meant.
    length : int
        Number of steps in a day, the present one included.

    Raises
    ------
    ValueError
        When a day has fewer than three steps.
    """
    if length < 3:
        raise ValueError(f"length: found {length}, expected at least 3 steps in a day")
    return State(
        name=name, symbol=symbol, units=units, size=length - 1,
        about=f"{about} of the steps before, the oldest first",
    )  # fmt: skip


def recalled(before: Sequence[Tensor], begun: Tensor, now: Tensor) -> list[Tensor]:
    """Return a quantity at the steps before; ahead of the first step it was as now.

    Parameters
    ----------
    before : sequence of Tensor
        Value of the state of :func:`past`.
    begun : Tensor
        Value of :data:`BEGUN`.
    now : Tensor
        The quantity at the present step.
    """
    has_begun = begun > 0.5
    return [torch.where(has_begun, value, now) for value in before]
