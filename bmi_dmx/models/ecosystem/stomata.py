"""How far stomata are open, given what the leaf assimilates.

Conductances are those for water vapour, mol m-2 s-1. Every kind of stomata has a
``least`` conductance, that of a leaf which assimilates nothing, and gives its
``conductance`` for what is asked of it, with the slope of it: see :class:`Demand`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = [
    "STOMATA",
    "BallBerry",
    "Demand",
    "FixedStomata",
    "Medlyn",
    "ball_berry",
    "medlyn",
]

STOMATA = 1.6
"""Conductance of stomata for water vapour over that for carbon dioxide: diffusion."""

_MOIST = 0.05  # kPa
_LEAST_CARBON = 0.01  # umol mol-1, less than there is at any leaf's surface


class Demand(NamedTuple):
    """Net assimilation over carbon dioxide at the leaf's surface, mol m-2 s-1.

    Parameters
    ----------
    value, slope : Tensor
        At least 0; and how it changes with carbon dioxide between the cells.
    """

    value: Tensor
    slope: Tensor

    @staticmethod
    def of(
        net: Tensor, net_slope: Tensor, surface: Tensor, surface_slope: Tensor
    ) -> Demand:
        """Return the demand of a leaf, given rates in umol m-2 s-1 and umol mol-1."""
        surface = torch.clamp(surface, min=_LEAST_CARBON)
        value = torch.clamp(net, min=0.0) / surface
        slope = (net_slope - value * surface_slope) / surface
        return Demand(value, torch.where(net > 0.0, slope, 0.0))


class Medlyn(NamedTuple):
    """Stomata that optimize the use of water; see :func:`medlyn`."""

    least: Tensor
    boundary: Tensor
    slope: Tensor
    steepest: Tensor

    def conductance(self, demand: Demand) -> tuple[Tensor, Tensor]:
        """Return the conductance, and its slope."""
        straight = STOMATA * demand.value
        rise = straight * self.slope
        root = torch.sqrt(rise * rise + 4.0 * (self.boundary + straight))
        # By the deficit of the surface, or by the least that counts.
        dry = 0.5 * rise * (rise + root)
        moist = straight * self.steepest
        bend = self.slope * (0.5 * (rise + root) * (1.0 + rise / root)) + rise / root
        bend = 1.0 + torch.where(dry < moist, bend, self.steepest)
        value = self.least + straight + torch.minimum(dry, moist)
        return value, STOMATA * demand.slope * bend


class BallBerry(NamedTuple):
    """Stomata that follow humidity; see :func:`ball_berry`."""

    least: Tensor
    boundary: Tensor
    slope: Tensor
    dryness: Tensor
    dampness: Tensor

    def conductance(self, demand: Demand) -> tuple[Tensor, Tensor]:
        """Return the conductance, and its slope."""
        moist = self.slope * demand.value
        apart = moist - self.boundary
        root = torch.sqrt(apart * apart + 4.0 * moist * self.dampness)
        both = 0.5 * (self.boundary + moist + root)
        share = self.dryness / both
        bend = 0.5 + (0.5 * apart + self.dampness) / root
        slope = 1.0 - share + moist * share * bend / both
        return self.least + moist * (1.0 - share), self.slope * demand.slope * slope


class FixedStomata(NamedTuple):
    """Stomata that stay as they are."""

    least: Tensor

    def conductance(self, demand: Demand) -> tuple[Tensor, Tensor]:
        """Return the conductance, and its slope."""
        return self.least, torch.zeros_like(self.least)


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
        boundary=boundary + intercept,
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
