"""How carbon dioxide gets into a leaf, from the air to between its cells."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..root import falling_root
from .photosynthesis import C3, C4
from .stomata import STOMATA, BallBerry, Demand, FixedStomata, Medlyn

__all__ = ["BOUNDARY_LAYER", "Air", "boundary_layer", "intercellular"]

BOUNDARY_LAYER = 1.37
"""Conductance of a laminar boundary layer for water vapour over that for carbon
dioxide: that of stomata to the power 2/3."""

_CALM = 0.1  # m s-1
_NEXT_TO_NOTHING = 1e-6  # umol mol-1


def boundary_layer(wind_speed: Tensor, leaf_width: Tensor) -> Tensor:
    r"""Return the conductance of the air at a leaf for water vapour, mol m-2 s-1.

    It is :math:`1.4 \cdot 0.147 \sqrt{u/d}`.

    Parameters
    ----------
    wind_speed : Tensor
        m s-1; at least 0.1, for warm leaves move the air themselves.
    leaf_width : Tensor
        m; :math:`d` is 0.72 of it.

    References
    ----------
    Campbell and Norman (1998), An Introduction to Environmental Biophysics, sections
    7.12 and 7.13: one side of a leaf outdoors, by forced convection.
    """
    wind = torch.clamp(wind_speed, min=_CALM)
    return 1.4 * 0.147 * torch.sqrt(wind / (0.72 * leaf_width))


class Air(NamedTuple):
    """Air around a leaf.

    Parameters
    ----------
    carbon_dioxide : Tensor
        umol mol-1.
    resistance : Tensor
        Of the boundary layer for carbon dioxide, m2 s mol-1.
    """

    carbon_dioxide: Tensor
    resistance: Tensor

    def demand(self, net: Tensor, net_slope: Tensor) -> tuple[Tensor, Tensor, Demand]:
        """Return carbon dioxide at the leaf's surface, its slope, and the demand."""
        surface = self.carbon_dioxide - net * self.resistance
        slope = -net_slope * self.resistance
        return surface, slope, Demand.of(net, net_slope, surface, slope)


def intercellular(
    air: Air, tissue: C3 | C4, stomata: Medlyn | BallBerry | FixedStomata
) -> Tensor:
    r"""Return the carbon dioxide between the cells of a leaf, umol mol-1.

    The root of :math:`C_a - A_n(C_i)\,(r_b + 1.6 / g_s) - C_i`. The more is assimilated
    the less is left, so that there is one, unless humidity that the leaf keeps at its
    surface opens stomata of the form by humidity further: wide leaves in calm, dry air
    may have a second solution with stomata almost closed. The same one is found
    whenever the same is given.

    Parameters
    ----------
    air : Air
        What there is outside.
    tissue : C3 or C4
        What assimilates.
    stomata : Medlyn, BallBerry or FixedStomata
        How far they are open.
    """

    def missing(inside: Tensor) -> tuple[Tensor, Tensor]:
        net, net_slope = tissue.net(inside)
        surface, slope, demand = air.demand(net, net_slope)
        conductance, opening = stomata.conductance(demand)
        fall = STOMATA * net / conductance
        fall_slope = (STOMATA * net_slope - fall * opening) / conductance
        return surface - fall - inside, slope - fall_slope - 1.0

    # Above the compensation point, nothing comes out of a leaf but what it respires.
    resistance = air.resistance + STOMATA / stomata.least
    highest = torch.maximum(air.carbon_dioxide, tissue.compensation)
    highest = highest + tissue.respiration * resistance
    return falling_root(missing, torch.full_like(highest, _NEXT_TO_NOTHING), highest)
