"""How far stomata are open, given what the leaf assimilates.

Conductances are those for water vapour, mol m-2 s-1. Every kind of stomata has a
``least`` conductance, that of a leaf which assimilates nothing, and ``conductance(net,
surface)``, given net assimilation in umol m-2 s-1 and carbon dioxide at the leaf's
surface in umol mol-1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["STOMATA", "BallBerry", "Held", "Medlyn", "ball_berry", "medlyn"]

STOMATA = 1.6
"""Conductance of stomata for water vapour over that for carbon dioxide: diffusion."""

_MOIST = 0.05  # kPa
_LEAST_CARBON = 1.0  # umol mol-1, less than there is at any leaf's surface


def _demand(net: Tensor, surface: Tensor) -> Tensor:
    """Return what is assimilated over carbon dioxide at the surface, mol m-2 s-1."""
    return torch.clamp(net, min=0.0) / torch.clamp(surface, min=_LEAST_CARBON)


class Medlyn(NamedTuple):
    """Stomata that optimize the use of water; see :func:`medlyn`."""

    least: Tensor
    boundary: Tensor
    slope: Tensor
    steepest: Tensor

    def conductance(self, net: Tensor, surface: Tensor) -> Tensor:
        """Return the conductance."""
        demand = STOMATA * _demand(net, surface)
        straight = self.least + demand
        rise = demand * self.slope
        root = torch.sqrt(rise * rise + 4.0 * (self.boundary + straight))
        # By the surface's deficit, or by the least that counts.
        return straight + torch.minimum(
            0.5 * rise * (rise + root), demand * self.steepest
        )


class BallBerry(NamedTuple):
    """Stomata that follow humidity; see :func:`ball_berry`."""

    least: Tensor
    boundary: Tensor
    slope: Tensor
    dryness: Tensor
    dampness: Tensor

    def conductance(self, net: Tensor, surface: Tensor) -> Tensor:
        """Return the conductance."""
        demand = self.slope * _demand(net, surface)
        apart = self.boundary - demand
        root = torch.sqrt(apart * apart + 4.0 * demand * self.dampness)
        both = 0.5 * (self.boundary + demand + root)
        return self.least + demand * (1.0 - self.dryness / both)


class Held(NamedTuple):
    """Stomata that stay as they are."""

    least: Tensor

    def conductance(self, net: Tensor, surface: Tensor) -> Tensor:
        """Return the conductance."""
        return self.least


def medlyn(
    intercept: Tensor, slope: Tensor, deficit: Tensor, boundary: Tensor
) -> Medlyn:
    r"""Return stomata that optimize the use of water: Medlyn et al. (2011).

    .. math:: g_s = g_0 + 1.6\,(1 + g_1 / \sqrt{D_s})\; A_n / C_s

    The deficit at the surface is that of the air times :math:`g_b / (g_s + g_b)`, which
    makes :math:`\sqrt{g_s + g_b}` the root of a quadratic equation. It counts as 50 Pa
    at least, without which stomata would open without end in moist air.

    Parameters
    ----------
    intercept, slope : Tensor
        :math:`g_0` in mol m-2 s-1, :math:`g_1` with the deficit in kPa.
    deficit : Tensor
        Vapour pressure deficit of the air, Pa.
    boundary : Tensor
        Conductance of the boundary layer, mol m-2 s-1.

    References
    ----------
    Global Change Biology 17, 2134, doi:10.1111/j.1365-2486.2010.02375.x.
    """
    dry = torch.clamp(0.001 * deficit, min=_MOIST)
    return Medlyn(
        least=intercept,
        boundary=boundary,
        slope=slope / torch.sqrt(boundary * dry),
        steepest=slope / math.sqrt(_MOIST),
    )


def ball_berry(
    intercept: Tensor, slope: Tensor, dryness: Tensor, boundary: Tensor
) -> BallBerry:
    r"""Return stomata that follow humidity: Ball, Woodrow and Berry (1987).

    .. math:: g_s = g_0 + g_1\, h_s\; A_n / C_s

    Dryness :math:`1 - h_s` at the leaf's surface is that of the air times
    :math:`g_b / (g_s + g_b)`, which makes :math:`g_s` the root of a quadratic equation.

    Parameters
    ----------
    intercept, slope : Tensor
        :math:`g_0` in mol m-2 s-1, :math:`g_1` without dimension.
    dryness : Tensor
        One less the relative humidity of the air at the leaf's temperature, 0 to 1.
    boundary : Tensor
        Conductance of the boundary layer, mol m-2 s-1.

    References
    ----------
    Progress in Photosynthesis Research IV, 221, doi:10.1007/978-94-017-0519-6_48.
    """
    return BallBerry(
        least=intercept,
        boundary=boundary + intercept,
        slope=slope,
        dryness=dryness * boundary,
        dampness=intercept + boundary * (1.0 - dryness),
    )
