"""Potential evaporation from temperature and season; what all its formulas share."""

from __future__ import annotations

import math
from types import SimpleNamespace

import torch
from torch import Tensor

from ...process import Process
from ...variables import Flux, Parameter
from ..weather import AIR_TEMPERATURE
from .climate import LATITUDE
from .daily_extremes import LastDayProcess
from .forcings import (
    AIR_TEMPERATURE_MAX,
    AIR_TEMPERATURE_MIN,
    DAY_OF_YEAR,
    POTENTIAL_EVAPORATION,
)

__all__ = [
    "LATENT_HEAT",
    "PLACE_LATITUDE",
    "POTENTIAL_EVAPORATION_RATE",
    "Hargreaves",
    "Oudin",
    "extraterrestrial_radiation",
    "net_radiation",
    "psychrometric_constant",
    "saturation_slope",
    "saturation_vapour_pressure",
    "vapour_pressure",
]

_SOLAR_CONSTANT = 0.0820  # MJ m-2 min-1
LATENT_HEAT = 2.45
"""MJ per kg of water, that is per mm over a square metre (FAO-56)."""

_ALBEDO = 0.23  # of FAO-56's reference grass
_STEFAN_BOLTZMANN = 5.670374e-8  # W m-2 K-4
_MJ_PER_DAY = 0.0864  # MJ m-2 d-1 in a W m-2
_SMALLEST_RANGE = 1e-12  # degC: the slope of a square root is infinite at 0

PLACE_LATITUDE = Parameter(
    name="latitude", symbol="phi", units="degrees_north", bounds=LATITUDE.bounds,
    about="geographical latitude", source="attribute", per="place",
)  # fmt: skip
# The rate of the day at any length of step, so not converted to an amount.
POTENTIAL_EVAPORATION_RATE = Flux(
    name=POTENTIAL_EVAPORATION.name, symbol=POTENTIAL_EVAPORATION.symbol,
    units=POTENTIAL_EVAPORATION.units, about=POTENTIAL_EVAPORATION.about,
    standard_name=POTENTIAL_EVAPORATION.standard_name,
)  # fmt: skip


def extraterrestrial_radiation(day_of_year: Tensor, latitude: Tensor) -> Tensor:
    r"""Return the daily sum of solar radiation at the top of the atmosphere.

    .. math::

        R_a = \frac{24 \cdot 60}{\pi} G_{sc}\, d_r\,
        (\omega_s \sin\varphi \sin\delta + \cos\varphi \cos\delta \sin\omega_s),
        \quad \omega_s = \arccos(-\tan\varphi \tan\delta)

    with the sunset angle :math:`\omega_s` 0 in the polar night and π in the polar day.

    Parameters
    ----------
    day_of_year : Tensor
        1 to 366.
    latitude : Tensor
        Degrees north, -90 to 90; broadcasts against ``day_of_year``.

    Returns
    -------
    Tensor
        MJ m-2 d-1, at least 0.

    References
    ----------
    Allen, Pereira, Raes and Smith (1998), FAO Irrigation and Drainage Paper 56,
    equations 21 to 25.
    """
    angle = day_of_year * (2.0 * math.pi / 365.0)
    distance = 1.0 + 0.033 * torch.cos(angle)
    declination = 0.409 * torch.sin(angle - 1.39)
    phi = latitude * (math.pi / 180.0)
    rising = torch.sin(phi) * torch.sin(declination)
    # At a pole the cosine may round to a negative number, which would turn the polar
    # day into night.
    turning = torch.clamp(torch.cos(phi) * torch.cos(declination), min=1e-9)
    sunset = torch.acos(torch.clamp(-rising / turning, -1.0, 1.0))
    sunlight = sunset * rising + turning * torch.sin(sunset)
    scale = 24.0 * 60.0 / math.pi * _SOLAR_CONSTANT
    return scale * distance * torch.clamp(sunlight, min=0.0)


def saturation_vapour_pressure(temperature: Tensor) -> Tensor:
    """Return the pressure of saturated vapour, kPa, at degC (FAO-56, equation 11)."""
    return 0.6108 * torch.exp(17.27 * temperature / (temperature + 237.3))


def saturation_slope(temperature: Tensor) -> Tensor:
    """Return its slope, kPa per degC, at degC (FAO-56, equation 13)."""
    saturated = saturation_vapour_pressure(temperature)
    return 4098.0 * saturated / (temperature + 237.3) ** 2


