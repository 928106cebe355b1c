"""Channels with flood plains, whose depth follows from what leaves them."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from .storage import ReachFlow, Storage, cunge

__all__ = ["Channel", "Uniform", "passed"]

_ITERATIONS = 12
_DEPTHS = (math.log(1e-8), math.log(1e3))  # m
_APART = 1e-4  # of logarithms, to see a slope
_FLATTEST = 0.5  # slope of log flow over log depth; at least 1 but at jumps
_SLOWEST = 1e-6  # m s-1
_DRY = 1e-12  # m
_NO_PLAIN = 1e5
_WEIGHTS = (0.25, 0.5)


class Channel(NamedTuple):
    """A trapezoid in a rectangular flood plain.

    Parameters
    ----------
    manning, plain_manning : Tensor
        Roughness of both, s m-1/3.
    bottom, top, plain : Tensor
        Widths of the bottom, at the banks, and of the flood plain, m.
    side_slope : Tensor
        Of the banks, horizontal per vertical.
    slope : Tensor
        Of the bed.
    length : Tensor
        m.
    """

    manning: Tensor
    plain_manning: Tensor
    bottom: Tensor
    top: Tensor
    plain: Tensor
    side_slope: Tensor
    slope: Tensor
    length: Tensor

    @property
    def bankfull(self) -> Tensor:
        """Depth at which water leaves the banks, m; banks that do not part hold all."""
        deep = (self.top - self.bottom) / (2.0 * self.side_slope)
        return torch.where(self.top > self.bottom, deep, _NO_PLAIN * self.bottom)

    def uniform(self, depth: Tensor) -> Uniform:
        """Return uniform flow by Manning's equation.

        Banks and plain share one hydraulic radius, and a roughness weighted by their
        wetted perimeters, so that the flow falls where water first leaves the banks.

        Parameters
        ----------
        depth : Tensor
            m, above 0.
        """
        full = self.bankfull
        over = depth > full
        inside = torch.minimum(depth, full)
        above = torch.clamp(depth - full, min=_DRY)
        side = torch.sqrt(1.0 + self.side_slope * self.side_slope)
        nothing = torch.zeros_like(depth)
        area = (self.bottom + self.side_slope * inside) * inside
        plain_area = torch.where(over, self.plain * above, nothing)
        wet = self.bottom + 2.0 * inside * side
        plain_wet = torch.where(over, self.plain + 2.0 * above, nothing)
        radius = (area + plain_area) / (wet + plain_wet)
        manning = (wet * self.manning + plain_wet * self.plain_manning) / (
            wet + plain_wet
        )
        root = torch.sqrt(self.slope)
        two_thirds = _two_thirds(radius)
        widening = 2.0 * side / (self.bottom + 2.0 * self.side_slope * inside)
        in_banks = (root / self.manning) * two_thirds * (
            5.0 / 3.0 - (2.0 / 3.0) * radius * widening
        )  # fmt: skip
        on_plain = (root / self.plain_manning) * (5.0 / 3.0) * _two_thirds(above)
        celerity = (in_banks * area + on_plain * plain_area) / (area + plain_area)
        velocity = two_thirds * root / manning
        surface = self.bottom + 2.0 * self.side_slope * depth
        return Uniform(
            depth=depth,
            width=torch.where(over, self.plain, surface),
            velocity=velocity,
            discharge=velocity * (area + plain_area),
            celerity=torch.clamp(celerity, min=_SLOWEST),
        )

    def storage(self, uniform: Uniform, dt: float) -> Storage:
        """Return the storage of a flow: waves do not pass a reach within a step.

        Parameters
        ----------
        uniform : Uniform
            The flow.
        dt : float
            Length of a step, s.
        """
        travel = torch.clamp(self.length / uniform.celerity, min=dt)
        # Half of what diffuses in channels without a plain, as the model has it.
        half = 0.5 * uniform.discharge
        x = cunge(half, uniform.width, self.slope, uniform.celerity, self.length)
        return Storage.of(travel, torch.clamp(x, *_WEIGHTS))


class Uniform(NamedTuple):
    """Uniform flow: depth and width in m, velocities in m s-1, discharge in m3 s-1."""

    depth: Tensor
    width: Tensor
    velocity: Tensor
    discharge: Tensor
    celerity: Tensor


def _two_thirds(x: Tensor) -> Tensor:
    return torch.exp(torch.log(x) * (2.0 / 3.0))


def passed(
    channel: Channel, water: ReachFlow, dt: float, least: float
) -> tuple[Storage, Uniform]:
    r"""Return the storage and depth at which what leaves is uniform flow.

    The logarithm of the depth is found by regula falsi with halving (Illinois), for
    the logarithm of uniform flow is nearly a straight line of it. The number of steps
    is fixed and none of them is differentiated; two more by a slope that is told by
    differences have the derivative of the implicit function theorem to the square of
    the error of that slope. Where the flow near the banks has two depths, one is taken.

    Parameters
    ----------
    channel : Channel
        The reach.
    water : ReachFlow
        What passes.
    dt : float
        Length of a step, s.
    least : float
        The least discharge, m3 s-1.
    """

    def excess(log_depth: Tensor) -> Tensor:
        uniform = channel.uniform(torch.exp(log_depth))
        storage = channel.storage(uniform, dt)
        leaving = storage.outflow(water, storage.at(water), dt)
        return torch.log(uniform.discharge / torch.clamp(leaving, min=least))

    with torch.no_grad():
        low, high = _DEPTHS
        like = water.lateral + channel.bottom
        other, at = torch.full_like(like, low), torch.full_like(like, high)
        away, here = excess(other), excess(at)
        for _ in range(_ITERATIONS):
            new = at - here * (at - other) / (here - away)
            new_excess = excess(new)
            crossed = new_excess * here < 0.0
            other = torch.where(crossed, at, other)
            away = torch.where(crossed, here, 0.5 * away)
            at, here = new, new_excess
        slope = (excess(at + _APART) - excess(at - _APART)) / (2.0 * _APART)
        slope = torch.clamp(slope, min=_FLATTEST)
    for _ in range(2):
        at = at - excess(at) / slope
    uniform = channel.uniform(torch.exp(at))
    return channel.storage(uniform, dt), uniform
