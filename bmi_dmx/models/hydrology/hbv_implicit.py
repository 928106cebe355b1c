"""HBV stepped implicitly: every flux is that of the stores at the end of the step."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from types import SimpleNamespace

import torch
from torch import Tensor

from ...errors import ConfigError
from ...process import Budget
from ..root import falling_root
from .hbv import Fluxes, Hbv, frozen
from .water import rate

__all__ = ["HbvImplicit"]

# Soil moisture in mm below which the power laws are flat, as in the published code.
_DRIEST = 1e-8

_RATES = {"k0", "k1", "k2"}
"""Constants of outflow: with the stores of the end of a step they are rates."""


class HbvImplicit(Hbv):
    r"""HBV 1.0 by the backward Euler scheme, as in δHBV.adj.

    The stores :math:`y` at the end of a step of length :math:`h` solve
    :math:`y = y_0 + h\,f(y)`, with the fluxes of HBV. No store gives more than its
    whole content in a day, which at the end of a step is another limit than before it:

    ===================================================================  =============
    :math:`M = \min(CFMAX\,(T - TT)^+,\, SP/d)`                          melt
    :math:`R = \min(CFR\,CFMAX\,(TT - T)^+,\, MW/d)`                     refreezing
    :math:`INF = P - PS + (MW - CWH\,SP)^+/d`                            infiltration
    :math:`RECH = INF\,(SM/FC)^{BETA} + (SM - FC)^+/d`                   recharge
    :math:`ET = \min(E\,(SM / (LP\,FC))^{BETAET},\, SM/d)`               evaporation
    :math:`PC = \min(PERC,\, UZ/d)`                                      percolation
    :math:`Q_0 = K_0\,(UZ - UZL)^+,\; Q_1 = K_1\,UZ,\; Q_2 = K_2\,LZ`    runoff
    ===================================================================  =============

    Water passes from snow to soil, upper and lower zone and never back, so that one
    store is solved after the other. The equations of all but the soil are piecewise
    linear and have solutions in closed form. That of the soil rises with its moisture
    and has one root, which Newton's method finds between bounds; its derivative is that
    of the implicit function. What the search leaves is the flux ``residual``.

    Parameters
    ----------
    options : mapping or Options, optional
        Those of HBV, and ``iterations`` of Newton's method.

    Raises
    ------
    ConfigError
        When an option is unknown or out of range.

    Notes
    -----
    *K0* to *K2* are rates here, the shares of a day that HBV has are
    :math:`1 - e^{-K}`.

    References
    ----------
    Song et al. (2024), HESS 28, 3051-3077, doi:10.5194/hess-28-3051-2024.
    """

    @dataclass(frozen=True)
    class Options(Hbv.Options):
        """Those of HBV, and the number of steps of Newton's method in the soil."""

        iterations: int = 8

        def __post_init__(self) -> None:
            Hbv.Options.__post_init__(self)
            if not 1 <= self.iterations <= 50:
                raise ConfigError(
                    f"iterations: expected 1 to 50, found {self.iterations}"
                )

    about = "HBV 1.0 by the backward Euler scheme, solved by Newton's method"
    parameters = tuple(
        replace(p, per_step="rate") if p.name in _RATES else p for p in Hbv.parameters
    )
    fluxes = (
        *Hbv.fluxes,
        rate("residual", "G", "water that the search for the new soil moisture left"),
    )
    budgets = (
        Budget(
            inputs=("precipitation",),
            outputs=("runoff", "evaporation", "residual"),
            storages=Hbv.budgets[0].storages,
            name="water",
            units="mm",
        ),
    )
    options: Options

    def at(self, dt: float) -> HbvImplicit:
        """Return the process for steps of ``dt`` days."""
        timed = copy(self)
        timed.dt = float(dt)
        return timed

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Solve one store after the other, in the order of the water."""
        now = _snow(s, f, p, self.dt, self.options.snow_transition)
        soil = _Soil(s.soil_moisture, now["infiltration"], f, p, self.dt)
        now |= soil.solved(self.options.iterations)
        now |= _zones(s, now["recharge"], p, self.dt)
        return (
            {state.name: now[state.name] for state in self.states},
            {flux.name: now[flux.name] for flux in self.fluxes},
        )


def _snow(
    s: SimpleNamespace,
    f: SimpleNamespace,
    p: SimpleNamespace,
    dt: float,
    transition: float,
) -> Fluxes:
    """Return snow pack and melt water, and what leaves them for the soil.

    Where it melts nothing freezes, and the other way round. A limit that a store sets
    holds if the solution under it is the smaller one.
    """
    warmth = f.air_temperature - p.tt
    snowfall = frozen(f.precipitation, warmth, transition)
    fallen = s.snowpack + snowfall
    # SP = fallen - dt SP, where the pack is the limit.
    melt = torch.minimum(
        torch.clamp(p.cfmax * warmth, min=0.0), fallen * (dt / (1.0 + dt))
    )
    # MW where all that a day could freeze does; with and without outflow of the pack.
    coefficient = dt * (1.0 - p.cwh * dt)
    freezing = torch.minimum(
        s.meltwater / (1.0 + dt),
        (s.meltwater + dt * p.cwh * fallen) / (1.0 + dt + coefficient),
    )
    refreezing = torch.minimum(
        torch.clamp(p.cfr * p.cfmax * -warmth, min=0.0), dt * freezing
    )
    snowpack = fallen - melt + refreezing
    liquid = s.meltwater + melt - refreezing
    outflow = torch.clamp(liquid - p.cwh * snowpack, min=0.0) * (dt / (1.0 + dt))
    return {
        "snowpack": snowpack,
        "meltwater": liquid - outflow,
        "snow_water_equivalent": snowpack + liquid - outflow,
        "snowfall": snowfall,
        "melt": melt,
        "refreezing": refreezing,
        "infiltration": f.precipitation - snowfall + outflow,
    }


class _Soil:
    """The water balance of the soil as a function of its moisture at the end.

    Parameters
    ----------
    before, infiltration : Tensor
        Moisture at the beginning, and what infiltrates in the step, mm.
    f, p : namespace of Tensor
        Forcing and parameters of the step.
    dt : float
        Its length in days.
    """

    def __init__(
        self, before: Tensor, infiltration: Tensor, f: SimpleNamespace,
        p: SimpleNamespace, dt: float,
    ) -> None:  # fmt: skip
        self.before, self.infiltration, self.dt = before, infiltration, dt
        self.demand, self.p = f.potential_evaporation, p
        self.log_full = torch.log(p.fc)
        self.log_moist = self.log_full + torch.log(p.lp)

    def fluxes(self, moisture: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return what passes, what exceeds, what evaporates, and how they grow."""
        p = self.p
        some = torch.clamp(moisture, min=_DRIEST)
        log = torch.log(some)
        wet = log - self.log_full
        dry = log - self.log_moist
        passing = self.infiltration * torch.exp(p.beta * torch.clamp(wet, max=0.0))
        excess = self.dt * torch.clamp(moisture - p.fc, min=0.0)
        evaporation = self.demand * torch.exp(p.betaet * torch.clamp(dry, max=0.0))
        most = self.dt * moisture
        with torch.no_grad():
            growth = torch.where(wet < 0.0, passing * p.beta / some, self.dt)
            wanting = torch.where(dry < 0.0, evaporation * p.betaet / some, 0.0)
            growth = growth + torch.where(evaporation < most, wanting, self.dt)
        return passing, excess, torch.minimum(evaporation, most), growth

    def balance(self, moisture: Tensor) -> tuple[Tensor, Tensor]:
        """Return the water missing in the balance of a moisture, and its slope."""
        passing, excess, evaporation, growth = self.fluxes(moisture)
        there = self.before + self.infiltration - moisture
        return there - passing - excess - evaporation, -1.0 - growth

    def solved(self, iterations: int) -> Fluxes:
        """Return soil moisture, recharge and evaporation, and what is left over."""
        with torch.no_grad():
            low = self.before / (1.0 + 2.0 * self.dt)
            # All that infiltrates into a full soil passes it.
            full = torch.maximum(self.before, self.p.fc)
            high = torch.minimum(self.before + self.infiltration, full)
        moisture = falling_root(
            self.balance, low, high, start=self.before, iterations=iterations
        )
        passing, excess, evaporation, _ = self.fluxes(moisture)
        there = self.before + self.infiltration - moisture
        return {
            "soil_moisture": moisture,
            "recharge": passing + excess,
            "evaporation": evaporation,
            "residual": there - passing - excess - evaporation,
        }


