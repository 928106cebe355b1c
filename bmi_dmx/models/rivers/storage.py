"""What a reach stores of the water that passes, and what therefore leaves it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["ReachFlow", "Storage", "cunge"]

_MARGIN = 0.01  # by which admissible coefficients stay away from zero


class ReachFlow(NamedTuple):
    """Water that passes a reach in a step.

    Parameters
    ----------
    before, arriving : Tensor
        What comes from upstream at the start and at the end of the step, m3 s-1.
    discharge : Tensor
        What leaves at the start, m3 s-1.
    lateral : Tensor
        What enters along the way, m3.
    """

    before: Tensor
    arriving: Tensor
    discharge: Tensor
    lateral: Tensor


class Storage(NamedTuple):
    r"""The relation of Muskingum: :math:`V = K X I + K (1 - X) Q`.

    Parameters
    ----------
    wedge, prism : Tensor
        K X and K (1 - X), s: stored of a unit of inflow, and of outflow.
    """

    wedge: Tensor
    prism: Tensor

    @classmethod
    def of(cls, travel: Tensor, x: Tensor | float) -> Storage:
        """Return it from travel time and weight of the inflow."""
        wedge = travel * x
        return cls(wedge, travel - wedge)

    @classmethod
    def admissible(cls, travel: Tensor, x: Tensor | float, dt: float) -> Storage:
        r"""Return it from the nearest K and X of which no coefficient is negative.

        With a margin, for at :math:`2 K X \le \Delta t \le 2 K (1 - X)` itself rounding
        makes coefficients negative.

        Parameters
        ----------
        travel, x : Tensor
            K in s, and X.
        dt : float
            s.
        """
        travel = torch.clamp(travel, min=0.5 * dt * (1.0 + _MARGIN))
        half = 0.5 * dt / travel
        highest = (1.0 - _MARGIN) * torch.minimum(half, 1.0 - half)
        return cls.of(travel, torch.clamp(highest, max=x))

    def at(self, water: ReachFlow) -> Tensor:
        """Return what a reach stores at the flow of the start of a step, m3.

        Parameters
        ----------
        water : ReachFlow
            What passes.
        """
        return self.wedge * water.before + self.prism * water.discharge

    def outflow(self, water: ReachFlow, stored: Tensor, dt: float) -> Tensor:
        r"""Return what leaves at the end of a step, m3 s-1.

        What is stored then is what was stored, and what came in, less what leaves:

        .. math::

            K X J + K (1 - X) x = V + \Delta t \left(\frac{I + J}{2} + q'
            - \frac{Q + x}{2}\right)

        which with :math:`V = K [X I + (1 - X) Q]` are the coefficients
        :math:`c_1, \dots, c_4`.

        Parameters
        ----------
        water : ReachFlow
            What passes.
        stored : Tensor
            V of the start of the step, m3.
        dt : float
            s.
        """
        came = (0.5 * dt) * (water.before + water.arriving - water.discharge)
        volume = stored + came + water.lateral - self.wedge * water.arriving
        return volume / (self.prism + 0.5 * dt)

    def response(self, dt: float) -> Tensor:
        """Return by how much a volume of lateral inflow raises the outflow, s-1.

        Parameters
        ----------
        dt : float
            Length of a step, s.
        """
        return 2.0 / (2.0 * self.prism + dt)


def cunge(
    flow: Tensor, width: Tensor, slope: Tensor, celerity: Tensor, length: Tensor
) -> Tensor:
    r"""Return the weight that makes numerical diffusion the physical one.

    .. math::

        X = \tfrac12 \left(1 - \frac{Q}{T S c L}\right)

    before it is bounded.

    Parameters
    ----------
    flow, width, slope, celerity, length : Tensor
        Q, T, S, c and L.

    References
    ----------
    Cunge (1969), J. Hydraul. Res. 7, doi:10.1080/00221686909500264.
    """
    return 0.5 - 0.5 * flow / (width * slope * celerity * length)
