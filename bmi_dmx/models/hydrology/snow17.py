"""Snow-17: the energy of a snow pack from the temperature of the air and the season."""

from __future__ import annotations

import math
from copy import copy
from types import SimpleNamespace

import torch
from torch import Tensor

from ...process import Budget, Process
from ...variables import Flux, Parameter, State
from ..weather import AIR_TEMPERATURE
from .climate import LATITUDE, TOPOGRAPHY
from .forcings import DAY_OF_YEAR, PRECIPITATION
from .snow import MELT, OUTFLOW, SNOW_WATER_EQUIVALENT, SNOWFALL

__all__ = ["Snow17"]

_EQUINOX = 80.0  # day of the year of 21 March
_YEAR = 366.0
_FUSION = 160.0  # degC: latent heat of ice over its specific heat
_STEFAN_BOLTZMANN = 6.12e-10 * 24.0  # mm K-4 d-1
_RAIN_HEAT = 0.0125  # mm of melt that a mm of rain gives per degC
_WIND_HEAT = 8.5
_RAINY = 6.0  # mm d-1 of rain, above which its heat is that of overcast, humid air
_SNOWY = 36.0  # mm d-1 of snow, above which the pack's surface is as cold as new snow
_DEEPEST_COLD = 0.33  # mm of heat deficit in a mm of ice
_THIN = 0.1  # mm, of a pack that holds nothing up
_AT_ONCE = 30.0  # exponent from which nothing is held up