def _zones(
    s: SimpleNamespace, recharge: Tensor, p: SimpleNamespace, dt: float
) -> Fluxes:
    """Return both groundwater zones and their outflow."""
    water = s.upper_zone + recharge
    # The upper zone under either limit of percolation; the smaller limit holds, which
    # leaves more.
    upper_zone = torch.maximum(
        _emptied(water - p.perc, p.k1, p), _emptied(water, p.k1 + dt, p)
    )
    percolation = torch.minimum(p.perc, dt * upper_zone)
    quick_flow = p.k0 * torch.clamp(upper_zone - p.uzl, min=0.0)
    interflow = p.k1 * upper_zone
    lower_zone = (s.lower_zone + percolation) / (1.0 + p.k2)
    baseflow = p.k2 * lower_zone
    return {
        "upper_zone": upper_zone,
        "lower_zone": lower_zone,
        "percolation": percolation,
        "quick_flow": quick_flow,
        "interflow": interflow,
        "baseflow": baseflow,
        "runoff": quick_flow + interflow + baseflow,
    }


def _emptied(water: Tensor, share: Tensor, p: SimpleNamespace) -> Tensor:
    """Return what is left of water that loses a share, and more above a threshold."""
    below = water / (1.0 + share)
    above = (water + p.k0 * p.uzl) / (1.0 + share + p.k0)
    return torch.minimum(below, above)
