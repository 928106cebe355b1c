"""The root of an equation, with its exact derivative."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["ITERATIONS", "Function", "falling_root"]

ITERATIONS = 10
"""Steps of a search, unless it says otherwise."""

_MARGIN = 0.02


Function = Callable[[Tensor], tuple[Tensor, Tensor]]
"""From a number to the value of a function, and its slope."""


def falling_root(
    function: Function,
    low: Tensor,
    high: Tensor,
    *,
    start: Tensor | None = None,
    iterations: int = ITERATIONS,
) -> Tensor:
    r"""Return where a function falls through 0.

    Newton's method from the left. The tangents of a convex function cross 0 on the left
    of its root, whichever side they touch on, so that the search starts at the better
    one of those at both ends and comes closer with every step. Where the function is
    not convex, a step that leaves the interval known to hold the root halves it
    instead. The number of steps is fixed, so that every cell does the same.

    Nothing of the search is differentiated. One last step
    :math:`x - F(x, \theta) / F'(x)`, with :math:`x` and :math:`F'` constant, has the
    derivative of the implicit function theorem,
    :math:`-F_\theta / F_x`, whatever :math:`F` depends on.

    Parameters
    ----------
    function : callable
        Elementwise, value and slope; positive at ``low``, at most 0 at ``high``.
    low, high : Tensor
        What the root lies between.
    start : Tensor, optional
        Between them, where the search begins; else as said above.
    iterations : int
        Number of steps of the search.

    Returns
    -------
    Tensor
        The root, differentiable once in all that ``function`` is made of.
    """
    with torch.no_grad():
        if start is None:
            x = torch.maximum(_crossing(function, low), _crossing(function, high))
            x = torch.minimum(x, high)
        else:
            x = start
        for _ in range(iterations):
            value, slope = function(x)
            left = value > 0.0
            low, high = torch.where(left, x, low), torch.where(left, high, x)
            # Back to where the last step came from, it would go to and fro for ever.
            least = torch.where(left, low, low + _MARGIN * (high - low))
            newton = x - value / slope
            inside = (newton >= least) & (newton <= high)
            x = torch.where(inside, newton, 0.5 * (low + high))
    value, slope = function(x)
    return x - value / slope.detach()


def _crossing(function: Function, x: Tensor) -> Tensor:
    """Return where the tangent of a function crosses 0."""
    value, slope = function(x)
    return x - value / slope