class Snow17(Process):
    r"""Snow-17 on one band of elevation, without areal depletion: mm and mm per day.

    Per step of :math:`h` days, with :math:`T_n = \min(T, 0)` and the season's melt
    factor :math:`M_f` between *MFMIN* in December and *MFMAX* in June:

    1. Precipitation is snow where :math:`T \le PXTEMP`, times *SCF*, and rain else.
    2. The heat deficit *D*, as the water that it would take to freeze,
       changes by :math:`-T_n\,PS/160 + NMF\,(M_f/MFMAX)\,(ATI - T_n)` and lies between
       0 and a third of the ice. The index *ATI* follows the air by the share *TIPM*.
    3. Where it does not rain much, :math:`M = M_f\,(T - MBASE)^+ + 0.0125\,P\,T^+`;
       else by the balance of energy under an overcast, humid sky.
    4. Melt and rain freeze as far as there is a deficit. The pack holds *PLWHC* of its
       ice as water; what is more passes through.
    5. *DAYGM* melts at the ground.
    6. Of the water that has passed, thick packs hold some back:
       :math:`1/(1 + 5 e^{-500\,E/W^{1.3}})` of it leaves in an hour.

    Notes
    -----
    The lag of up to 5.33 h before step 6 is left out, and so is the areal depletion of
    thin packs; above 54 degrees of latitude the season is as it is below. South of the
    equator it is turned round. Days are the unit of all rates, six hours in the
    source. The additional water by *SCF* is the flux ``gauge_catch``.

    References
    ----------
    Anderson (1973), NOAA Technical Memorandum NWS HYDRO-17; Anderson (2006), Snow
    Accumulation and Ablation Model - SNOW-17, National Weather Service.
    """

    about = "Snow-17: snow pack with heat deficit, rain on snow, seasonal melt"
    forcings = (PRECIPITATION, AIR_TEMPERATURE, DAY_OF_YEAR)
    states = (
        State(name="snowpack", symbol="WI", units="mm", bounds=(0.0, 1e6),
              about="frozen water of the snow pack"),
        State(name="meltwater", symbol="WQ", units="mm", bounds=(0.0, 1e6),
              about="liquid water held in the snow pack"),
        State(name="heat_deficit", symbol="D", units="mm", bounds=(0.0, 1e6),
              about="water that the cold of the pack can freeze"),
        State(name="snow_temperature", symbol="ATI", units="degC", bounds=(-90.0, 0.0),
              about="antecedent temperature index of the snow pack"),
        State(name="snow_passage", symbol="S", units="mm", bounds=(0.0, 1e6),
              about="water on its way out of the snow pack"),
    )  # fmt: skip
    parameters = (
        Parameter(name="scf", symbol="SCF", bounds=(0.7, 1.5),
                  about="snowfall relative to what the gauge caught"),
        Parameter(name="pxtemp", symbol="PXTEMP", bounds=(-2.0, 4.0), units="degC",
                  about="temperature below which precipitation is snow"),
        Parameter(name="mfmax", symbol="MFMAX", bounds=(2.0, 10.0),
                  units="mm degC-1 d-1", per_step="rate", about="melt factor in June"),
        Parameter(name="mfmin", symbol="MFMIN", bounds=(0.1, 4.0),
                  units="mm degC-1 d-1", per_step="rate",
                  about="melt factor in December"),
        Parameter(name="uadj", symbol="UADJ", bounds=(0.05, 0.8),
                  units="mm hPa-1 d-1", per_step="rate",
                  about="wind function during rain on snow"),
        Parameter(name="mbase", symbol="MBASE", bounds=(-1.0, 2.0), units="degC",
                  about="temperature above which snow melts"),
        Parameter(name="nmf", symbol="NMF", bounds=(0.2, 2.0), units="mm degC-1 d-1",
                  per_step="rate", about="heat exchange factor without melt"),
        Parameter(name="tipm", symbol="TIPM", bounds=(0.1, 0.99), units="d-1",
                  per_step="fraction", about="share of the air in the index of the"
                  " pack's temperature, in a day"),
        Parameter(name="plwhc", symbol="PLWHC", bounds=(0.02, 0.3),
                  about="liquid water a snow pack holds, relative to its ice"),
        Parameter(name="daygm", symbol="DAYGM", bounds=(0.0, 0.5), units="mm d-1",
                  per_step="rate", about="melt at the ground"),
        Parameter(name="latitude", symbol="phi", units="degrees_north", per="place",
                  bounds=LATITUDE.bounds, source="attribute",
                  about="geographical latitude"),
        Parameter(name="elevation_mean", symbol="z", units="m", per="place",
                  bounds=TOPOGRAPHY["elevation_mean"].bounds, source="attribute",
                  about="mean elevation"),
    )  # fmt: skip
    fluxes = (
        OUTFLOW, SNOWFALL, MELT,
        Flux(name="refreezing", symbol="R", units="mm d-1", per_step="rate",
             about="freezing of melt and rain in the cold pack"),
        Flux(name="gauge_catch", symbol="GC", units="mm d-1", per_step="rate",
             about="snow that the gauge did not catch; may be less than nothing"),
        SNOW_WATER_EQUIVALENT,
    )  # fmt: skip
    budgets = (
        Budget(
            inputs=("precipitation", "gauge_catch"), outputs=("snow_outflow",),
            storages=("snowpack", "meltwater", "snow_passage"),
            name="water", units="mm",
        ),
    )  # fmt: skip

    def at(self, dt: float) -> Snow17:
        """Return the process for steps of ``dt`` days."""
        timed = copy(self)
        timed.dt = float(dt)
        return timed

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Advance one step, in the order of Anderson (2006)."""
        warmth, dt = f.air_temperature, self.dt
        caught = torch.where(warmth <= p.pxtemp, f.precipitation, 0.0)
        rain, snowfall = f.precipitation - caught, caught * p.scf
        pack = s.snowpack + snowfall
        factor = _season(f.day_of_year, p)
        deficit, index = _cold(s, p, warmth, snowfall, factor, dt)
        deficit = torch.minimum(torch.clamp(deficit, min=0.0), _DEEPEST_COLD * pack)

        melt = torch.minimum(_melt(f, p, rain, factor, dt), pack)
        pack = pack - melt
        refreezing = torch.minimum(melt + rain, deficit)
        pack = pack + refreezing
        liquid = s.meltwater + melt + rain - refreezing
        meltwater = torch.minimum(liquid, p.plwhc * pack)
        leaving, passage = _passage(s.snow_passage, liquid - meltwater, pack, dt)
        ground = torch.minimum(p.daygm, pack)
        pack = pack - ground
        return (
            {
                "snowpack": pack,
                "meltwater": meltwater,
                "heat_deficit": deficit - refreezing,
                "snow_temperature": index,
                "snow_passage": passage,
            },
            {
                "snow_outflow": leaving + ground,
                "snowfall": snowfall,
                "melt": melt + ground,
                "refreezing": refreezing,
                "gauge_catch": snowfall - caught,
                "snow_water_equivalent": pack + meltwater + passage,
            },
        )


def _season(day_of_year: Tensor, p: SimpleNamespace) -> Tensor:
    """Return the melt factor of a day, mm per degC in a step."""
    angle = 2.0 * math.pi * (day_of_year - _EQUINOX) / _YEAR
    half = torch.where(p.latitude < 0.0, -0.5, 0.5)
    share = half * torch.sin(angle) + 0.5
    factor: Tensor = share * (p.mfmax - p.mfmin) + p.mfmin
    return factor


def _cold(
    s: SimpleNamespace, p: SimpleNamespace, warmth: Tensor, snowfall: Tensor,
    factor: Tensor, dt: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return heat deficit and temperature index once snow has fallen."""
    frost = torch.clamp(warmth, max=0.0)
    exchange = p.nmf * factor / p.mfmax * (s.snow_temperature - frost)
    index = s.snow_temperature + p.tipm * (warmth - s.snow_temperature)
    index = torch.where(snowfall > _SNOWY * dt, frost, torch.clamp(index, max=0.0))
    return s.heat_deficit - frost * snowfall / _FUSION + exchange, index


