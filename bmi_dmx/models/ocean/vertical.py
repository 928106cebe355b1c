"""What mixes between levels, solved for where it leads so that any step is stable."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import torch
from torch import Tensor

from .constants import DENSITY, GRAVITY
from .density import DensityLaw
from .operators import below

__all__ = ["exchanged_between", "mixed", "mixing", "overturned", "solved"]

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
    diffusivity: Tensor = p.mixing + p.overturning.unsqueeze(-3) * overturned(stability)
    return diffusivity


def overturned(stability: Tensor) -> Tensor:
    """Return how much of convection there is, 0 to 1.

    Parameters
    ----------
    stability : Tensor
        By which density grows with depth, kg m-4.
    """
    excess = (-GRAVITY / DENSITY / _WIDTH) * stability - _STABLE / _WIDTH
    return torch.sigmoid(excess)


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
    drag = torch.zeros_like(p.drag_x), p.drag_x, p.drag_y
    columns = solved(
        torch.cat((tracers, u.unsqueeze(0), v.unsqueeze(0))),
        _four(thickness, u),
        seconds * _four(exchange, u),
        seconds * _four(drag, u),
    )
    return columns[:2], columns[2], columns[3]


def _four(kinds: tuple[Tensor, Tensor, Tensor], like: Tensor) -> Tensor:
    """Return fields for both tracers and for both currents, stacked."""
    cells, x, y = (kind.expand_as(like) for kind in kinds)
    return torch.stack((cells, cells, x, y))


def solved(x: Tensor, thickness: Tensor, exchange: Tensor, drag: Tensor) -> Tensor:
    """Return columns after exchange between levels (Thomas).

    Parameters
    ----------
    x : Tensor
        (..., level, row, column).
    thickness : Tensor
        Of levels, m.
    exchange : Tensor
        Through the floor of each level, m; that of the last is not looked at.
    drag : Tensor
        What a level loses to what is at rest, m.
    """
    levels = exchanged_between(
        x.unbind(-3), thickness.unbind(-3), exchange.unbind(-3), drag.unbind(-3)
    )
    return torch.stack(levels, -3)


def exchanged_between(
    x: Sequence[Tensor],
    thickness: Sequence[Tensor],
    exchange: Sequence[Tensor],
    drag: Sequence[Tensor],
) -> list[Tensor]:
    """Return the levels of a column after exchange between them, from the top down.

    Parameters
    ----------
    x, thickness, exchange, drag : sequence of Tensor
        By level, as of :func:`solved`.
    """
    levels = len(x)
    diagonal = [one + loss for one, loss in zip(thickness, drag, strict=True)]
    amounts = [one * wide for one, wide in zip(x, thickness, strict=True)]
    if levels == 1:
        return [amounts[0] / diagonal[0]]
    per = 1.0 / (diagonal[0] + exchange[0])
    shares, parts = [exchange[0] * per], [amounts[0] * per]
    for k in range(1, levels):
        # What comes from above returns; the rest of it is what is lost for good.
        pivot = torch.addcmul(diagonal[k], exchange[k - 1], 1.0 - shares[-1])
        if k < levels - 1:
            pivot = pivot + exchange[k]
        per = 1.0 / pivot
        parts.append(torch.addcmul(amounts[k], exchange[k - 1], parts[-1]) * per)
        if k < levels - 1:
            shares.append(exchange[k] * per)
    solution = [parts[-1]]
    for k in range(levels - 2, -1, -1):
        solution.append(torch.addcmul(parts[k], shares[k], solution[-1]))
    return solution[::-1]
