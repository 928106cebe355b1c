"""The root of an equation, with its exact derivative."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

__all__ = ["falling_root"]

_ITERATIONS = 12
_MARGIN = 0.02


def falling_root(
    function: Callable[[Tensor], Tensor], low: Tensor, high: Tensor
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
        Elementwise; positive at ``low``, at most 0 at ``high``.
    low, high : Tensor
        What the root lies between.

    Returns
    -------
    Tensor
        The root, differentiable once in all that ``function`` is made of.
    """
    _load_forward_derivatives()
    with torch.no_grad():
        x = torch.maximum(_tangent(function, low)[1], _tangent(function, high)[1])
        x = torch.minimum(x, high)
        for _ in range(_ITERATIONS):
            value, newton, slope = _tangent(function, x)
            left = value > 0.0
            low, high = torch.where(left, x, low), torch.where(left, high, x)
            # Back to where the last step came from, it would go to and fro for ever.
            least = torch.where(left, low, low + _MARGIN * (high - low))
            inside = (newton >= least) & (newton <= high)
            x = torch.where(inside, newton, 0.5 * (low + high))
    return x - function(x) / slope


def _tangent(
    function: Callable[[Tensor], Tensor], x: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the function, where its tangent crosses 0, and its slope."""
    value, slope = torch.func.jvp(  # type: ignore[misc]
        function, (x,), (torch.ones_like(x),)
    )
    return value, x - value / slope, slope


@cache
def _load_forward_derivatives() -> None:
    """Use forward derivatives once: what PyTorch loads then warns of its own past."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.func.jvp(torch.neg, (torch.zeros(()),), (torch.zeros(()),))