def _melt(
    f: SimpleNamespace, p: SimpleNamespace, rain: Tensor, factor: Tensor, dt: float
) -> Tensor:
    """Return what the weather could melt at the surface, mm."""
    warmth = f.air_temperature
    warm = torch.clamp(warmth, min=0.0)
    by_rain = _RAIN_HEAT * rain * warm
    dry = factor * torch.clamp(warmth - p.mbase, min=0.0) + by_rain
    # Black-body sky at the temperature of the air; saturation pressure in hPa.
    kelvin = warmth + 273.0
    square = kelvin * kelvin
    radiation = _STEFAN_BOLTZMANN * dt * (square * square - 273.0**4)
    saturated = 2.7489e8 * torch.exp(-4278.63 / (warmth + 242.792))
    vapour = 0.9 * saturated - 6.11
    heat = vapour + 0.00057 * _pressure(p.elevation_mean) * warmth
    wet = torch.clamp(radiation + by_rain + _WIND_HEAT * p.uadj * heat, min=0.0)
    return torch.where(rain > _RAINY * dt, wet, dry)


def _pressure(elevation: Tensor) -> Tensor:
    """Return the pressure of the air in hPa at an elevation in m."""
    hundreds = torch.clamp(elevation, min=1.0) / 100.0
    pressure: Tensor = 33.86 * (29.9 - 0.335 * hundreds + 0.00022 * hundreds**2.4)
    return pressure


def _passage(
    passage: Tensor, excess: Tensor, pack: Tensor, dt: float
) -> tuple[Tensor, Tensor]:
    """Return the water that leaves a pack, and what stays on its way.

    Of what is there, 1 / (1 + 5 exp(-x)) leaves in an hour, so that
    (5 exp(-x) / (1 + 5 exp(-x)))^hours stays.
    """
    hours = 24.0 * dt
    ratio = 500.0 * (excess / hours) / torch.clamp(pack, min=_THIN) ** 1.3
    # What is on its way in no pack is not held up.
    ratio = torch.where(pack > _THIN, torch.clamp(ratio, max=_AT_ONCE), _AT_ONCE)
    slow = 5.0 * torch.exp(-ratio)
    stays = torch.exp(hours * (math.log(5.0) - ratio - torch.log(1.0 + slow)))
    water = passage + excess
    rest = water * stays
    return water - rest, rest
