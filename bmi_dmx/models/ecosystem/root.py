"""The root of an equation, with its exact derivative."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["falling_root"]

_ITERATIONS = 12


def falling_root(
    function: Callable[[Tensor], Tensor], low: Tensor, high: Tensor
) -> Tensor:
    r"""Return where a function falls through 0.

    Newton's method from above, which for a convex function overshoots once and then
    comes closer from below; a step that leaves the interval known to hold the root
    halves it instead. The number of steps is fixed, so that every cell does the same.

    Nothing of the search is differentiated. One last step
    :math:`x - F(x, \theta) / F'(x)`, with :math:`x` and :math:`F'` constant, has the
    derivative of the implicit function theorem,
    :math:`-F_\theta / F_x`, whatever :math:`F` depends on.

    Parameters
    ----------
    function : callable
        Elementwise; positive at ``low``, at most 0 at ``high``.
    low, high : Tensor
        What the root lies between.

    Returns
    -------
    Tensor
        The root, differentiable once in all that ``function`` is made of.
    """
    with torch.no_grad():
        x = high
        for _ in range(_ITERATIONS):
            value, slope = _with_slope(function, x)
            low = torch.where(value > 0.0, x, low)
            high = torch.where(value > 0.0, high, x)
            newton = x - value / slope
            inside = (newton >= low) & (newton <= high)
            x = torch.where(inside, newton, 0.5 * (low + high))
        slope = _with_slope(function, x)[1]
    return x - function(x) / slope


def _with_slope(
    function: Callable[[Tensor], Tensor], x: Tensor
) -> tuple[Tensor, Tensor]:
    value, slope = torch.func.jvp(function, (x,), (torch.ones_like(x),))
    return value, slope
