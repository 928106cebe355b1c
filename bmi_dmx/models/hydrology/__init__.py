"""Hydrological processes: the HBV family, potential evaporation, unit hydrograph."""

from __future__ import annotations

from .hbv import Hbv, Hbv11p
from .pet import Hargreaves, Oudin
from .unit_hydrograph import UnitHydrograph, gamma_weights

__all__ = [
    "Hargreaves",
    "Hbv",
    "Hbv11p",
    "Oudin",
    "UnitHydrograph",
    "gamma_weights",
]
