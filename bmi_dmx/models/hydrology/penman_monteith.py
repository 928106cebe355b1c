"""Potential evaporation of FAO-56 grass from radiation, humidity and wind."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import torch
from torch import Tensor

from ...process import Process
from ..weather import (
    AIR_PRESSURE,
    AIR_TEMPERATURE,
    LONGWAVE_RADIATION,
    SHORTWAVE_RADIATION,
    SPECIFIC_HUMIDITY,
    WIND_X,
    WIND_Y,
)
from .pet import (
    LATENT_HEAT,
    POTENTIAL_EVAPORATION_RATE,
    net_radiation,
    psychrometric_constant,
    saturation_slope,
    saturation_vapour_pressure,
    vapour_pressure,
)

__all__ = ["PenmanMonteith", "PenmanMonteithHourly"]

# From 10 m down to 2 m: 4.87 / ln(67.8 z - 5.42), FAO-56, equation 47.
_WIND_AT_2_M = 0.7479511
_CALM = 1e-12  # m2 s-2: the slope of a square root is infinite at 0


class PenmanMonteith(Process):
    r"""Reference evapotranspiration of FAO-56 from means of a day, in mm per day.

    .. math::

        E = \frac{(R_n - G)\,\Delta / \lambda
                  + \gamma\, 900 / (T + 273)\; u_2\, (e_s - e_a)}
                 {\Delta + \gamma\, (1 + 0.34\, u_2)}

    at least 0, with no heat :math:`G` into the ground.

    Notes
    -----
    The vapour pressure of saturation is that of the mean temperature; the mean over the
    day's extremes, where these are known, is larger by some per cent.

    References
    ----------
    Allen, Pereira, Raes and Smith (1998), FAO Irrigation and Drainage Paper 56,
    equations 6 and 53.
    """

    about = "reference evapotranspiration over a day (Penman-Monteith, FAO-56)"
    forcings = (
        AIR_TEMPERATURE, SPECIFIC_HUMIDITY, LONGWAVE_RADIATION, SHORTWAVE_RADIATION,
        AIR_PRESSURE, WIND_X, WIND_Y,
    )  # fmt: skip
    fluxes = (POTENTIAL_EVAPORATION_RATE,)
    aerodynamic: ClassVar[float] = 900.0

    def ground_heat(self, energy: Tensor) -> Tensor:
        """Return the heat that goes into the ground, MJ m-2 d-1; here none."""
        return torch.zeros_like(energy)

    def at(self, dt: float) -> Process:
        """Return the form for hours where steps are shorter than half a day."""
        return PenmanMonteithHourly() if dt < 0.5 else self

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return no state and the potential evaporation."""
        temperature = f.air_temperature
        energy = net_radiation(f.shortwave_radiation, f.longwave_radiation, temperature)
        energy = energy - self.ground_heat(energy)
        slope = saturation_slope(temperature)
        gamma = psychrometric_constant(f.air_pressure)
        wind = _WIND_AT_2_M * torch.sqrt(
            torch.clamp(f.wind_x**2 + f.wind_y**2, min=_CALM)
        )
        dryness = torch.clamp(
            saturation_vapour_pressure(temperature)
            - vapour_pressure(f.specific_humidity, f.air_pressure),
            min=0.0,
        )
        drying = gamma * self.aerodynamic / (temperature + 273.0) * wind * dryness
        rate = (slope * energy / LATENT_HEAT + drying) / (
            slope + gamma * (1.0 + 0.34 * wind)
        )
        return {}, {"potential_evaporation": torch.clamp(rate, min=0.0)}


class PenmanMonteithHourly(PenmanMonteith):
    """Reference evapotranspiration of FAO-56 from means of an hour, in mm per day.

    The constant is 37 an hour instead of 900 a day, and the ground takes a tenth of the
    net radiation by day and gives half of it at night (FAO-56, equations 45, 46, 53).
    """

    about = "reference evapotranspiration over an hour (Penman-Monteith, FAO-56)"
    aerodynamic = 37.0 * 24.0

    def ground_heat(self, energy: Tensor) -> Tensor:
        """Return the heat that goes into the ground, MJ m-2 d-1."""
        return torch.where(energy > 0.0, 0.1 * energy, 0.5 * energy)