def psychrometric_constant(pressure: Tensor) -> Tensor:
    """Return kPa per degC at an air pressure in Pa (FAO-56, equation 8)."""
    return 0.665e-6 * pressure


def vapour_pressure(specific_humidity: Tensor, pressure: Tensor) -> Tensor:
    """Return the pressure of the vapour, kPa, in air of so many kg per kg at Pa."""
    share = specific_humidity / (0.622 + 0.378 * specific_humidity)
    return 1e-3 * pressure * share


def net_radiation(shortwave: Tensor, longwave: Tensor, temperature: Tensor) -> Tensor:
    """Return what grass keeps of the radiation it receives, MJ m-2 d-1.

    It reflects 23 % of the sunlight (FAO-56, equation 38) and radiates as a black body
    of the temperature of the air.

    Parameters
    ----------
    shortwave, longwave : Tensor
        Incoming, W m-2.
    temperature : Tensor
        Of the air, degC.
    """
    emitted = _STEFAN_BOLTZMANN * (temperature + 273.15) ** 4
    return _MJ_PER_DAY * ((1.0 - _ALBEDO) * shortwave + longwave - emitted)


class Oudin(Process):
    r"""Potential evaporation of Oudin et al. from the mean temperature.

    :math:`E = \frac{R_a}{\lambda\rho} \frac{(T + 5)^+}{100}`, a rate in mm per day.

    Notes
    -----
    The radiation is the day's sum at any length of step: there is no course over the
    day. As the formula is linear above -5 °C, steps shorter than a day driven by the
    temperature of each step give the day's evaporation on average.

    References
    ----------
    Oudin et al. (2005), Journal of Hydrology 303, 290-306,
    doi:10.1016/j.jhydrol.2004.08.026.
    """

    about = "potential evaporation from mean temperature (Oudin et al., 2005)"
    forcings = (AIR_TEMPERATURE, DAY_OF_YEAR)
    parameters = (PLACE_LATITUDE,)
    fluxes = (POTENTIAL_EVAPORATION_RATE,)

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return no state and the potential evaporation (Oudin et al., equation 3)."""
        radiation = extraterrestrial_radiation(f.day_of_year, p.latitude)
        warmth = torch.clamp(f.air_temperature + 5.0, min=0.0)
        return {}, {"potential_evaporation": radiation / LATENT_HEAT * warmth / 100.0}


class Hargreaves(Process):
    r"""Potential evaporation of Hargreaves and Samani from the range of temperature.

    :math:`E = 0.0023\, \frac{R_a}{\lambda\rho} (T + 17.8)^+ \sqrt{(T_{max}-T_{min})^+}`
    with :math:`T = (T_{min} + T_{max})/2`, a rate in mm per day.

    Notes
    -----
    Minimum and maximum are those of the day at any length of step: steps shorter than a
    day are given the extremes of their day, and get its rate without a course over the
    day. Extremes in the wrong order count as equal.

    References
    ----------
    Hargreaves and Samani (1985), Applied Engineering in Agriculture 1, 96-99,
    doi:10.13031/2013.26773; Allen et al. (1998), FAO-56, equation 52.
    """

    about = "potential evaporation from daily extremes (Hargreaves and Samani, 1985)"
    forcings = (AIR_TEMPERATURE_MIN, AIR_TEMPERATURE_MAX, DAY_OF_YEAR)
    parameters = (PLACE_LATITUDE,)
    fluxes = (POTENTIAL_EVAPORATION_RATE,)

    def at(self, dt: float) -> Process:
        """Return the form that finds the extremes of the last day itself."""
        steps = round(1.0 / dt)
        return LastDayProcess(self, steps) if steps > 2 else self

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return no state and the potential evaporation (FAO-56, equation 52)."""
        radiation = extraterrestrial_radiation(f.day_of_year, p.latitude)
        mean = 0.5 * (f.air_temperature_min + f.air_temperature_max)
        width = f.air_temperature_max - f.air_temperature_min
        rate = (
            0.0023
            * (radiation / LATENT_HEAT)
            * torch.clamp(mean + 17.8, min=0.0)
            * torch.sqrt(torch.clamp(width, min=_SMALLEST_RANGE))
        )
        return {}, {"potential_evaporation": rate}
