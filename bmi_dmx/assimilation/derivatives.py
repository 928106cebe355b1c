"""Derivatives of compiled dynamics; what of them needs PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function

__all__ = ["stepped"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_SMALL = 1e-5
"""Largest difference of an entry: what is left out of the series is then as small as
what is rounded, for states of about one to a hundred."""


class _CompiledSteps(Function):
    """Compiled steps, with what PyTorch asks of them for derivatives."""

    @staticmethod
    def forward(
        ensemble: Tensor,
        compiled: Callable[[Array, int], Array],
        pulled: Callable[[Array, Array], Array],
        steps: int,
    ) -> Tensor:
        return torch.from_numpy(compiled(ensemble.detach().numpy(), steps))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ensemble, ctx.compiled, ctx.pulled, ctx.steps = inputs
        ctx.save_for_backward(ensemble)
        ctx.save_for_forward(ensemble)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        (ensemble,) = ctx.saved_tensors
        x, way = ensemble.detach().numpy(), tangent.detach().numpy()
        largest = np.abs(way).max(-1, keepdims=True)
        small = _SMALL / np.where(largest > 0.0, largest, 1.0)
        both = np.stack([x + small * way, x - small * way])
        ahead, back = ctx.compiled(both, ctx.steps)
        return torch.from_numpy((ahead - back) / (2.0 * small))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (ensemble,) = ctx.saved_tensors
        states = [ensemble.detach().numpy()]
        for _ in range(ctx.steps - 1):
            states.append(ctx.compiled(states[-1], 1))
        adjoint = gradient.detach().numpy()
        for state in reversed(states):
            adjoint = ctx.pulled(state, adjoint)
        return torch.from_numpy(adjoint), None, None, None


def stepped(
    compiled: Callable[[Array, int], Array],
    pulled: Callable[[Array, Array], Array],
    ensemble: Tensor,
    steps: int,
) -> Tensor:
    """Return an ensemble some steps later, differentiable in both directions.

    Parameters
    ----------
    compiled : callable
        Steps arrays, (..., entry).
    pulled : callable
        Gradient at a state, given the state and the gradient one step later.
    ensemble : Tensor
        (..., entry), float64.
    steps : int
        How many.
    """
    forecast: Tensor = _CompiledSteps.apply(ensemble, compiled, pulled, steps)  # type: ignore[no-untyped-call]
    return forecast
