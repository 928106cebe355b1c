"""A model over some cycles with what was observed at their ends, for smoothers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..space.description import Array
from .observation import Observation

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Analysed", "Twin", "Window"]


@dataclass(frozen=True, kw_only=True)
class Twin:
    """The model of a window once more, on tensors, for derivatives.

    Parameters
    ----------
    propagate : function
        Of states (…, n) and the number of a cycle: the states at the end of it.
    predict : function
        Of states (…, n) at the end of a cycle and its number: (…, p) of them.
    """

    propagate: Callable[[Tensor, int], Tensor]
    predict: Callable[[Tensor, int], Tensor]


@dataclass(frozen=True, kw_only=True)
class Window:
    """A model over some cycles, and what was observed at the end of each.

    Parameters
    ----------
    propagate : function
        Of an ensemble (…, m, n) and the number of a cycle, counted from 0 at the start
        of the window: the ensemble at the end of that cycle.
    predict : function
        Of an ensemble at the end of a cycle and its number: what it predicts,
        (…, m, p).
    observations : tuple of Observation
        One for each cycle; of a cycle without any, all values are NaN.
    twin : Twin, optional
        The same model on tensors, where a filter needs derivatives.
    """

    propagate: Callable[[Array, int], Array]
    predict: Callable[[Array, int], Array]
    observations: tuple[Observation, ...]
    twin: Twin | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Analysed:
    """What a window was analysed to.

    Parameters
    ----------
    start : ndarray
        (…, m, n) at the start of the window.
    end : ndarray
        (…, m, n) at its end.
    """

    start: Array
    end: Array
