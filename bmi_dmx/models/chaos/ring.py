"""Neighbours on a ring."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["ahead", "behind"]


def ahead(x: Tensor, places: int = 1) -> Tensor:
    """Return at each place of (..., place) the value some places further on."""
    return torch.roll(x, -places, -1)


def behind(x: Tensor, places: int = 1) -> Tensor:
    """Return at each place of (..., place) the value some places before."""
    return torch.roll(x, places, -1)
