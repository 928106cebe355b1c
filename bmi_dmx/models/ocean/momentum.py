"""What changes currents but the slope of the surface."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from .constants import DENSITY, GRAVITY
from .density import DensityLaw
from .operators import (
    above,
    between_columns,
    between_rows,
    east,
    north,
    south,
    west,
)
from .transport import Transports

__all__ = ["flow_tendencies", "stress_tendencies"]


def flow_tendencies(
    u: Tensor,
    v: Tensor,
    temperature: Tensor,
    salinity: Tensor,
    stretch: Tensor,
    flow: Transports,
    p: SimpleNamespace,
    law: DensityLaw,
) -> tuple[Tensor, Tensor]:
    """Return what inertia, the turning of the earth and weight do, m s-2.

    In the form of vorticity and energy, whose turning does no work (Sadourny 1975,
    doi:10.1175/1520-0469(1975)032<0680:TDOFDM>2.0.CO;2).

    Parameters
    ----------
    u, v : Tensor
        (..., level, row, column) currents, 0 on closed faces.
    temperature, salinity : Tensor
        (..., level, row, column).
    stretch : Tensor
        (..., row, column) thickness of levels by that at rest.
    flow : Transports
        What the currents carry.
    p : namespace of Tensor
        Prepared parameters.
    law : callable
        The equation of state.
    """
    spin = _spin(u, v, stretch, p)
    energy = 0.25 * ((u * u + west(u * u)) + (v * v + south(v * v)))
    density = law(temperature, salinity, p.centre) * (1.0 / DENSITY)
    weight = density * p.thickness
    pressed = torch.add(energy, weight.cumsum(-3) - weight, alpha=GRAVITY)
    rise = above(density) - density
    lean_x = (east(density) + east(rise) * p.lift_east) - (density + rise * p.lift_x)
    lean_y = (north(density) + north(rise) * p.lift_north) - (density + rise * p.lift_y)
    at_corners = spin * (flow.y + east(flow.y))
    force_x = (at_corners + south(at_corners)) - (east(pressed) - pressed)
    force_x = torch.addcmul(force_x, p.half_x, lean_x, value=-1.0) * p.per_length_x
    at_corners = spin * (flow.x + north(flow.x))
    force_y = (at_corners + west(at_corners)) + (north(pressed) - pressed)
    force_y = torch.addcmul(force_y, p.half_y, lean_y) * -p.per_length_y
    if u.shape[-3] > 1:
        lifted = _lifted(u, between_columns(flow.up), p.open_x)
        force_x = torch.addcmul(force_x, lifted, p.per_volume_x, value=-1.0)
        lifted = _lifted(v, between_rows(flow.up), p.open_y)
        force_y = torch.addcmul(force_y, lifted, p.per_volume_y, value=-1.0)
    return force_x * p.open_x, force_y * p.open_y


def _spin(u: Tensor, v: Tensor, stretch: Tensor, p: SimpleNamespace) -> Tensor:
    """Return a quarter of absolute vorticity by thickness, at corners."""
    along_y, along_x = v * p.circulation_y, u * p.circulation_x
    around = (east(along_y) - along_y) - (north(along_x) - along_x)
    vorticity = torch.addcmul(p.rotation, around * p.open_corner, p.per_corner_area)
    corner = between_rows(between_columns(stretch)).unsqueeze(-3)
    spin: Tensor = vorticity * (0.25 * p.per_corner / corner)
    return spin


def _lifted(u: Tensor, up: Tensor, is_open: Tensor) -> Tensor:
    """Return what water that rises between levels takes along, m4 s-2 of a level.

    Parameters
    ----------
    u : Tensor
        Currents.
    up : Tensor
        What rises through the floor of every level, m3 s-1.
    is_open : Tensor
        Where the faces are open.
    """
    step = 0.5 * (u[..., :-1, :, :] - u[..., 1:, :, :])
    through = step * up[..., :-1, :, :] * is_open[..., 1:, :, :]
    none = torch.zeros_like(u[..., :1, :, :])
    return torch.cat((through, none), -3) + torch.cat((none, through), -3)


def stress_tendencies(
    u: Tensor, v: Tensor, p: SimpleNamespace
) -> tuple[Tensor, Tensor]:
    """Return what lateral friction and walls do to currents, m s-2."""
    stress = p.shear_xx * (u - west(u))
    across = p.shear_xy * (north(u) - u)
    force_x = (east(stress) - stress) + (across - south(across))
    stress = p.shear_yy * (v - south(v))
    across = p.shear_yx * (east(v) - v)
    force_y = (north(stress) - stress) + (across - west(across))
    return (
        force_x * p.per_volume_x - p.wall_x * u,
        force_y * p.per_volume_y - p.wall_y * v,
    )
