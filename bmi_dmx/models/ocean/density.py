"""How dense water is by its temperature, salinity and depth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from .constants import DENSITY

__all__ = ["DensityLaw", "Law", "density_law"]

Law = Literal["linear", "nonlinear"]

DensityLaw = Callable[[Tensor, Tensor, Tensor | float], Tensor]
"""From temperature (degC), salinity (1e-3) and depth (m) to what density exceeds that
of reference by (kg m-3), but for what depends on depth alone and pulls nowhere."""

_SALT = 35.0
"""Salinity (1e-3) of reference."""


def density_law(law: Law, expansion: float, contraction: float) -> DensityLaw:
    """Return an equation of state.

    Parameters
    ----------
    law : {"linear", "nonlinear"}
        ``nonlinear``: expansion grows with temperature and depth, by the simplest
        form that has both; Roquet et al. (2015), doi:10.1175/JPO-D-15-0080.1.
    expansion : float
        By temperature (K-1), of the linear one.
    contraction : float
        By salinity (1e3), of the linear one.
    """
    return _roquet if law == "nonlinear" else _linear(expansion, contraction)


def _linear(expansion: float, contraction: float) -> DensityLaw:
    by_heat, by_salt = -DENSITY * expansion, DENSITY * contraction

    def law(temperature: Tensor, salinity: Tensor, depth: Tensor | float) -> Tensor:
        return by_heat * temperature + by_salt * (salinity - _SALT)

    return law


_CABBELING, _COLDEST, _THERMOBARIC, _HALINE = 0.011, -4.5, 2.5e-5, 0.77


def _roquet(temperature: Tensor, salinity: Tensor, depth: Tensor | float) -> Tensor:
    warm = temperature - _COLDEST
    by_heat = warm * (0.5 * _CABBELING * warm + _THERMOBARIC * depth)
    return _HALINE * (salinity - _SALT) - by_heat
