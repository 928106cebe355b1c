"""What currents carry, and how heat and salt go with it."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Literal

import torch
from torch import Tensor

from .operators import (
    below,
    between_columns,
    between_rows,
    divergence,
    east,
    north,
    south,
    west,
)

__all__ = ["Advection", "Transports", "advected", "carried", "moved", "rising"]

Advection = Literal["upwind", "third-order"]


@dataclass(frozen=True)
class Transports:
    """What flows between cells, m3 s-1.

    Parameters
    ----------
    x, y : Tensor
        (..., level, row, column) through faces in x and y.
    up : Tensor
        Through the floor of every level, upwards; 0 through the bottom.
    """

    x: Tensor
    y: Tensor
    up: Tensor


def carried(
    u: Tensor, v: Tensor, stretch: Tensor, p: SimpleNamespace
) -> tuple[Tensor, Tensor]:
    """Return what currents carry through faces in x and y.

    Parameters
    ----------
    u, v : Tensor
        (..., level, row, column) currents.
    stretch : Tensor
        (..., row, column) thickness of levels by that at rest.
    p : namespace of Tensor
        Prepared parameters.
    """
    wide = between_columns(stretch).unsqueeze(-3), between_rows(stretch).unsqueeze(-3)
    return p.duct_x * (u * wide[0]), p.duct_y * (v * wide[1])


def rising(
    x: Tensor, y: Tensor, water: Tensor | None, p: SimpleNamespace
) -> Transports:
    """Return transports with what rises between levels that all stretch alike.

    Parameters
    ----------
    x, y : Tensor
        Through faces in x and y.
    water : Tensor or None
        (..., row, column) fresh water that is added at the top, m s-1.
    p : namespace of Tensor
        Prepared parameters.
    """
    leaving = divergence(x, y)
    growth = -leaving.sum(-3, keepdim=True)
    if water is not None:
        rain = (water * p.surface * p.area).unsqueeze(-3)
        growth = growth + rain
        leaving = torch.cat((leaving[..., :1, :, :] - rain, leaving[..., 1:, :, :]), -3)
    share = growth * p.per_depth.unsqueeze(-3)
    rise = torch.addcmul(leaving, p.thickness, share)
    return Transports(x, y, rise.cumsum(-3) * p.floor)


def moved(
    x: Tensor,
    flow: Transports,
    before: Tensor,
    after: Tensor,
    seconds: float,
    p: SimpleNamespace,
) -> Tensor:
    """Return tracers a while later by the means at faces, for stages of a step.

    Parameters
    ----------
    x : Tensor
        (tracer, ..., level, row, column).
    flow : Transports
        What moves them.
    before, after : Tensor
        (..., row, column) thickness of levels by that at rest.
    seconds : float
        How long.
    p : namespace of Tensor
        Prepared parameters.
    """
    out = divergence(flow.x * between_columns(x), flow.y * between_rows(x))
    up = flow.up * (0.5 * (x + below(x)))
    out = out + (
        torch.cat((torch.zeros_like(up[..., :1, :, :]), up[..., :-1, :, :]), -3) - up
    )
    return _after(x, out, before, after, seconds, p)


def advected(
    x: Tensor,
    flow: Transports,
    before: Tensor,
    after: Tensor,
    seconds: float,
    p: SimpleNamespace,
    scheme: Advection,
) -> Tensor:
    """Return tracers a step later, moved and spread, within the bounds of neighbours.

    ``third-order`` follows what flows through faces through space and time (Hundsdorfer
    and Trompert 1994, doi:10.1016/0168-9274(94)90009-4), as far as it stays between
    the cells on both sides and no steeper than upstream.
    """
    face = _upwind if scheme == "upwind" else _third_order
    ahead = (east(x) - x) * p.open_x
    share = seconds * p.per_volume_x
    through_x = face(x, ahead, east(ahead), west(ahead), flow.x, share)
    through_x = torch.addcmul(through_x, p.spread_x, ahead, value=-1.0)
    ahead = (north(x) - x) * p.open_y
    share = seconds * p.per_volume_y
    through_y = face(x, ahead, north(ahead), south(ahead), flow.y, share)
    through_y = torch.addcmul(through_y, p.spread_y, ahead, value=-1.0)
    out = divergence(through_x, through_y)
    if x.shape[-3] > 1:
        ahead = (below(x) - x) * p.floor
        none = torch.zeros_like(x[..., :1, :, :])
        beyond = torch.cat((ahead[..., 1:, :, :], none), -3)
        behind = torch.cat((none, ahead[..., :-1, :, :]), -3)
        share = seconds * p.per_rise
        down = face(x, ahead, beyond, behind, -flow.up, share)
        out = out + (down - torch.cat((none, down[..., :-1, :, :]), -3))
    return _after(x, out, before, after, seconds, p)


def _upwind(
    x: Tensor,
    ahead: Tensor,
    beyond: Tensor,
    behind: Tensor,
    flow: Tensor,
    share: Tensor,
) -> Tensor:
    """Return what flows through faces with what is upstream of them."""
    return torch.addcmul(flow * x, flow.clamp(max=0.0), ahead)


def _third_order(
    x: Tensor,
    ahead: Tensor,
    beyond: Tensor,
    behind: Tensor,
    flow: Tensor,
    share: Tensor,
) -> Tensor:
    """Return what flows through faces.

    Parameters
    ----------
    x : Tensor
        Tracers of the cells before the faces.
    ahead, beyond, behind : Tensor
        Steps of the tracers at the faces, one face further and one before.
    flow : Tensor
        Through the faces.
    share : Tensor
        Seconds of the step by the volumes around the faces.
    """
    size = flow.abs()
    courant = size * share
    forward = (flow > 0.0).to(x.dtype)
    upstream = torch.lerp(beyond, behind, forward)
    unlimited = torch.addcmul(
        ((2.0 - courant) * (1.0 - courant) / 6.0) * ahead,
        (1.0 - courant * courant) / 6.0,
        upstream,
    )
    most = torch.minimum(ahead, upstream).clamp(min=0.0)
    least = torch.maximum(ahead, upstream).clamp(max=0.0)
    further = torch.minimum(torch.maximum(unlimited, least), most)
    return torch.addcmul(
        torch.addcmul(flow * x, flow.clamp(max=0.0), ahead), size, further
    )


def _after(
    x: Tensor,
    out: Tensor,
    before: Tensor,
    after: Tensor,
    seconds: float,
    p: SimpleNamespace,
) -> Tensor:
    amount = x * before.unsqueeze(-3)
    rest = torch.addcmul(amount, out, p.per_volume, value=-seconds)
    return rest * (1.0 / after).unsqueeze(-3)
