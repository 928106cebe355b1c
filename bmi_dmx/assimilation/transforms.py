"""Scales on which states are updated, so that what comes back is within bounds.

A filter moves entries of a state along straight lines. On the scales here a line stays
where the state may be: logarithms for what cannot be negative, and the logit of a share
for what cannot exceed a capacity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

__all__ = ["Identity", "Log1p", "Share", "Transform"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_MARGIN = 1e-3
"""Share of the capacity by which the logit is drawn out at both ends: empty and full
stores are usual, and have to have a place on the scale."""


class Transform(Protocol):
    """A scale; arrays of any shape, the capacity broadcast against them."""

    def forward(self, values: Array, capacity: Array | None) -> Array:
        """Return values on the scale."""

    def backward(self, scaled: Array, capacity: Array | None) -> Array:
        """Return values from the scale, within bounds."""


@dataclass(frozen=True)
class Identity:
    """The values themselves, inside bounds.

    Parameters
    ----------
    low, high : float
        Bounds, which hold on the way back.
    """

    low: float = -np.inf
    high: float = np.inf

    def forward(self, values: Array, capacity: Array | None) -> Array:
        """Return the values."""
        return values

    def backward(self, scaled: Array, capacity: Array | None) -> Array:
        """Return the values, within the bounds."""
        return np.clip(scaled, self.low, self.high)


@dataclass(frozen=True)
class Log1p:
    """log(1 + x), for what is not negative; what would be is nothing.

    Parameters
    ----------
    high : float
        Largest value.
    """

    high: float = np.inf

    def forward(self, values: Array, capacity: Array | None) -> Array:
        """Return the logarithms."""
        return np.log1p(np.maximum(values, 0.0))

    def backward(self, scaled: Array, capacity: Array | None) -> Array:
        """Return what they are of."""
        top = np.log1p(self.high)
        return np.clip(np.expm1(np.minimum(scaled, top)), 0.0, self.high)


@dataclass(frozen=True)
class Share:
    """The logit of the share of a capacity, for what does not exceed it.

    Where there is no capacity there is nothing.
    """

    def forward(self, values: Array, capacity: Array | None) -> Array:
        """Return the logits of the shares."""
        assert capacity is not None
        whole = np.broadcast_to(capacity, values.shape)
        share = np.divide(values, whole, out=np.zeros_like(values), where=whole > 0.0)
        inside = (np.clip(share, 0.0, 1.0) + _MARGIN) / (1.0 + 2.0 * _MARGIN)
        return np.log(inside) - np.log1p(-inside)

    def backward(self, scaled: Array, capacity: Array | None) -> Array:
        """Return the shares of the capacity."""
        assert capacity is not None
        # Of large numbers the exponential is no number of this precision.
        inside = 0.5 * (1.0 + np.tanh(0.5 * scaled))
        share = inside * (1.0 + 2.0 * _MARGIN) - _MARGIN
        return np.clip(share, 0.0, 1.0) * np.maximum(capacity, 0.0)
