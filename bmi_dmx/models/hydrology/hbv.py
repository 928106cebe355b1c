"""The HBV family: snow, soil and two groundwater zones, as one time step."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from ...process import Budget, Process
from ...variables import Flux, Parameter, State
from ..weather import AIR_TEMPERATURE
from .forcings import POTENTIAL_EVAPORATION, PRECIPITATION

__all__ = ["Hbv", "Hbv11p"]

# Below this saturation the power laws of soil moisture are flat: keeps their
# derivatives finite at an empty soil without adding or removing water.
_DRIEST = 1e-8


def _store(name: str, symbol: str, about: str, standard_name: str = "") -> State:
    return State(
        name=name, symbol=symbol, units="mm", about=about, initial=0.001,
        bounds=(0.0, 1e6), standard_name=standard_name,
    )  # fmt: skip


def _rate(name: str, symbol: str, about: str, standard_name: str = "") -> Flux:
    return Flux(
        name=name, symbol=symbol, units="mm d-1", about=about, per_step="rate",
        standard_name=standard_name,
    )  # fmt: skip


class Hbv(Process):
    r"""HBV as in δHBV 1.0: stores in mm, rates in mm per day.

    Each equation uses the stores as the equations above it left them:

    ==================================================================  ==============
    :math:`PS = P\,[T < TT]`, the rest of :math:`P` is rain             snowfall
    :math:`M = \min(CFMAX\,(T - TT)^+,\, SP)`                           melt
    :math:`R = \min(CFR\,CFMAX\,(TT - T)^+,\, MW)`                      refreezing
    :math:`INF = P - PS + (MW - CWH\,SP)^+`                             infiltration
    :math:`RECH = INF\,(SM/FC)^{BETA} + (SM - FC)^+`                    recharge
    :math:`ET = \min(E\,(SM / (LP\,FC))^{BETAET},\, SM)`                evaporation
    :math:`PC = \min(PERC,\, UZ)`                                       percolation
    :math:`Q_0 = K_0\,(UZ - UZL)^+,\; Q_1 = K_1\,UZ,\; Q_2 = K_2\,LZ`   runoff
    ==================================================================  ==============

    Powers of soil moisture are at most 1, and every store may become empty. The change
    from rain to snow is a jump and gives *TT* no gradient; melt and refreezing do.

    Notes
    -----
    Steps other than a day keep recessions and balances: recession constants are
    converted as shares, other rates in proportion. What differs is that a daily step
    puts the day's water into a reservoir before it drains, so the water of a slow
    reservoir stays there ``(1 - dt) / 2`` days longer at steps of ``dt`` days.

    References
    ----------
    Bergström (1976), SMHI Reports RHO 7; Seibert and Vis (2012), HESS 16, 3315,
    doi:10.5194/hess-16-3315-2012; Feng et al. (2022), WRR 58, e2022WR032404,
    doi:10.1029/2022WR032404.
    """

    about = "HBV 1.0: degree-day snow, power-law soil, two groundwater zones"
    forcings = (PRECIPITATION, AIR_TEMPERATURE, POTENTIAL_EVAPORATION)
    states = (
        _store("snowpack", "SP", "frozen water of the snow pack"),
        _store("meltwater", "MW", "liquid water held in the snow pack"),
        _store(
            "soil_moisture", "SM", "water of the soil",
            "land_surface_soil_water__volume-per-area_storage_density",
        ),
        _store("upper_zone", "UZ", "upper groundwater zone"),
        _store("lower_zone", "LZ", "lower groundwater zone"),
    )  # fmt: skip
    parameters: tuple[Parameter, ...] = (
        Parameter(name="beta", symbol="BETA", bounds=(1, 6), about="shape of recharge"),
        Parameter(name="fc", symbol="FC", bounds=(50, 1000), units="mm",
                  about="soil capacity"),
        Parameter(name="k0", symbol="K0", bounds=(0.05, 0.9), units="d-1",
                  per_step="fraction", about="recession of quick flow"),
        Parameter(name="k1", symbol="K1", bounds=(0.01, 0.5), units="d-1",
                  per_step="fraction", about="recession of interflow"),
        Parameter(name="k2", symbol="K2", bounds=(0.001, 0.2), units="d-1",
                  per_step="fraction", about="recession of baseflow"),
        Parameter(name="lp", symbol="LP", bounds=(0.2, 1),
                  about="share of FC below which evaporation is reduced"),
        Parameter(name="perc", symbol="PERC", bounds=(0, 10), units="mm d-1",
                  per_step="rate", about="largest percolation"),
        Parameter(name="uzl", symbol="UZL", bounds=(0, 100), units="mm",
                  about="upper-zone storage above which quick flow starts"),
        Parameter(name="tt", symbol="TT", bounds=(-2.5, 2.5), units="degC",
                  about="temperature of snowfall and of melting"),
        Parameter(name="cfmax", symbol="CFMAX", bounds=(0.5, 10),
                  units="mm degC-1 d-1", per_step="rate", about="degree-day factor"),
        Parameter(name="cfr", symbol="CFR", bounds=(0, 0.1),
                  about="refreezing relative to melting"),
        Parameter(name="cwh", symbol="CWH", bounds=(0, 0.2),
                  about="liquid water a snow pack holds, relative to its ice"),
        Parameter(name="betaet", symbol="BETAET", bounds=(0.3, 5), default=1.0,
                  about="shape of evaporation reduction"),
    )  # fmt: skip
    fluxes: tuple[Flux, ...] = (
        _rate("runoff", "Q", "runoff of the land surface",
              "land_surface_water_runoff__volume_flux"),
        _rate("quick_flow", "Q0", "runoff above the threshold of the upper zone"),
        _rate("interflow", "Q1", "runoff of the upper zone"),
        _rate("baseflow", "Q2", "runoff of the lower zone",
              "land_surface_water_baseflow__volume_flux"),
        _rate("evaporation", "ET", "actual evapotranspiration",
              "land_surface_water_evaporation__volume_flux"),
        _rate("snowfall", "PS", "precipitation falling as snow"),
        _rate("melt", "M", "melting of the snow pack",
              "snowpack_meltwater__volume_flux"),
        _rate("refreezing", "R", "refreezing of melt water in the pack"),
        _rate("infiltration", "INF", "rain and outflow of the snow pack"),
        _rate("recharge", "RECH", "water passing the soil, saturation excess included",
              "groundwater_recharge__volume_flux"),
        _rate("percolation", "PC", "flow from the upper to the lower zone"),
        Flux(name="snow_water_equivalent", symbol="SWE", units="mm",
             about="frozen and liquid water of the snow pack",
             standard_name="snowpack__leq_depth"),
    )  # fmt: skip
    budgets = (
        Budget(
            inputs=("precipitation",),
            outputs=("runoff", "evaporation"),
            storages=tuple(state.name for state in states),
            name="water",
            units="mm",
        ),
    )

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Advance one step; equations in the order of Feng et al. (2022)."""
        now = degree_day_snow(s, f, p)
        now |= power_law_soil(s, f, p, now["infiltration"])
        now |= self.capillary_exchange(now["soil_moisture"], s.lower_zone, p)
        now |= two_zones(s.upper_zone, now["lower_zone"], p, now["recharge"])
        return (
            {state.name: now[state.name] for state in self.states},
            {flux.name: now[flux.name] for flux in self.fluxes},
        )

    def capillary_exchange(
        self, soil_moisture: Tensor, lower_zone: Tensor, p: SimpleNamespace
    ) -> dict[str, Tensor]:
        """Return soil moisture and lower zone after their exchange; here none."""
        return {"soil_moisture": soil_moisture, "lower_zone": lower_zone}


