"""Uniform flow in channels: depth, width, velocity, and how fast waves travel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import ConfigError

__all__ = ["Floors", "Hydraulics", "Width", "depth", "power_law", "trapezoid"]

_SHAPE = 1e-6  # keeps a rectangle apart from what has no width at all
_CONVEYANCE = 1e-8
_SIDE_SLOPES = (0.5, 50.0)
_FASTEST = 15.0  # m s-1


@dataclass(frozen=True)
class Floors:
    """The least that quantities are taken for.

    Parameters
    ----------
    discharge : float
        m3 s-1; of what flows in a reach, and of its lateral inflow.
    depth : float
        m.
    bottom_width : float
        m.
    velocity : float
        m s-1.
    slope : float
        Of the bed. What is learned of a flatter channel is its roughness over the root
        of this slope, not the roughness.
    """

    discharge: float = 1e-4
    depth: float = 0.01
    bottom_width: float = 0.01
    velocity: float = 0.01
    slope: float = 1e-3

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0.0:
                raise ConfigError(f"{name}: found {value:g}, expected more than 0")


class Width(NamedTuple):
    """Width of the water surface and what belongs to it, at a flow.

    Parameters
    ----------
    top : Tensor
        m.
    depth : Tensor
        m.
    side_slope : Tensor
        Horizontal per vertical.
    """

    top: Tensor
    depth: Tensor
    side_slope: Tensor


class Hydraulics(NamedTuple):
    """Uniform flow in a trapezoid.

    Parameters
    ----------
    depth, width : Tensor
        m; width of the water surface.
    velocity : Tensor
        m s-1.
    exponent : Tensor
        Celerity of a kinematic wave over the velocity.
    """

    depth: Tensor
    width: Tensor
    velocity: Tensor
    exponent: Tensor


def power_law(
    flow: Tensor,
    manning: Tensor,
    exponent: Tensor,
    coefficient: Tensor,
    root: Tensor,
    floors: Floors,
) -> Width:
    r"""Return the width :math:`T = p d^q` and depth of uniform flow.

    Manning's equation with the depth for the hydraulic radius and the area below the
    width law, :math:`A = p d^{q+1} / (q + 1)`, gives

    .. math::

        d = \left(\frac{Q n (q + 1)}{p \sqrt S}\right)^{3 / (5 + 3 q)}

    Parameters
    ----------
    flow : Tensor
        Q, m3 s-1, above 0.
    manning : Tensor
        n, s m-1/3.
    exponent, coefficient : Tensor
        q, from 0 of a rectangle to 1 of a triangle, and p.
    root : Tensor
        Root of the slope.
    floors : Floors
        The least depth.
    """
    q = exponent + _SHAPE
    log_depth = _log_depth(flow, manning, q, coefficient, root, floors)
    depth = torch.exp(log_depth)
    top = torch.exp(torch.log(coefficient) + q * log_depth)
    low, high = _SIDE_SLOPES
    side_slope = torch.clamp(top * q / (2.0 * depth), low, high)
    return Width(top, depth, side_slope)


def depth(
    flow: Tensor,
    manning: Tensor,
    exponent: Tensor,
    coefficient: Tensor,
    root: Tensor,
    floors: Floors,
) -> Tensor:
    """Return the depth alone, as of :func:`power_law`, for widths that are known."""
    return torch.exp(_log_depth(flow, manning, exponent, coefficient, root, floors))


def _log_depth(
    flow: Tensor,
    manning: Tensor,
    q: Tensor,
    coefficient: Tensor,
    root: Tensor,
    floors: Floors,
) -> Tensor:
    # What depends on the channel alone stands apart from the flow.
    channel = torch.log(manning * (q + 1.0) / (coefficient * root + _CONVEYANCE))
    power = 3.0 / (5.0 + 3.0 * q)
    log_depth = power * (torch.log(flow) + channel)
    return torch.clamp(log_depth, min=math.log(floors.depth))


def trapezoid(
    width: Width, manning: Tensor, root: Tensor, floors: Floors
) -> Hydraulics:
    r"""Return uniform flow by Manning's equation in a trapezoid.

    The kinematic wave is faster than the water by

    .. math::

        \beta = \frac{1}{v} \frac{dQ}{dA}
              = \frac53 - \frac43 \frac{A \sqrt{1 + z^2}}{T P}

    with the area A, the wetted perimeter P and the side slope z.

    Parameters
    ----------
    width : Width
        Of the water surface.
    manning : Tensor
        n, s m-1/3.
    root : Tensor
        Root of the slope.
    floors : Floors
        The least bottom width and velocity.
    """
    top, depth, z = width
    bottom = torch.clamp(top - 2.0 * z * depth, min=floors.bottom_width)
    side = torch.sqrt(1.0 + z * z)
    area = (top + bottom) * depth * 0.5
    perimeter = bottom + 2.0 * depth * side
    two_thirds = torch.exp(torch.log(area / perimeter) * (2.0 / 3.0))
    velocity = torch.clamp(two_thirds * (root / manning), floors.velocity, _FASTEST)
    exponent = 5.0 / 3.0 - (4.0 / 3.0) * area * side / (top * perimeter)
    return Hydraulics(depth, top, velocity, exponent)
