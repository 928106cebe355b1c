"""Bring the inputs of networks to zero mean and unit variance."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .statistics import TRANSFORMS, Statistics

__all__ = ["Normalizer"]


class Normalizer(nn.Module):
    """Transform and standardise the last axis, one entry per variable.

    Parameters
    ----------
    statistics : Statistics
        Moments by name.
    names : sequence of str
        Variables in the order of the last axis.

    Raises
    ------
    ConfigError
        When a variable has no statistics.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, statistics: Statistics, names: Sequence[str]) -> None:
        super().__init__()
        moments = [statistics[name] for name in names]
        self.names = tuple(names)
        self.transforms = tuple(m.transform for m in moments)
        self.register_buffer("mean", torch.tensor([m.mean for m in moments]))
        self.register_buffer("std", torch.tensor([m.std for m in moments]))

    def forward(self, x: Tensor) -> Tensor:
        """Return normalised values, same shape as ``x`` (…, variable)."""
        if any(transform != "none" for transform in self.transforms):
            columns = zip(self.transforms, x.unbind(-1), strict=True)
            applied = [TRANSFORMS[t][0](torch, column) for t, column in columns]
            x = torch.stack(applied, -1)
        return (x - self.mean) / self.std
