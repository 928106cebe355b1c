"""What mixes between levels, solved for where it leads so that any step is stable."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from .constants import DENSITY, GRAVITY
from .density import DensityLaw
from .operators import below

__all__ = ["mixed", "mixing", "solved"]

_STABLE, _WIDTH = 5e-8, 1e-8
"""Stability (s-2) at which half of convection is left, and the width of the change."""


def mixing(
    temperature: Tensor, salinity: Tensor, p: SimpleNamespace, law: DensityLaw
) -> Tensor:
    """Return the diffusivity between each level and the one below, m2 s-1.

    That of convection is added by a smooth function of stability, so that it has a
    gradient.
    """
    depth = p.centre + 0.5 / (p.per_gap + (1.0 - p.floor)) * p.floor
    lower = law(below(temperature), below(salinity), depth)
    stability = (lower - law(temperature, salinity, depth)) * p.per_gap
    excess = (-GRAVITY / DENSITY / _WIDTH) * stability - _STABLE / _WIDTH
    found: Tensor = p.mixing + p.overturning.unsqueeze(-3) * torch.sigmoid(excess)
    return found


def mixed(
    tracers: Tensor,
    u: Tensor,
    v: Tensor,
    diffusivity: Tensor,
    stretch: Tensor,
    wide_x: Tensor,
    wide_y: Tensor,
    seconds: float,
    p: SimpleNamespace,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return tracers and currents after mixing, friction and the drag of the bottom.

    Parameters
    ----------
    tracers : Tensor
        (2, ..., level, row, column).
    u, v : Tensor
        (..., level, row, column) currents.
    diffusivity : Tensor
        Of the tracers, between each level and the one below.
    stretch, wide_x, wide_y : Tensor
        (..., 1, row, column) thickness of levels by that at rest, of cells and faces.
    seconds : float
        How long.
    p : namespace of Tensor
        Prepared parameters.
    """
    thickness = p.gap * stretch, p.gap_x * wide_x, p.gap_y * wide_y
    exchange = diffusivity * p.per_gap, p.friction_x, p.friction_y
    held = torch.zeros_like(p.drag_x), p.drag_x, p.drag_y
    found = solved(
        torch.cat((tracers, u.unsqueeze(0), v.unsqueeze(0))),
        _four(thickness, u),
        seconds * _four(exchange, u),
        seconds * _four(held, u),
    )
    return found[:2], found[2], found[3]


def _four(kinds: tuple[Tensor, Tensor, Tensor], like: Tensor) -> Tensor:
    """Return fields for both tracers and for both currents, stacked."""
    cells, x, y = (kind.expand_as(like) for kind in kinds)
    return torch.stack((cells, cells, x, y))


def solved(x: Tensor, thickness: Tensor, exchange: Tensor, held: Tensor) -> Tensor:
    """Return columns after exchange between levels (Thomas).

    Parameters
    ----------
    x : Tensor
        (..., level, row, column).
    thickness : Tensor
        Of levels, m.
    exchange : Tensor
        Through the floor of each level, m; that of the last is not looked at.
    held : Tensor
        What a level loses to what is at rest, m.
    """
    levels = x.shape[-3]
    down = exchange.unbind(-3)
    own = (thickness + held).unbind(-3)
    amounts = (x * thickness).unbind(-3)
    if levels == 1:
        return (amounts[0] / own[0]).unsqueeze(-3)
    per = 1.0 / (own[0] + down[0])
    shares, parts = [down[0] * per], [amounts[0] * per]
    for k in range(1, levels):
        # What comes from above returns; the rest of it is what is lost for good.
        kept = torch.addcmul(own[k], down[k - 1], 1.0 - shares[-1])
        if k < levels - 1:
            kept = kept + down[k]
        per = 1.0 / kept
        parts.append(torch.addcmul(amounts[k], down[k - 1], parts[-1]) * per)
        if k < levels - 1:
            shares.append(down[k] * per)
    found = [parts[-1]]
    for k in range(levels - 2, -1, -1):
        found.append(torch.addcmul(parts[k], shares[k], found[-1]))
    return torch.stack(found[::-1], -3)
