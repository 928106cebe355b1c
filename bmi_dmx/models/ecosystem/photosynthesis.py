"""What leaves assimilate at a given carbon dioxide between their cells.

Rates are in umol m-2 s-1 of one side of the leaf, carbon dioxide in umol mol-1. Slopes
stand beside what they are the slopes of, for the search for carbon dioxide.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .temperature import (
    CARBOXYLATION_AFFINITY,
    COMPENSATION_POINT,
    OXYGENATION_AFFINITY,
    arrhenius,
    doubling,
    falling_above,
    falling_below,
)

__all__ = ["C3", "C4", "c3_leaf", "c4_leaf", "smaller_root"]

_OXYGEN = 210.0  # mmol mol-1
_STANDARD_PRESSURE = 101325.0  # Pa
_ELECTRON_CURVATURE = 0.7  # von Caemmerer (2000)
_C3_CURVATURE = 0.98, 0.95  # Collatz et al. (1991), doi:10.1016/0168-1923(91)90002-8
_C4_CURVATURE = 0.83, 0.93  # Collatz et al. (1992)
_RESPIRATION = 46390.0  # J mol-1, Bernacchi et al. (2001)


def smaller_root(x: Tensor, y: Tensor, curvature: float) -> Tensor:
    r"""Return the smaller root of :math:`\theta A^2 - (x + y) A + x y = 0`.

    It is a minimum with its corner rounded, and the minimum at a curvature of 1.

    Parameters
    ----------
    x, y : Tensor
        Two limits, not both 0, of which at most one is negative.
    curvature : float
        :math:`\theta`, above 0 and at most 1.
    """
    if curvature == 1.0:
        return torch.minimum(x, y)
    # Divided by the larger root: no digits are lost, and the slope at 0 is finite.
    return 2.0 * x * y / (x + y + _between_roots(x, y, curvature))


def _between_roots(x: Tensor, y: Tensor, curvature: float) -> Tensor:
    apart = x - y
    return torch.sqrt(apart * apart + 4.0 * (1.0 - curvature) * (x * y))


def _with_slope(
    x: Tensor, x_slope: Tensor, y: Tensor, y_slope: Tensor | float, curvature: float
) -> tuple[Tensor, Tensor]:
    """Return the smaller root, and its slope given those of the limits."""
    root = smaller_root(x, y, curvature)
    if curvature == 1.0:
        return root, torch.where(x < y, x_slope, y_slope)
    slope = (y - root) * x_slope + (x - root) * y_slope
    return root, slope / _between_roots(x, y, curvature)


class C3(NamedTuple):
    r"""Photosynthesis of C3 leaves: Farquhar, von Caemmerer and Berry (1980).

    .. math::

        A = (C_i - \Gamma^*) \;\min_\theta\left(
            \frac{V_{cmax}}{C_i + K_c (1 + O / K_o)},\;
            \frac{J / 4}{C_i + 2 \Gamma^*} \right)

    and at most :math:`3\,TPU` where phosphate limits. The factor stands before the
    minimum, whose corner is then rounded alike on both sides of the compensation point.

    Parameters
    ----------
    carboxylation, electrons : Tensor
        :math:`V_{cmax}` and :math:`J / 4`.
    affinity : Tensor
        :math:`K_c (1 + O / K_o)`, umol mol-1.
    compensation : Tensor
        :math:`\Gamma^*`, umol mol-1.
    respiration : Tensor
        Day respiration.
    phosphate : Tensor or None
        :math:`3\,TPU`.
    curvatures : (float, float)
        Of the first minimum and of that with phosphate.

    References
    ----------
    Planta 149, 78, doi:10.1007/BF00386231; phosphate: Sharkey (1985),
    doi:10.1007/BF02860058.
    """

    carboxylation: Tensor
    electrons: Tensor
    affinity: Tensor
    compensation: Tensor
    respiration: Tensor
    phosphate: Tensor | None
    curvatures: tuple[float, float]

    def net(self, inside: Tensor) -> tuple[Tensor, Tensor]:
        """Return net assimilation, and its slope over carbon dioxide."""
        by_carbon = inside + self.affinity
        by_light = inside + 2.0 * self.compensation
        carboxylation = self.carboxylation / by_carbon
        electrons = self.electrons / by_light
        efficiency, bend = _with_slope(
            carboxylation, -carboxylation / by_carbon,
            electrons, -electrons / by_light, self.curvatures[0],
        )  # fmt: skip
        excess = inside - self.compensation
        rate, slope = excess * efficiency, efficiency + excess * bend
        if self.phosphate is not None:
            rate, slope = _with_slope(
                rate, slope, self.phosphate, 0.0, self.curvatures[1]
            )
        return rate - self.respiration, slope


class C4(NamedTuple):
    r"""Photosynthesis of C4 leaves: Collatz, Ribas-Carbo and Berry (1992).

    .. math::

        A = \min_\beta\left(\min_\theta(V_{max},\; \alpha\,Q),\; k\,C_i\right)

    Parameters
    ----------
    saturated : Tensor
        The inner minimum: assimilation where carbon dioxide does not limit.
    efficiency : Tensor
        :math:`k`, mol m-2 s-1.
    respiration : Tensor
        Day respiration.
    curvature : float
        :math:`\beta`.

    References
    ----------
    Australian Journal of Plant Physiology 19, 519, doi:10.1071/PP9920519.
    """

    saturated: Tensor
    efficiency: Tensor
    respiration: Tensor
    curvature: float

    @property
    def compensation(self) -> Tensor:
        """Carbon dioxide at which nothing is fixed: none at all."""
        return torch.zeros_like(self.saturated)

    def net(self, inside: Tensor) -> tuple[Tensor, Tensor]:
        """Return net assimilation, and its slope over carbon dioxide."""
        rate, slope = _with_slope(
            self.efficiency * inside, self.efficiency, self.saturated, 0.0,
            self.curvature,
        )  # fmt: skip
        return rate - self.respiration, slope


def c3_leaf(
    photon_flux: Tensor,
    temperature: Tensor,
    pressure: Tensor,
    *,
    carboxylation: Tensor,
    electron_capacity: Tensor,
    quantum_yield: Tensor,
    respiration25: Tensor,
    phosphate: Tensor | None,
    smooth: bool,
) -> C3:
    r"""Return a C3 leaf in some light, at some temperature and pressure.

    Electron transport follows :math:`\theta J^2 - (\alpha Q + J_{max}) J
    + \alpha Q J_{max} = 0`. The constants of Rubisco are partial pressures; as mole
    fractions they are larger where the air is thin.

    Parameters
    ----------
    photon_flux, temperature, pressure : Tensor
        umol m-2 s-1, degC, Pa.
    carboxylation, electron_capacity, phosphate : Tensor
        :math:`V_{cmax}`, :math:`J_{max}` and :math:`3\,TPU` at the leaf's temperature.
    quantum_yield : Tensor
        Electrons transported by a photon in weak light.
    respiration25 : Tensor
        Day respiration at 25 °C.
    smooth : bool
        Round the corners of the minima.
    """
    thinness = _STANDARD_PRESSURE / pressure
    kc, ko, compensation = (
        at25 * arrhenius(temperature, energy) * thinness
        for at25, energy in (
            CARBOXYLATION_AFFINITY,
            OXYGENATION_AFFINITY,
            COMPENSATION_POINT,
        )
    )
    electrons = smaller_root(
        quantum_yield * photon_flux, electron_capacity, _ELECTRON_CURVATURE
    )
    return C3(
        carboxylation=carboxylation,
        electrons=0.25 * electrons,
        affinity=kc * (1.0 + _OXYGEN / ko),
        compensation=compensation,
        respiration=respiration25 * arrhenius(temperature, _RESPIRATION),
        phosphate=phosphate,
        curvatures=_C3_CURVATURE if smooth else (1.0, 1.0),
    )


def c4_leaf(
    photon_flux: Tensor,
    temperature: Tensor,
    *,
    carboxylation25: Tensor,
    quantum_yield: Tensor,
    efficiency25: Tensor,
    respiration25: Tensor,
    smooth: bool,
) -> C4:
    """Return a C4 leaf in some light and at some temperature.

    Rates double every 10 degrees; carboxylation falls in the cold and in the heat, and
    respiration in great heat.

    Parameters
    ----------
    photon_flux, temperature : Tensor
        umol m-2 s-1, degC.
    carboxylation25, respiration25 : Tensor
        At 25 °C.
    quantum_yield : Tensor
        Carbon dioxide assimilated by a photon in weak light.
    efficiency25 : Tensor
        Slope of assimilation over carbon dioxide at 25 °C, mol m-2 s-1.
    smooth : bool
        Round the corners of the minima.

    References
    ----------
    Collatz et al. (1992); constants of temperature as in Oleson et al. (2013),
    NCAR/TN-503+STR, equations 8.12 to 8.14, doi:10.5065/D6RR1W7M.
    """
    warmth = doubling(temperature)
    active = falling_above(temperature, 40.0, 0.3) * falling_below(
        temperature, 15.0, 0.2
    )
    light, carbon = _C4_CURVATURE if smooth else (1.0, 1.0)
    return C4(
        saturated=smaller_root(
            carboxylation25 * warmth * active, quantum_yield * photon_flux, light
        ),
        efficiency=efficiency25 * warmth,
        respiration=respiration25 * warmth * falling_above(temperature, 55.0, 1.3),
        curvature=carbon,
    )
