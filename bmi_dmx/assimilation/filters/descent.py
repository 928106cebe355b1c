"""Costs of many problems minimised side by side, each by steps of its own length."""

from __future__ import annotations

import torch
from torch import Tensor

from .cost import Cost

__all__ = ["gauss_newton", "lbfgs"]

_HALVINGS = 8
_REMEMBERED = 10
_SUFFICIENT = 1e-4
"""Share of the expected fall of the cost with which a step is accepted (Armijo)."""


@torch.no_grad()
def gauss_newton(cost: Cost, iterations: int, tolerance: float) -> Tensor:
    """Return the controls of least cost, (…, m, c), by Gauss–Newton.

    Parameters
    ----------
    cost : Cost
        Of every problem.
    iterations : int
        Most steps.
    tolerance : float
        Mean square of the gradient at which a problem has converged.
    """
    control = cost.start()
    value = cost(control)
    going = torch.ones_like(value, dtype=torch.bool)
    identity = torch.eye(control.shape[-1], dtype=control.dtype)
    for _ in range(iterations):
        residuals, jacobian = cost.linearised(control)
        gradient = control + (jacobian.mT @ residuals[..., None])[..., 0]
        going = going & (gradient.square().mean(-1) >= tolerance)
        if not going.any():
            break
        step = -torch.linalg.solve(identity + jacobian.mT @ jacobian, gradient)
        control, value, going = _stepped(cost, control, value, step, gradient, going)
    return control


@torch.no_grad()
def lbfgs(cost: Cost, iterations: int, tolerance: float) -> Tensor:
    """Return the controls of least cost, (…, m, c), by L-BFGS.

    Liu and Nocedal (1989), doi:10.1007/BF01589116, for every problem on its own.
    Parameters are those of :func:`gauss_newton`.
    """
    control = cost.start()
    value, gradient = cost(control), cost.gradient(control)
    going = torch.ones_like(value, dtype=torch.bool)
    memory: list[tuple[Tensor, Tensor, Tensor]] = []
    for _ in range(iterations):
        going = going & (gradient.square().mean(-1) >= tolerance)
        if not going.any():
            break
        step = _direction(gradient, memory)
        after, value, going = _stepped(cost, control, value, step, gradient, going)
        slope = cost.gradient(after)
        moved, bent = after - control, slope - gradient
        curvature = (moved * bent).sum(-1, keepdim=True)
        # Where a problem did not move, or curves the wrong way, nothing is learned.
        useful = curvature > 1e-10 * bent.square().sum(-1, keepdim=True)
        inverse = torch.where(useful, 1.0 / curvature, 0.0)
        memory = [*memory, (moved, bent, inverse)][-_REMEMBERED:]
        control, gradient = after, slope
    return control


def _direction(gradient: Tensor, memory: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """Return the direction of descent of every problem (two loops)."""
    if not memory:
        length = gradient.square().sum(-1, keepdim=True).sqrt()
        return torch.div(-gradient, length.clamp(min=1.0))
    step = -gradient
    shares = []
    for moved, bent, inverse in reversed(memory):
        share = inverse * (moved * step).sum(-1, keepdim=True)
        step = step - share * bent
        shares.append(share)
    moved, bent, inverse = memory[-1]
    scale = 1.0 / (inverse * bent.square().sum(-1, keepdim=True))
    step = torch.where(inverse > 0, scale, 1.0) * step
    for (moved, bent, inverse), share in zip(memory, reversed(shares), strict=True):
        back = inverse * (bent * step).sum(-1, keepdim=True)
        step = step + (share - back) * moved
    return step


def _stepped(
    cost: Cost,
    control: Tensor,
    value: Tensor,
    step: Tensor,
    gradient: Tensor,
    going: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return controls and costs after a step, and which problems have moved.

    A step is halved until it lowers the cost enough; a problem where it never does
    stays where it is.
    """
    expected = _SUFFICIENT * (gradient * step).sum(-1)
    pending, moved = going, torch.zeros_like(going)
    for halving in range(_HALVINGS):
        factor = 0.5**halving
        trial = control + factor * torch.where(pending[..., None], step, 0.0)
        trial_value = cost(trial)
        better = pending & (trial_value <= value + factor * expected)
        control = torch.where(better[..., None], trial, control)
        value = torch.where(better, trial_value, value)
        pending, moved = pending & ~better, moved | better
        if not pending.any():
            break
    return control, value, moved
