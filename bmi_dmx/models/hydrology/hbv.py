"""The HBV family: snow, soil and two groundwater zones, as one time step."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor

from ...errors import ConfigError
from ...process import Budget, Process
from ...variables import Flux, Parameter, State
from ..weather import AIR_TEMPERATURE
from .forcings import POTENTIAL_EVAPORATION, PRECIPITATION
from .water import rate

__all__ = [
    "DRIEST",
    "Fluxes",
    "Hbv",
    "Hbv11p",
    "frozen",
    "soil_store",
    "store",
    "wetness",
]

Fluxes = dict[str, Tensor]
"""New stores and fluxes by name."""

DRIEST = 1e-8
"""Saturation below which the power laws of soil moisture are flat: keeps their
derivatives finite at an empty soil without adding or removing water."""


def store(name: str, symbol: str, about: str, standard_name: str = "") -> State:
    """Return a store of water that starts almost empty."""
    return State(
        name=name, symbol=symbol, units="mm", about=about, initial=0.001,
        bounds=(0.0, 1e6), standard_name=standard_name,
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
    from rain to snow is a jump and gives *TT* no gradient; melt and refreezing do. With
    ``snow_transition`` it is gradual, :math:`PS = P / (1 + e^{(T - TT)/width})`.

    Parameters
    ----------
    options : mapping or Options, optional
        ``snow_transition`` between snow and rain, in degC; 0 is the jump.

    Raises
    ------
    ConfigError
        When an option is unknown or out of range.

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

    @dataclass(frozen=True)
    class Options:
        """Width, degC, of the logistic change from snow to rain; 0 is a jump."""

        snow_transition: float = 0.0

        def __post_init__(self) -> None:
            if not 0.0 <= self.snow_transition <= 20.0:
                raise ConfigError(
                    "snow_transition: expected 0 to 20 degC, found "
                    f"{self.snow_transition:g}"
                )

    about = "HBV 1.0: degree-day snow, power-law soil, two groundwater zones"
    forcings = (PRECIPITATION, AIR_TEMPERATURE, POTENTIAL_EVAPORATION)
    states: tuple[State, ...] = (
        store("snowpack", "SP", "frozen water of the snow pack"),
        store("meltwater", "MW", "liquid water held in the snow pack"),
        store(
            "soil_moisture", "SM", "water of the soil",
            "land_surface_soil_water__volume-per-area_storage_density",
        ),
        store("upper_zone", "UZ", "upper groundwater zone"),
        store("lower_zone", "LZ", "lower groundwater zone"),
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
        rate("runoff", "Q", "runoff of the land surface",
              "land_surface_water_runoff__volume_flux"),
        rate("quick_flow", "Q0", "runoff above the threshold of the upper zone"),
        rate("interflow", "Q1", "runoff of the upper zone"),
        rate("baseflow", "Q2", "runoff of the lower zone",
              "land_surface_water_baseflow__volume_flux"),
        rate("evaporation", "ET", "actual evapotranspiration",
              "land_surface_water_evaporation__volume_flux"),
        rate("snowfall", "PS", "precipitation falling as snow"),
        rate("melt", "M", "melting of the snow pack",
              "snowpack_meltwater__volume_flux"),
        rate("refreezing", "R", "refreezing of melt water in the pack"),
        rate("infiltration", "INF", "rain and outflow of the snow pack"),
        rate("recharge", "RECH", "water passing the soil, saturation excess included",
              "groundwater_recharge__volume_flux"),
        rate("percolation", "PC", "flow from the upper to the lower zone"),
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
        now = degree_day_snow(
            s, f, p, self.snow_threshold(p), self.options.snow_transition
        )
        now |= self.soil(s, f, p, now["infiltration"])
        now |= self.capillary_exchange(now["soil_moisture"], s.lower_zone, p)
        now |= upper_zone(s.upper_zone, p, now["recharge"])
        now |= self.regional_exchange(now["lower_zone"] + now["percolation"], p)
        now |= lower_zone(now["lower_zone"], p)
        now |= self.runoff(s, p, now)
        return (
            {state.name: now[state.name] for state in self.states},
            {flux.name: now[flux.name] for flux in self.fluxes},
        )

    # What variants do otherwise.

    def snow_threshold(self, p: SimpleNamespace) -> Tensor:
        """Return the temperature of snowfall and of melting."""
        threshold: Tensor = p.tt
        return threshold

    def soil(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace, water: Tensor
    ) -> Fluxes:
        """Return soil moisture and where the water that reaches the soil goes."""
        passing = water * wetness(s, p) ** p.beta
        return soil_store(s.soil_moisture + water - passing, passing, f, p)

    def capillary_exchange(
        self, soil_moisture: Tensor, lower_zone: Tensor, p: SimpleNamespace
    ) -> Fluxes:
        """Return soil moisture and lower zone after their exchange; here none."""
        return {"soil_moisture": soil_moisture, "lower_zone": lower_zone}

    def regional_exchange(self, lower_zone: Tensor, p: SimpleNamespace) -> Fluxes:
        """Return the lower zone after its exchange with the outside; here none."""
        return {"lower_zone": lower_zone}

    def runoff(self, s: SimpleNamespace, p: SimpleNamespace, now: Fluxes) -> Fluxes:
        """Return the sum of what runs off."""
        return {"runoff": now["quick_flow"] + now["interflow"] + now["baseflow"]}


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
        rate("capillary_rise", "CAP", "flow from the lower zone back to the soil"),
    )

    def capillary_exchange(
        self, soil_moisture: Tensor, lower_zone: Tensor, p: SimpleNamespace
    ) -> Fluxes:
        """Return soil moisture and lower zone after capillary rise, and the rise."""
        dryness = 1.0 - torch.clamp(soil_moisture / p.fc, max=1.0)
        rise = torch.minimum(p.c * lower_zone * dryness, lower_zone)
        return {
            "soil_moisture": soil_moisture + rise,
            "lower_zone": lower_zone - rise,
            "capillary_rise": rise,
        }


def frozen(precipitation: Tensor, warmth: Tensor, transition: float) -> Tensor:
    """Return the part of precipitation that is snow.

    Parameters
    ----------
    precipitation, warmth : Tensor
        mm, and degC above the temperature of snowfall.
    transition : float
        Width of the change from snow to rain, degC; 0 is a jump.
    """
    if transition:
        return precipitation * torch.sigmoid(-warmth / transition)
    return torch.where(warmth < 0.0, precipitation, 0.0)


def degree_day_snow(
    s: SimpleNamespace,
    f: SimpleNamespace,
    p: SimpleNamespace,
    threshold: Tensor,
    transition: float,
) -> Fluxes:
    """Return snow pack, melt water and the water that leaves them for the soil."""
    warmth = f.air_temperature - threshold
    snowfall = frozen(f.precipitation, warmth, transition)
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


def wetness(s: SimpleNamespace, p: SimpleNamespace, wettest: float = 1.0) -> Tensor:
    """Return the saturation of the soil that power laws see."""
    return torch.clamp(s.soil_moisture / p.fc, DRIEST, wettest)


def soil_store(
    soil_moisture: Tensor, passing: Tensor, f: SimpleNamespace, p: SimpleNamespace
) -> Fluxes:
    """Return soil moisture, recharge and evaporation once the soil has been wetted."""
    excess = torch.clamp(soil_moisture - p.fc, min=0.0)
    soil_moisture = soil_moisture - excess
    supply = torch.clamp(soil_moisture / (p.lp * p.fc), DRIEST, 1.0) ** p.betaet
    evaporation = torch.minimum(f.potential_evaporation * supply, soil_moisture)
    return {
        "soil_moisture": soil_moisture - evaporation,
        "recharge": passing + excess,
        "evaporation": evaporation,
    }


def upper_zone(water: Tensor, p: SimpleNamespace, recharge: Tensor) -> Fluxes:
    """Return the upper zone with percolation and its two outlets."""
    water = water + recharge
    percolation = torch.minimum(water, p.perc)
    water = water - percolation
    quick_flow = p.k0 * torch.clamp(water - p.uzl, min=0.0)
    water = water - quick_flow
    interflow = p.k1 * water
    return {
        "upper_zone": water - interflow,
        "percolation": percolation,
        "quick_flow": quick_flow,
        "interflow": interflow,
    }


def lower_zone(water: Tensor, p: SimpleNamespace) -> Fluxes:
    """Return the lower zone with its outlet."""
    baseflow = p.k2 * water
    return {"lower_zone": water - baseflow, "baseflow": baseflow}
