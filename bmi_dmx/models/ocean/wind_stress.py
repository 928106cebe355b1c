"""What wind above the sea pulls at it."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["wind_stress"]

_AIR = 1.22
"""Density of air, kg m-3."""

_CALM, _STORM = 11.0, 25.0
"""Winds (m s-1) between which the drag grows."""


def wind_stress(u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Return the stress of a wind 10 m above the sea, Pa (eastward, northward).

    Drag coefficients of Large and Pond (1981),
    doi:10.1175/1520-0485(1981)011<0324:OOMFMI>2.0.CO;2: 1.2e-3 in winds of up to
    11 m/s, (0.49 + 0.065 U) 1e-3 beyond, here up to 25 m/s.

    Parameters
    ----------
    u, v : Tensor
        Eastward and northward wind, m s-1.
    """
    # A little is added, for the root has no gradient at 0.
    speed = torch.sqrt(u * u + v * v + 1e-12)
    rough = torch.clamp(speed, _CALM, _STORM)
    drag = torch.where(speed < _CALM, 1.2e-3, (0.49 + 0.065 * rough) * 1e-3)
    pull = _AIR * drag * speed
    return pull * u, pull * v
