"""Hydrological processes: the HBV family, potential evaporation, unit hydrograph."""

from __future__ import annotations

from .daily_extremes import DailyExtremes
from .hbv import Hbv, Hbv11p
from .outlet import DepthToVolume, DirectOutlet
from .penman_monteith import PenmanMonteith, PenmanMonteithHourly
from .pet import Hargreaves, Oudin
from .priestley_taylor import PriestleyTaylor, PriestleyTaylorHourly
from .unit_hydrograph import UnitHydrograph, gamma_weights

__all__ = [
    "DailyExtremes",
    "DepthToVolume",
    "DirectOutlet",
    "Hargreaves",
    "Hbv",
    "Hbv11p",
    "Oudin",
    "PenmanMonteith",
    "PenmanMonteithHourly",
    "PriestleyTaylor",
    "PriestleyTaylorHourly",
    "UnitHydrograph",
    "gamma_weights",
]
