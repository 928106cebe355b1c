"""Learned numbers that follow from nothing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .base import Memory, Network

__all__ = ["Constant"]


class Constant(Network):
    """The same answer whatever is asked: one learned number for each output.

    With it, constants of physics are learned inside their bounds as parameters that
    depend on the place are.

    Parameters
    ----------
    inputs, outputs : int
        Numbers for each place; the inputs do not matter, and there may be none.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.output = _Bias(outputs)

    def step(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the learned numbers, (…, output), for inputs (…, input)."""
        bias = self.output.bias
        return bias.expand(*x.shape[:-1], len(bias)), {}


class _Bias(nn.Module):
    """A last layer that has nothing but a bias."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(outputs))