class Hbv11p(Hbv):
    r"""HBV 1.1p: HBV 1.0 with capillary rise.

    After evaporation, :math:`CAP = \min(C\,LZ\,(1 - SM/FC)^+,\, LZ)` moves from the
    lower zone to the soil.

    Notes
    -----
    *C* is converted to steps in proportion, unlike the recession constants: the rise
    comes before the day's percolation, and so its share of what the lower zone receives
    is :math:`C` for one of :math:`K_2`, not the share of a store that empties. A daily
    rise of more than *FC* overfills the soil, which shorter steps do not.

    References
    ----------
    Song et al. (2026), WRR, doi:10.1029/2025WR040414.
    """

    about = "HBV 1.1p: HBV 1.0 with capillary rise from the lower zone to the soil"
    parameters = (
        *Hbv.parameters,
        Parameter(name="c", symbol="C", bounds=(0, 1), units="d-1", per_step="rate",
                  about="capillary rise from the lower zone into a dry soil"),
    )  # fmt: skip
    fluxes = (
        *Hbv.fluxes,
        _rate("capillary_rise", "CAP", "flow from the lower zone back to the soil"),
    )

    def capillary_exchange(
        self, soil_moisture: Tensor, lower_zone: Tensor, p: SimpleNamespace
    ) -> dict[str, Tensor]:
        """Return soil moisture and lower zone after capillary rise, and the rise."""
        dryness = 1.0 - torch.clamp(soil_moisture / p.fc, max=1.0)
        rise = torch.minimum(p.c * lower_zone * dryness, lower_zone)
        return {
            "soil_moisture": soil_moisture + rise,
            "lower_zone": lower_zone - rise,
            "capillary_rise": rise,
        }


