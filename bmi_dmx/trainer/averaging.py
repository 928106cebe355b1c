"""The running mean of weights in training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..errors import StateError

__all__ = ["AVERAGE", "Average"]

AVERAGE = "average"
"""Where the mean stands among what a training keeps."""


class Average:
    """An exponential mean of the weights of a module, which follows them.

    Parameters
    ----------
    module : Module
        Whose weights are averaged.
    decay : float
        Share of the mean that is kept when it follows.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module, self.decay = module, decay
        self._mean: dict[str, Tensor] = {}

    def _learned(self) -> dict[str, nn.Parameter]:
        return {n: w for n, w in self.module.named_parameters() if w.requires_grad}

    def follow(self) -> None:
        """Take in the present weights; the first ones are the mean."""
        with torch.no_grad():
            for name, weight in self._learned().items():
                if name in self._mean:
                    self._mean[name].lerp_(weight, 1.0 - self.decay)
                else:
                    self._mean[name] = weight.detach().clone()

    @contextmanager
    def instead(self) -> Iterator[None]:
        """Put the mean in the place of the weights as long as the context lasts."""
        learned = self._learned() if self._mean else {}
        before = {name: weight.detach().clone() for name, weight in learned.items()}
        with torch.no_grad():
            for name, weight in learned.items():
                weight.copy_(self._mean[name])
        try:
            yield
        finally:
            with torch.no_grad():
                for name, weight in learned.items():
                    weight.copy_(before[name])

    def weights(self) -> dict[str, Tensor]:
        """Return the mean by name."""
        return {name: mean.clone() for name, mean in self._mean.items()}

    def resume(self, weights: Mapping[str, Tensor]) -> None:
        """Go on from a mean that :meth:`weights` returned.

        Raises
        ------
        StateError
            It is not one of these weights.
        """
        learned = self._learned()
        if set(weights) != set(learned):
            raise StateError("the checkpoint has no mean of these weights")
        self._mean = {
            name: weights[name].to(weight).clone() for name, weight in learned.items()
        }
