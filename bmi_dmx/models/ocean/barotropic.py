"""The flow of whole columns and the surface, in sub-steps of their own.

Forward-backward steps with the Coriolis force inside: with it held fixed through the
sub-steps a model of several layers grows without bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor

from .constants import GRAVITY
from .operators import divergence, east, north, south, west

__all__ = ["Columns", "circulate", "turned_x", "turned_y"]


@dataclass(frozen=True)
class Columns:
    """What columns carry.

    Parameters
    ----------
    x, y : Tensor
        (..., row, column) m3 s-1 through the faces of whole columns.
    elevation : Tensor
        (..., row, column) m.
    """

    x: Tensor
    y: Tensor
    elevation: Tensor


def turned_x(spin: Tensor, y: Tensor) -> Tensor:
    """Return what the turning of the earth does to x, of transports in y.

    Parameters
    ----------
    spin : Tensor
        A quarter of vorticity by thickness, at corners.
    y : Tensor
        Transports through faces in y.
    """
    at_corners = spin * (y + east(y))
    return at_corners + south(at_corners)


def turned_y(spin: Tensor, x: Tensor) -> Tensor:
    """Return what the turning of the earth takes from y, of transports in x."""
    at_corners = spin * (x + north(x))
    return at_corners + west(at_corners)


def circulate(
    start: Columns,
    drive_x: Tensor,
    drive_y: Tensor,
    water: Tensor | None,
    p: SimpleNamespace,
    *,
    seconds: float,
    rounds: int,
    damping: float,
) -> tuple[Columns, Tensor, Tensor]:
    """Return columns after some time, and their mean transports over it.

    Parameters
    ----------
    start : Columns
        Where it starts.
    drive_x, drive_y : Tensor
        What transports change by in a second, but for what is computed here.
    water : Tensor or None
        Fresh water that is added, m s-1.
    p : namespace of Tensor
        Prepared parameters.
    seconds : float
        How long.
    rounds : int
        Number of sub-steps.
    damping : float
        Share of the last change of the surface that its slope is taken ahead by.
    """
    dt = seconds / rounds
    spin = 0.25 * p.rotation * p.per_depth_corner
    pull_x, pull_y = p.pull_x * dt, p.pull_y * dt
    drive_x, drive_y = drive_x * dt, drive_y * dt
    fall = p.per_area * (GRAVITY * dt)
    rain = None if water is None else (water * p.surface) * (GRAVITY * dt)
    x, y = start.x, start.y
    # Height times gravity saves a product at every slope.
    height = slope = start.elevation * GRAVITY
    sum_x = sum_y = None
    for k in range(rounds):
        if k % 2 == 0:
            x = _pulled_x(x, y, slope, spin, pull_x, drive_x)
            y = _pulled_y(y, x, slope, spin, pull_y, drive_y)
        else:
            y = _pulled_y(y, x, slope, spin, pull_y, drive_y)
            x = _pulled_x(x, y, slope, spin, pull_x, drive_x)
        change = -fall * divergence(x, y)
        if rain is not None:
            change = change + rain
        height = height + change
        slope = torch.add(height, change, alpha=damping)
        sum_x = x if sum_x is None else sum_x + x
        sum_y = y if sum_y is None else sum_y + y
    assert sum_x is not None
    assert sum_y is not None
    mean_x, mean_y = sum_x / rounds, sum_y / rounds
    # By what went through the faces in all, so that no rounding is left in between.
    change = -p.per_area * divergence(mean_x, mean_y)
    if water is not None:
        change = change + water * p.surface
    elevation = start.elevation + seconds * change
    return Columns(x, y, elevation), mean_x, mean_y


def _pulled_x(
    x: Tensor, y: Tensor, slope: Tensor, spin: Tensor, pull: Tensor, drive: Tensor
) -> Tensor:
    force = turned_x(spin, y) - (east(slope) - slope)
    return torch.addcmul(x + drive, pull, force)


def _pulled_y(
    y: Tensor, x: Tensor, slope: Tensor, spin: Tensor, pull: Tensor, drive: Tensor
) -> Tensor:
    force = turned_y(spin, x) + (north(slope) - slope)
    return torch.addcmul(y + drive, pull, force, value=-1.0)
