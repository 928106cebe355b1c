"""What passes between air and sea, by bulk formulae from the weather."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor

__all__ = ["SurfaceFluxes", "passing", "sunlight"]

_ZERO = 273.15

_SOLAR = 1361.0
"""Irradiance of the sun at its mean distance, W m-2."""

_STEFAN = 5.670374e-8
_EMISSIVITY = 0.97
_AIR_HEAT = 1004.0
"""Heat capacity of air, J kg-1 K-1."""

_DRY = 287.05
"""Gas constant of dry air, J kg-1 K-1."""

_ALBEDO = 0.06


@dataclass(frozen=True)
class SurfaceFluxes:
    """What passes into the water.

    Parameters
    ----------
    stress_x, stress_y : Tensor
        Of the wind, Pa.
    light : Tensor
        From the sun, W m-2.
    latent, sensible, longwave : Tensor
        Heat, W m-2.
    """

    stress_x: Tensor
    stress_y: Tensor
    light: Tensor
    latent: Tensor
    sensible: Tensor
    longwave: Tensor

    @property
    def heat(self) -> Tensor:
        """All heat, light included."""
        return self.light + self.latent + self.sensible + self.longwave


def passing(
    surface: Tensor, x: Tensor, y: Tensor, f: SimpleNamespace, p: SimpleNamespace
) -> SurfaceFluxes:
    """Return what passes into water of a temperature and a current at its surface.

    Drag grows with the wind as in Large and Pond (1981,
    doi:10.1175/1520-0485(1981)011<0324:OOMFMI>2.0.CO;2), here without a kink; heat
    and vapour have one coefficient, and longwave radiation follows Clark et al. (1974,
    Fish. Bull. 72, 1-14).

    Parameters
    ----------
    surface : Tensor
        Temperature of the water, degC.
    x, y : Tensor
        Its current, m s-1.
    f, p : namespace of Tensor
        The weather, and the parameters of the air.
    """
    wind_x, wind_y = p.wind_factor * f.wind_x - x, p.wind_factor * f.wind_y - y
    # A breath of wind blows on average where the mean of it is none.
    speed = torch.sqrt(wind_x * wind_x + wind_y * wind_y + 0.25)
    vapour, saturated = _pressure(f.dew_point - _ZERO), 0.98 * _pressure(surface)
    moist, wet = (_humidity(e, f.air_pressure) for e in (vapour, saturated))
    density = f.air_pressure / (_DRY * f.air_temperature * (1.0 + 0.608 * moist))
    drag = density * speed * (0.61e-3 + 0.063e-3 * speed)
    transfer = density * speed * p.heat_transfer
    warm = surface + _ZERO
    cooler = warm - f.air_temperature
    escaping = 0.39 - 0.05 * torch.sqrt(vapour * 0.01)
    longwave = (_EMISSIVITY * _STEFAN) * (
        warm**4 * escaping * (1.0 - p.cloud_warmth * f.cloud_cover * f.cloud_cover)
        + 4.0 * warm**3 * cooler
    )
    return SurfaceFluxes(
        stress_x=drag * wind_x,
        stress_y=drag * wind_y,
        light=(1.0 - _ALBEDO) * p.clear_light * (1.0 - p.cloud_shade * f.cloud_cover)
        * sunlight(p.latitude, f.day_of_year),
        latent=transfer * (2.501e6 - 2370.0 * surface) * (moist - wet),
        sensible=-transfer * _AIR_HEAT * cooler,
        longwave=-longwave,
    )  # fmt: skip


def sunlight(latitude: Tensor, day: Tensor) -> Tensor:
    """Return the light of a day above the air, as its mean, W m-2.

    Declination and distance by Spencer (1971, Search 2, 172).

    Parameters
    ----------
    latitude : Tensor
        Degrees.
    day : Tensor
        Of the year, from 1.
    """
    turn = (2.0 * math.pi / 365.25) * (day - 1.0)
    one, two = torch.cos(turn), torch.cos(2.0 * turn)
    sine, double = torch.sin(turn), torch.sin(2.0 * turn)
    declination = (
        0.006918 - 0.399912 * one + 0.070257 * sine
        - 0.006758 * two + 0.000907 * double
    )  # fmt: skip
    nearness = (
        1.00011 + 0.034221 * one + 0.00128 * sine + 0.000719 * two + 0.000077 * double
    )
    place = latitude * (math.pi / 180.0)
    high = torch.sin(place) * torch.sin(declination)
    wide = torch.cos(place) * torch.cos(declination)
    # Half a day is half a turn where the sun does not set, none where it does not rise.
    cosine = torch.clamp(-high / torch.clamp(wide, min=1e-6), -1.0 + 1e-6, 1.0 - 1e-6)
    half = torch.acos(cosine)
    mean = half * high + wide * torch.sqrt(1.0 - cosine * cosine)
    return (_SOLAR / math.pi) * nearness * torch.clamp(mean, min=0.0)


def _pressure(temperature: Tensor) -> Tensor:
    """Return the pressure of saturated vapour, Pa (Bolton 1980)."""
    return 611.2 * torch.exp(17.67 * temperature / (temperature + 243.5))


def _humidity(vapour: Tensor, pressure: Tensor) -> Tensor:
    """Return specific humidity, kg kg-1."""
    return 0.622 * vapour / (pressure - 0.378 * vapour)
