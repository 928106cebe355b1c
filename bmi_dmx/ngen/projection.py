"""Conus Albers (EPSG:5070), the projection of the hydrofabric."""

from __future__ import annotations

import math

__all__ = ["from_conus_albers", "to_conus_albers"]

# GRS 80 and the parameters of EPSG:5070.
_A = 6378137.0
_F = 1.0 / 298.257222101
_E2 = _F * (2.0 - _F)
_E = math.sqrt(_E2)
_LATITUDE_0, _LONGITUDE_0 = math.radians(23.0), math.radians(-96.0)
_PARALLEL_1, _PARALLEL_2 = math.radians(29.5), math.radians(45.5)


def _q(phi: float) -> float:
    s = math.sin(phi)
    return (1.0 - _E2) * (s / (1.0 - _E2 * s * s) + math.atanh(_E * s) / _E)


def _m(phi: float) -> float:
    return math.cos(phi) / math.sqrt(1.0 - _E2 * math.sin(phi) ** 2)


_M1 = _m(_PARALLEL_1)
_N = (_M1**2 - _m(_PARALLEL_2) ** 2) / (_q(_PARALLEL_2) - _q(_PARALLEL_1))
_C = _M1**2 + _N * _q(_PARALLEL_1)
_RHO_0 = _A * math.sqrt(_C - _N * _q(_LATITUDE_0)) / _N


def to_conus_albers(latitude: float, longitude: float) -> tuple[float, float]:
    """Return x and y in metres of a place in degrees north and east.

    References
    ----------
    Snyder (1987), Map projections: a working manual, USGS Professional Paper 1395,
    equations 14-1 to 14-6.
    """
    rho = _A * math.sqrt(_C - _N * _q(math.radians(latitude))) / _N
    theta = _N * (math.radians(longitude) - _LONGITUDE_0)
    return rho * math.sin(theta), _RHO_0 - rho * math.cos(theta)


def from_conus_albers(x: float, y: float) -> tuple[float, float]:
    """Return the latitude and longitude in degrees of a place in metres.

    References
    ----------
    Snyder (1987), equations 14-8 to 14-11 and 3-16, the latter iterated.
    """
    rho = math.hypot(x, _RHO_0 - y)
    q = (_C - (rho * _N / _A) ** 2) / _N
    phi = math.asin(max(-1.0, min(1.0, q / 2.0)))
    for _ in range(8):
        s = math.sin(phi)
        w = 1.0 - _E2 * s * s
        short = q / (1.0 - _E2) - s / w - math.atanh(_E * s) / _E
        phi += w * w / (2.0 * math.cos(phi)) * short
    theta = math.atan2(x, _RHO_0 - y)
    return math.degrees(phi), math.degrees(_LONGITUDE_0 + theta / _N)
