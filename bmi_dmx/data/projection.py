"""Projections of North America: places in metres to degrees and back.

Equations are those of Snyder (1987), Map projections: a working manual, USGS
Professional Paper 1395, on the ellipsoid GRS 80 of the North American Datum.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

__all__ = [
    "CONUS",
    "PROJECTIONS",
    "Albers",
    "Lambert",
    "Projection",
    "from_conus_albers",
    "to_conus_albers",
]

_A = 6378137.0
_F = 1.0 / 298.257222101
_E2 = _F * (2.0 - _F)
_E = math.sqrt(_E2)


def _m(phi: float) -> float:
    """Return the ratio of equation 14-15."""
    return math.cos(phi) / math.sqrt(1.0 - _E2 * math.sin(phi) ** 2)


@dataclass(frozen=True)
class Projection(ABC):
    """A conic projection with two standard parallels.

    Parameters
    ----------
    name : str
        As people call it.
    origin : (float, float)
        Latitude and longitude of what has the false easting and northing, degrees.
    parallels : (float, float)
        Standard parallels, degrees north.
    false : (float, float)
        Easting and northing of the origin, metres.
    """

    name: str
    origin: tuple[float, float]
    parallels: tuple[float, float]
    false: tuple[float, float] = (0.0, 0.0)
    _n: float = field(init=False, repr=False, default=0.0)
    _c: float = field(init=False, repr=False, default=0.0)

    @abstractmethod
    def __post_init__(self) -> None:
        """Find the constants of the cone, ``_n`` and ``_c``."""

    @abstractmethod
    def _rho(self, phi: float) -> float:
        """Return the radius of a parallel, metres."""

    @abstractmethod
    def _phi(self, rho: float) -> float:
        """Return the latitude of a radius, radians."""

    def forward(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Return x and y in metres of a place in degrees north and east."""
        theta = self._n * (math.radians(longitude) - math.radians(self.origin[1]))
        rho, rho_0 = (
            self._rho(math.radians(x)) for x in (latitude, self.origin[0])
        )  # fmt: skip
        x, y = rho * math.sin(theta), rho_0 - rho * math.cos(theta)
        return x + self.false[0], y + self.false[1]

    def inverse(self, x: float, y: float) -> tuple[float, float]:
        """Return the latitude and longitude in degrees of a place in metres."""
        east = x - self.false[0]
        south = self._rho(math.radians(self.origin[0])) - (y - self.false[1])
        theta = math.atan2(east, south)
        phi = self._phi(math.hypot(east, south))
        longitude = math.radians(self.origin[1]) + theta / self._n
        return math.degrees(phi), math.degrees(longitude)


class Albers(Projection):
    """The equal-area conic projection (equations 14-1 to 14-15 and 3-16)."""

    def __post_init__(self) -> None:
        one, two = (math.radians(p) for p in self.parallels)
        n = (_m(one) ** 2 - _m(two) ** 2) / (_q(two) - _q(one))
        object.__setattr__(self, "_n", n)
        object.__setattr__(self, "_c", _m(one) ** 2 + n * _q(one))

    def _rho(self, phi: float) -> float:
        return _A * math.sqrt(self._c - self._n * _q(phi)) / self._n

    def _phi(self, rho: float) -> float:
        q = (self._c - (rho * self._n / _A) ** 2) / self._n
        phi = math.asin(max(-1.0, min(1.0, q / 2.0)))
        for _ in range(8):
            s = math.sin(phi)
            w = 1.0 - _E2 * s * s
            short = q / (1.0 - _E2) - s / w - math.atanh(_E * s) / _E
            phi += w * w / (2.0 * math.cos(phi)) * short
        return phi


def _q(phi: float) -> float:
    s = math.sin(phi)
    return (1.0 - _E2) * (s / (1.0 - _E2 * s * s) + math.atanh(_E * s) / _E)


class Lambert(Projection):
    """The conformal conic projection (equations 15-1 to 15-11 and 7-9)."""

    def __post_init__(self) -> None:
        one, two = (math.radians(p) for p in self.parallels)
        n = math.log(_m(one) / _m(two)) / math.log(_t(one) / _t(two))
        object.__setattr__(self, "_n", n)
        object.__setattr__(self, "_c", _m(one) / (n * _t(one) ** n))

    def _rho(self, phi: float) -> float:
        return float(_A * self._c * _t(phi) ** self._n)

    def _phi(self, rho: float) -> float:
        t = (rho / (_A * self._c)) ** (1.0 / self._n)
        phi = 0.5 * math.pi - 2.0 * math.atan(t)
        for _ in range(8):
            s = _E * math.sin(phi)
            phi = 0.5 * math.pi - 2.0 * math.atan(
                t * ((1.0 - s) / (1.0 + s)) ** (0.5 * _E)
            )
        return phi


def _t(phi: float) -> float:
    s = _E * math.sin(phi)
    ratio: float = ((1.0 - s) / (1.0 + s)) ** (0.5 * _E)
    return math.tan(0.25 * math.pi - 0.5 * phi) / ratio


CONUS = Albers("CONUS Albers", (23.0, -96.0), (29.5, 45.5))

PROJECTIONS: dict[int, Projection] = {
    5070: CONUS,
    3338: Albers("Alaska Albers", (50.0, -154.0), (55.0, 65.0)),
    102007: Albers("Hawaii Albers", (13.0, -157.0), (8.0, 18.0)),
    32161: Lambert(
        "Puerto Rico and Virgin Islands",
        (17.0 + 50.0 / 60.0, -(66.0 + 26.0 / 60.0)),
        (18.0 + 26.0 / 60.0, 18.0 + 2.0 / 60.0),
        (200000.0, 200000.0),
    ),
}
"""Those in which files of its land are, by their number at EPSG or Esri."""

PROJECTIONS[6566] = PROJECTIONS[32161]  # of another realization of the datum
PROJECTIONS[6350] = CONUS

to_conus_albers, from_conus_albers = CONUS.forward, CONUS.inverse
"""Between degrees north and east, and metres of EPSG:5070."""
