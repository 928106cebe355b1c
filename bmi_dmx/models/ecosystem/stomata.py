"""How far stomata are open, given what the leaf assimilates.

Conductances are those for water vapour, mol m-2 s-1. Carbon dioxide diffuses more
slowly: :data:`STOMATA` and :data:`BOUNDARY_LAYER` times.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["BOUNDARY_LAYER", "STOMATA", "BallBerry", "Medlyn", "boundary_layer"]

STOMATA = 1.6
BOUNDARY_LAYER = 1.37
"""Conductance for water vapour over that for carbon dioxide: of stomata, by molecular
diffusion; of the laminar boundary layer, that to the power 2/3."""

_CALM = 0.1  # m s-1
_MOIST = 50.0  # Pa


def boundary_layer(wind_speed: Tensor, leaf_width: Tensor) -> Tensor:
    r"""Return the conductance of the air at a leaf, :math:`1.4 \cdot 0.147 \sqrt{u/d}`.

    Parameters
    ----------
    wind_speed : Tensor
        m s-1; air that is warmed moves with 0.1 at least.
    leaf_width : Tensor
        m; :math:`d` is 0.72 of it.

    References
    ----------
    Campbell and Norman (1998), An Introduction to Environmental Biophysics, sections
    7.12 and 7.13: one side of a leaf outdoors, by forced convection.
    """
    wind = torch.clamp(wind_speed, min=_CALM)
    return 1.4 * 0.147 * torch.sqrt(wind / (0.72 * leaf_width))


class Medlyn(NamedTuple):
    r"""Stomata that optimize water use, at the leaf's surface: Medlyn et al. (2011).

    .. math:: g_s = g_0 + 1.6\,(1 + g_1 / \sqrt{D_s})\; A / C_s

    The deficit at the surface is that of the air times :math:`g_b / (g_s + g_b)`, which
    makes :math:`\sqrt{g_s + g_b}` the root of a quadratic equation.

    Parameters
    ----------
    intercept, slope : Tensor
        :math:`g_0` in mol m-2 s-1, :math:`g_1` with the deficit in kPa.
    deficit : Tensor
        Vapour pressure deficit of the air, Pa; at least 50 for the stomata.
    boundary : Tensor
        Conductance of the boundary layer.

    References
    ----------
    Global Change Biology 17, 2134, doi:10.1111/j.1365-2486.2010.02375.x.
    """

    intercept: Tensor
    slope: Tensor
    deficit: Tensor
    boundary: Tensor

    def conductance(self, net: Tensor, surface: Tensor) -> Tensor:
        """Return the conductance, given net assimilation and surface carbon dioxide."""
        closed = STOMATA * torch.clamp(net, min=0.0) / surface
        dry = 0.001 * torch.clamp(self.deficit, min=_MOIST)
        opening = closed * self.slope / torch.sqrt(self.boundary * dry)
        least = self.intercept + closed
        both = torch.sqrt(opening * opening + 4.0 * (self.boundary + least))
        return least + 0.5 * opening * (opening + both)


class BallBerry(NamedTuple):
    r"""Stomata that follow humidity at the leaf's surface: Ball, Woodrow, Berry (1987).

    .. math:: g_s = g_0 + g_1\, h_s\; A / C_s

    with :math:`1 - h_s` that of the air times :math:`g_b / (g_s + g_b)`.

    Parameters
    ----------
    intercept, slope : Tensor
        :math:`g_0` in mol m-2 s-1, :math:`g_1` without dimension.
    dryness : Tensor
        One less the relative humidity of the air at the leaf's temperature, 0 to 1.
    boundary : Tensor
        Conductance of the boundary layer.

    References
    ----------
    Progress in Photosynthesis Research IV, 221, doi:10.1007/978-94-017-0519-6_48.
    """

    intercept: Tensor
    slope: Tensor
    dryness: Tensor
    boundary: Tensor

    def conductance(self, net: Tensor, surface: Tensor) -> Tensor:
        """Return the conductance, given net assimilation and surface carbon dioxide."""
        moist = self.slope * torch.clamp(net, min=0.0) / surface
        damp = self.intercept + self.boundary * (1.0 - self.dryness)
        apart = self.boundary + self.intercept - moist
        width = torch.sqrt(apart * apart + 4.0 * moist * damp)
        both = 0.5 * (self.boundary + self.intercept + moist + width)
        return self.intercept + moist * (1.0 - self.dryness * self.boundary / both)
