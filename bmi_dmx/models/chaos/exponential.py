r"""Equations on a ring whose linear terms are solved exactly: ETD-RK4.

.. math:: u_t = \mathcal{L} u + \partial_x\, g(u)

Cox and Matthews (2002), doi:10.1006/jcph.2002.6995, with the coefficients of Kassam
and Trefethen (2005), doi:10.1137/S1064827502410633: means over circles in the complex
plane, for the formulas lose their digits near zero.

Linear terms are multiplications of waves. They are done here as products with matrices
over places, which do not change and are made once where a program is compiled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Waves", "advanced"]

_POINTS = 16
"""Points on the upper half of a circle; the lower half is its mirror image."""


class Waves:
    """The waves that fit on a ring.

    Parameters
    ----------
    size : int
        Number of places.
    length : float
        Around the ring.
    device : torch.device
        Where tensors are.

    Attributes
    ----------
    number : Tensor
        Radians per unit of length, (wave,), float64.
    """

    def __init__(self, size: int, length: float, device: torch.device) -> None:
        self.size = size
        count = size // 2 + 1
        wave = torch.arange(count, dtype=torch.float64, device=device)
        place = torch.arange(size, dtype=torch.float64, device=device)
        self.number = wave * (2.0 * math.pi / length)
        turns = place.unsqueeze(-1) * wave / size
        # Whole turns are taken away: of large angles the sine has few digits.
        angle = (turns - torch.trunc(turns)) * (2.0 * math.pi)
        self._cosine, self._sine = torch.cos(angle), torch.sin(angle)
        # All waves but the first, and the shortest of an even number of places, stand
        # for a pair.
        single = wave < 0.5
        if size % 2 == 0:
            single = single | (wave > count - 1.5)
        self._weight = torch.where(single, 1.0, 2.0) / size

    def multiplied(self, factor: Tensor) -> Tensor:
        """Return what multiplies the waves of ``u @ matrix``; factors are (wave,)."""
        weighted = self._weight * factor
        return (self._cosine * weighted) @ self._cosine.T + (
            self._sine * weighted
        ) @ self._sine.T

    def differentiated(self, factor: Tensor) -> Tensor:
        """Return the same of the derivative; of the shortest wave it is zero."""
        weighted = self._weight * factor * self.number
        return (self._cosine * weighted) @ self._sine.T * -1.0 + (
            self._sine * weighted
        ) @ self._cosine.T


def advanced(
    u: Tensor,
    growth: Tensor,
    carried: Callable[[Tensor], Tensor],
    waves: Waves,
    dt: float,
) -> Tensor:
    r"""Return a field one step later.

    Parameters
    ----------
    u : Tensor
        (..., place).
    growth : Tensor
        Rates at which the waves grow by the linear terms, (wave,).
    carried : callable
        g, of which the derivative is taken.
    waves : Waves
        The ring.
    dt : float
        Length of the step.
    """
    c = _coefficients(growth * dt)
    whole, half = (
        waves.multiplied(factor).to(u.dtype)
        for factor in (torch.exp(growth * dt), torch.exp(growth * (dt / 2.0)))
    )
    middle, first, second, last = (
        waves.differentiated(factor * dt).to(u.dtype) for factor in c
    )
    start = u.reshape(-1, waves.size)
    here, linear = carried(start), start @ half
    a = linear + here @ middle
    at_a = carried(a)
    b = linear + at_a @ middle
    at_b = carried(b)
    after = carried(a @ half + (2.0 * at_b - here) @ middle)
    end = start @ whole + here @ first + (at_a + at_b) @ (2.0 * second) + after @ last
    return end.reshape(u.shape)


class _Coefficients(NamedTuple):
    """What multiplies the nonlinear terms, (wave,), in lengths of a step."""

    middle: Tensor
    first: Tensor
    second: Tensor
    last: Tensor


class _Complex(NamedTuple):
    """Complex numbers by their parts, which is all that programs know."""

    real: Tensor
    imaginary: Tensor

    def __mul__(self, other: object) -> _Complex:
        assert isinstance(other, _Complex)
        return _Complex(
            self.real * other.real - self.imaginary * other.imaginary,
            self.real * other.imaginary + self.imaginary * other.real,
        )

    def inverse(self) -> _Complex:
        """Return 1 / z."""
        size = self.real * self.real + self.imaginary * self.imaginary
        return _Complex(self.real / size, -self.imaginary / size)

    def exponential(self, share: float = 1.0) -> _Complex:
        """Return the exponential of a share of z."""
        size, angle = torch.exp(self.real * share), self.imaginary * share
        return _Complex(size * torch.cos(angle), size * torch.sin(angle))

    def polynomial(self, *c: float) -> _Complex:
        """Return c0 + c1 z + c2 z²."""
        zero = _Complex(self.real * 0.0, self.imaginary * 0.0)
        polynomial = zero
        for number in reversed(c):
            polynomial = polynomial * self
            polynomial = _Complex(polynomial.real + number, polynomial.imaginary)
        return polynomial

    def plus(self, other: _Complex) -> _Complex:
        """Return the sum."""
        return _Complex(self.real + other.real, self.imaginary + other.imaginary)


def _coefficients(rate: Tensor) -> _Coefficients:
    """Return the coefficients for rates of growth per step, (wave,)."""
    turn = torch.arange(_POINTS, dtype=rate.dtype, device=rate.device)
    angle = (turn + 0.5) * (math.pi / _POINTS)
    z = _Complex(
        rate.unsqueeze(-1) + torch.cos(angle),
        torch.sin(angle) + 0.0 * rate.unsqueeze(-1),
    )
    whole, half, inverse = z.exponential(), z.exponential(0.5), z.inverse()
    cube = inverse * inverse * inverse

    def mean(x: _Complex) -> Tensor:
        return x.real.mean(-1)

    return _Coefficients(
        middle=mean(half.plus(z.polynomial(-1.0)) * inverse),
        first=mean(z.polynomial(-4, -1).plus(whole * z.polynomial(4, -3, 1)) * cube),
        second=mean(z.polynomial(2, 1).plus(whole * z.polynomial(-2, 1)) * cube),
        last=mean(z.polynomial(-4, -3, -1).plus(whole * z.polynomial(4, -1)) * cube),
    )
