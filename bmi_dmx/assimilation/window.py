"""A model over some cycles with what was observed at their ends, for smoothers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..space.description import Array
from .observation import Observation

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Twin", "Window", "WindowAnalysis"]


@dataclass(frozen=True, kw_only=True)
class Twin:
    """The model of a window once more, on tensors, for derivatives.

    Parameters
    ----------
    propagate : function
        Of states (…, m, n), with further axes in front, and the number of a cycle: the
        states at the end of it.
    predict : function
        Of states at the end of a cycle and its number: what they predict, (…, m, p).
    forward : bool
        Whether derivatives forward are the cheap ones, as those of compiled dynamics
        are; those of operations of PyTorch are dear.
    """

    propagate: Callable[[Tensor, int], Tensor]
    predict: Callable[[Tensor, int], Tensor]
    forward: bool = False


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

    def trajectory(self, ensemble: Array) -> Iterator[Array]:
        """Yield an ensemble at the end of every cycle, given that at the start."""
        for cycle in range(len(self.observations)):
            ensemble = self.propagate(ensemble, cycle)
            yield ensemble


@dataclass(frozen=True, eq=False)
class WindowAnalysis:
    """What a window was analysed to.

    Parameters
    ----------
    states : tuple of ndarray
        (…, m, n) at the start of the window and at the end of every cycle.
    """

    states: tuple[Array, ...]

    @property
    def start(self) -> Array:
        """(…, m, n) at the start of the window."""
        return self.states[0]

    @property
    def end(self) -> Array:
        """(…, m, n) at the end of the window."""
        return self.states[-1]
