"""Potential evaporation from radiation and temperature."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from ...process import Process
from .forcings import (
    AIR_PRESSURE,
    AIR_TEMPERATURE,
    LONGWAVE_RADIATION,
    SHORTWAVE_RADIATION,
)
from .pet import (
    LATENT_HEAT,
    POTENTIAL_EVAPORATION_RATE,
    net_radiation,
    psychrometric_constant,
    saturation_slope,
)

__all__ = ["PriestleyTaylor"]

_ALPHA = 1.26


class PriestleyTaylor(Process):
    r"""Potential evaporation of Priestley and Taylor, a rate in mm per day.

    :math:`E = 1.26\, \frac{\Delta}{\Delta + \gamma} \frac{R_n^+}{\lambda}`

    Notes
    -----
    The heat that flows into the ground is left out: over a day it is little. At shorter
    steps nothing evaporates while the net radiation is negative.

    References
    ----------
    Priestley and Taylor (1972), Monthly Weather Review 100, 81-92,
    doi:10.1175/1520-0493(1972)100<0081:OTAOSH>2.3.CO;2.
    """

    about = "potential evaporation from radiation (Priestley and Taylor, 1972)"
    forcings = (AIR_TEMPERATURE, SHORTWAVE_RADIATION, LONGWAVE_RADIATION, AIR_PRESSURE)
    fluxes = (POTENTIAL_EVAPORATION_RATE,)

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return no state and the potential evaporation."""
        slope = saturation_slope(f.air_temperature)
        gamma = psychrometric_constant(f.air_pressure)
        energy = net_radiation(
            f.shortwave_radiation, f.longwave_radiation, f.air_temperature
        )
        share = slope / (slope + gamma)
        rate = _ALPHA / LATENT_HEAT * share * torch.clamp(energy, min=0.0)
        return {}, {"potential_evaporation": rate}
