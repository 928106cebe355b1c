"""The optimiser Muon, which turns matrices by what is orthogonal in their momentum."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

__all__ = ["Muon", "orthogonalised"]

_QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients by which a few iterations bring singular values to about one."""

_LIKE_ADAM = 0.2
"""Root mean square of a step, in learning rates; about that of Adam."""

_TINY = 1e-8


class Muon(Optimizer):
    """Momentum of matrices, orthogonalised; everything else is moved as by AdamW.

    Jordan et al. (2024), https://kellerjordan.github.io/posts/muon, with steps as long
    as those of Adam, so that one learning rate serves all weights (Liu et al. 2025,
    doi:10.48550/arXiv.2502.16982). All directions of a matrix move alike, also those in
    which gradients are small.

    Parameters
    ----------
    params : iterable of Tensor or of dict
        Weights, or groups of them.
    lr : float
        Learning rate.
    betas : tuple of float
        What is kept at every step of the momentum, and of the mean squares that AdamW
        divides by.
    weight_decay : float
        Pull of the weights towards zero, in learning rates.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 4e-3,
        betas: tuple[float, float] = (0.95, 0.999),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "betas": betas, "weight_decay": weight_decay}
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move the weights once.

        Parameters
        ----------
        closure : callable, optional
            Finds the gradients, and returns the loss.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, weight.grad, group)
        return loss

    def _move(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["step"] = torch.zeros(())
            state["momentum"] = torch.zeros_like(weight)
            if weight.dim() != 2:
                state["square"] = torch.zeros_like(weight)
        state["step"] += 1
        rate, (keep, keep_square) = group["lr"], group["betas"]
        momentum = state["momentum"].lerp_(gradient, 1.0 - keep)
        if weight.dim() == 2:
            ahead = gradient.lerp(momentum, keep)
            size = _LIKE_ADAM * max(weight.shape) ** 0.5
            move = size * orthogonalised(ahead)
        else:
            count = float(state["step"])
            square = state["square"].lerp_(gradient * gradient, 1.0 - keep_square)
            root = (square / (1.0 - keep_square**count)).sqrt_() + _TINY
            move = momentum / (1.0 - keep**count) / root
        weight.mul_(1.0 - rate * group["weight_decay"])
        weight.sub_(rate * move)


def orthogonalised(matrix: Tensor, steps: int = 5) -> Tensor:
    """Return a matrix with the singular vectors of another, and values of about one.

    By the iteration of Newton and Schulz with coefficients for few steps; values come
    to lie between 0.7 and 1.2.

    Parameters
    ----------
    matrix : Tensor
        (a, b).
    steps : int
        Iterations.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    iterate: Tensor = matrix.T if tall else matrix
    iterate = iterate / (torch.linalg.matrix_norm(iterate) + _TINY)
    first, third, fifth = _QUINTIC
    for _ in range(steps):
        square = iterate @ iterate.T
        iterate = first * iterate + (third * square + fifth * square @ square) @ iterate
    return iterate.T if tall else iterate
