"""Potential evaporation from radiation and temperature."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from ...process import Process
from ..weather import (
    AIR_PRESSURE,
    AIR_TEMPERATURE,
    LONGWAVE_RADIATION,
    SHORTWAVE_RADIATION,
)
from .last_day import BEGUN, past, recalled
from .pet import (
    LATENT_HEAT,
    POTENTIAL_EVAPORATION_RATE,
    net_radiation,
    psychrometric_constant,
    saturation_slope,
)

__all__ = ["PriestleyTaylor", "PriestleyTaylorHourly"]

_ALPHA = 1.26


class PriestleyTaylor(Process):
    r"""Potential evaporation of Priestley and Taylor, a rate in mm per day.

    :math:`E = 1.26\, \frac{\Delta}{\Delta + \gamma} \frac{R_n^+}{\lambda}`

    Notes
    -----
    The heat that flows into the ground is left out: over a day it is little. So this is
    a formula for days; :class:`PriestleyTaylorHourly` is for hours.

    References
    ----------
    Priestley and Taylor (1972), Monthly Weather Review 100, 81-92,
    doi:10.1175/1520-0493(1972)100<0081:OTAOSH>2.3.CO;2.
    """

    about = "potential evaporation from radiation (Priestley and Taylor, 1972)"
    forcings = (AIR_TEMPERATURE, SHORTWAVE_RADIATION, LONGWAVE_RADIATION, AIR_PRESSURE)
    fluxes = (POTENTIAL_EVAPORATION_RATE,)

    def at(self, dt: float) -> Process:
        """Return the form for hours where a day has at least three steps."""
        steps = round(1.0 / dt)
        return PriestleyTaylorHourly(steps) if steps > 2 else self

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor | tuple[Tensor, ...]], dict[str, Tensor]]:
        """Return no state and the potential evaporation."""
        return {}, {"potential_evaporation": _rate(f, _energy(f))}


class PriestleyTaylorHourly(PriestleyTaylor):
    """The same from means of an hour, with the net radiation of the last 24 hours.

    Taken hour by hour, the formula would evaporate what comes in by day and forget what
    goes out at night: in winter more than twice as much as over the whole day. Nothing
    is known of the hours to come, hence the last 24.

    Parameters
    ----------
    length : int
        Number of steps in a day.
    """

    about = "Priestley and Taylor (1972) at hours, radiation of the last 24"

    def __init__(self, length: int = 24) -> None:
        remembered = past(
            "recent_radiation", "Rn", "MJ m-2 d-1", "net radiation", length
        )
        self.states = (remembered, BEGUN)

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor | tuple[Tensor, ...]], dict[str, Tensor]]:
        """Return the radiation to remember, and the potential evaporation."""
        now = _energy(f)
        recent = recalled(s.recent_radiation, s.any_recent, now)
        mean = sum(recent, now) / (len(recent) + 1)
        return (
            {
                "recent_radiation": (*recent[1:], now),
                "any_recent": torch.ones_like(s.any_recent),
            },
            {"potential_evaporation": _rate(f, mean)},
        )


def _energy(f: SimpleNamespace) -> Tensor:
    """Return the net radiation, MJ m-2 d-1."""
    return net_radiation(f.shortwave_radiation, f.longwave_radiation, f.air_temperature)


def _rate(f: SimpleNamespace, energy: Tensor) -> Tensor:
    """Return the potential evaporation from this net radiation."""
    slope = saturation_slope(f.air_temperature)
    share = slope / (slope + psychrometric_constant(f.air_pressure))
    return _ALPHA / LATENT_HEAT * share * torch.clamp(energy, min=0.0)