def degree_day_snow(
    s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
) -> dict[str, Tensor]:
    """Return snow pack, melt water and the water that leaves them for the soil."""
    warmth = f.air_temperature - p.tt
    snowfall = torch.where(warmth < 0.0, f.precipitation, 0.0)
    snowpack = s.snowpack + snowfall
    melt = torch.minimum(torch.clamp(p.cfmax * warmth, min=0.0), snowpack)
    snowpack = snowpack - melt
    meltwater = s.meltwater + melt
    refreezing = torch.minimum(
        torch.clamp(p.cfr * p.cfmax * -warmth, min=0.0), meltwater
    )
    snowpack = snowpack + refreezing
    meltwater = meltwater - refreezing
    outflow = torch.clamp(meltwater - p.cwh * snowpack, min=0.0)
    meltwater = meltwater - outflow
    return {
        "snowpack": snowpack,
        "meltwater": meltwater,
        "snow_water_equivalent": snowpack + meltwater,
        "snowfall": snowfall,
        "melt": melt,
        "refreezing": refreezing,
        "infiltration": f.precipitation - snowfall + outflow,
    }


def power_law_soil(
    s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace, infiltration: Tensor
) -> dict[str, Tensor]:
    """Return soil moisture, recharge and evaporation."""
    wetness = torch.clamp(s.soil_moisture / p.fc, _DRIEST, 1.0)
    passing = infiltration * wetness**p.beta
    soil_moisture = s.soil_moisture + infiltration - passing
    excess = torch.clamp(soil_moisture - p.fc, min=0.0)
    soil_moisture = soil_moisture - excess
    supply = torch.clamp(soil_moisture / (p.lp * p.fc), _DRIEST, 1.0) ** p.betaet
    evaporation = torch.minimum(f.potential_evaporation * supply, soil_moisture)
    return {
        "soil_moisture": soil_moisture - evaporation,
        "recharge": passing + excess,
        "evaporation": evaporation,
    }


def two_zones(
    upper_zone: Tensor, lower_zone: Tensor, p: SimpleNamespace, recharge: Tensor
) -> dict[str, Tensor]:
    """Return the upper zone with its two outlets and the lower zone with one."""
    upper_zone = upper_zone + recharge
    percolation = torch.minimum(upper_zone, p.perc)
    upper_zone = upper_zone - percolation
    quick_flow = p.k0 * torch.clamp(upper_zone - p.uzl, min=0.0)
    upper_zone = upper_zone - quick_flow
    interflow = p.k1 * upper_zone
    upper_zone = upper_zone - interflow
    lower_zone = lower_zone + percolation
    baseflow = p.k2 * lower_zone
    return {
        "upper_zone": upper_zone,
        "lower_zone": lower_zone - baseflow,
        "percolation": percolation,
        "quick_flow": quick_flow,
        "interflow": interflow,
        "baseflow": baseflow,
        "runoff": quick_flow + interflow + baseflow,
    }
