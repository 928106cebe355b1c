"""SAC-SMA: the Sacramento soil moisture accounting, tension and free water apart."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import ConfigError
from ...process import Budget, Process
from ...variables import Parameter, State
from .forcings import POTENTIAL_EVAPORATION, PRECIPITATION
from .water import rate

__all__ = ["SacSma"]

_RESERVED = 0.3  # share of lower free water that never becomes tension water
_FULLEST = 1e-6  # least deficit of a store relative to it: keeps shares finite


def _store(name: str, symbol: str, about: str) -> State:
    return State(
        name=name, symbol=symbol, units="mm", bounds=(0.0, 1e6),
        about=f"{about}, over the whole area",
    )  # fmt: skip


def _capacity(name: str, low: float, high: float, about: str) -> Parameter:
    return Parameter(
        name=name, symbol=name.upper(), bounds=(low, high), units="mm", spacing="log",
        about=f"capacity for {about}",
    )  # fmt: skip


def _depletion(name: str, low: float, high: float, about: str) -> Parameter:
    return Parameter(
        name=name, symbol=name.upper(), bounds=(low, high), units="d-1", spacing="log",
        per_step="fraction", about=f"depletion of {about}",
    )  # fmt: skip


class SacSma(Process):
    r"""SAC-SMA: stores in mm, rates in mm per day.

    Of the area, *PCTIM* is impervious, *ADIMP* becomes so as it saturates, and the rest
    has an upper and a lower zone, each with tension water, which only evaporates, and
    free water, which moves. In the order of a step:

    1. Evaporation takes from upper tension water, upper free water where that is not
       enough, and lower tension water; free water refills tension water in both zones.
    2. What upper tension water cannot hold becomes free water in equal increments, in
       each of which
       primary and supplementary water of the lower zone drain by *LZPK* and *LZSK*;
       water percolates, *PBASE* being the drainage of a full lower zone and *d* its
       deficit, by :math:`PBASE\,(UZFWC/UZFWM)\,(1 + ZPERC\,d^{REXP})`; interflow
       leaves by *UZK*; what percolates fills lower tension water, but for the share
       *PFREE*, then the free waters by their deficits; what the upper zone cannot hold
       runs off its surface.
    3. Vegetation along the streams, *RIVA* of the area, takes what evaporation is
       missing from the flow.

    Stores are depths over the whole area, so that they add up, and water is kept where
    the parts of the area change.

    Parameters
    ----------
    options : mapping or Options, optional
        ``increments`` of a step.

    Raises
    ------
    ConfigError
        When an option is unknown or out of range.

    Notes
    -----
    The original takes one increment for every 5 mm of upper free water; here their
    number is fixed, so that every place does the same. Amounts below which it empties
    or skips stores, frozen ground and what leaves below the gauge (*SIDE*) are left
    out; *RSERV* is 0.3.

    References
    ----------
    Burnash, Ferral and McGuire (1973), A Generalized Streamflow Simulation System,
    National Weather Service and California Department of Water Resources; Burnash
    (1995), in Singh (ed.), Computer Models of Watershed Hydrology, 311-366.
    """

    @dataclass(frozen=True)
    class Options:
        """Number of increments in which water moves in a step."""

        increments: int = 4

        def __post_init__(self) -> None:
            if not 1 <= self.increments <= 24:
                raise ConfigError(
                    f"increments: expected 1 to 24, found {self.increments}"
                )

    about = "SAC-SMA: tension and free water of two zones, percolation, baseflow"
    forcings = (PRECIPITATION, POTENTIAL_EVAPORATION)
    states = (
        _store("upper_tension", "UZTWC", "tension water of the upper zone"),
        _store("upper_free", "UZFWC", "free water of the upper zone"),
        _store("lower_tension", "LZTWC", "tension water of the lower zone"),
        _store("lower_supplementary", "LZFSC", "free water of seasonal baseflow"),
        _store("lower_primary", "LZFPC", "free water of steady baseflow"),
        _store("saturating", "ADIMC", "tension water where the ground may saturate"),
    )
    parameters = (
        _capacity("uztwm", 5.0, 300.0, "upper tension water"),
        _capacity("uzfwm", 5.0, 150.0, "upper free water"),
        _capacity("lztwm", 10.0, 500.0, "lower tension water"),
        _capacity("lzfsm", 5.0, 400.0, "supplementary free water"),
        _capacity("lzfpm", 10.0, 1000.0, "primary free water"),
        _depletion("uzk", 0.1, 0.75, "upper free water by interflow"),
        _depletion("lzsk", 0.01, 0.35, "supplementary free water"),
        _depletion("lzpk", 0.0005, 0.05, "primary free water"),
        Parameter(name="zperc", symbol="ZPERC", bounds=(1.0, 350.0), spacing="log",
                  about="percolation into a dry lower zone, relative to a full one"),
        Parameter(name="rexp", symbol="REXP", bounds=(1.0, 5.0),
                  about="shape of percolation"),
        Parameter(name="pfree", symbol="PFREE", bounds=(0.0, 0.6),
                  about="share of percolation that goes to free water at once"),
        Parameter(name="pctim", symbol="PCTIM", bounds=(0.0, 0.1),
                  about="share of the area that is impervious"),
        Parameter(name="adimp", symbol="ADIMP", bounds=(0.001, 0.4),
                  about="share of the area that may saturate"),
        Parameter(name="riva", symbol="RIVA", bounds=(0.0, 0.2),
                  about="share of the area with vegetation along streams"),
    )  # fmt: skip
    fluxes = (
        rate("runoff", "Q", "runoff of the land surface",
              "land_surface_water_runoff__volume_flux"),
        rate("direct_runoff", "ROIMP", "runoff of impervious and saturated ground"),
        rate("surface_runoff", "SSUR", "runoff of a full upper zone"),
        rate("interflow", "SIF", "outflow of upper free water"),
        rate("baseflow", "SBF", "outflow of lower free water",
              "land_surface_water_baseflow__volume_flux"),
        rate("evaporation", "ET", "actual evapotranspiration",
              "land_surface_water_evaporation__volume_flux"),
        rate("riparian_evaporation", "E4", "evaporation taken from the four flows"),
        rate("percolation", "PERC", "flow from the upper to the lower zone"),
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
    options: Options

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Advance one step: evaporate, move water by increments, and gather it."""
        soil = 1.0 - p.pctim - p.adimp
        depths = {name: getattr(s, name) / soil for name in _SOIL}
        w = _Water(**depths, saturating=s.saturating / p.adimp)
        w, evaporation, missing = _evaporated(w, f.potential_evaporation, p)
        # Upper tension water first; all that it cannot hold becomes free.
        excess = torch.clamp(f.precipitation + w.upper_tension - p.uztwm, min=0.0)
        w = w._replace(
            upper_tension=w.upper_tension + f.precipitation - excess,
            saturating=w.saturating + f.precipitation - excess,
        )
        w, flow = _moved(w, excess, p, self.options.increments)
        direct = p.pctim * f.precipitation + p.adimp * flow.saturated
        surface = soil * flow.surface + p.adimp * flow.saturated_surface
        interflow, baseflow = soil * flow.interflow, soil * flow.baseflow
        gathered = direct + surface + interflow + baseflow
        riparian = torch.minimum(missing * p.riva, gathered)
        stores = {n: getattr(w, n) * soil for n in _SOIL}
        return (
            {**stores, "saturating": w.saturating * p.adimp},
            {
                "runoff": gathered - riparian,
                "direct_runoff": direct,
                "surface_runoff": surface,
                "interflow": interflow,
                "baseflow": baseflow,
                "evaporation": soil * evaporation.soil
                + p.adimp * evaporation.saturating
                + riparian,
                "riparian_evaporation": riparian,
                "percolation": soil * flow.percolation,
            },
        )


_SOIL = (
    "upper_tension",
    "upper_free",
    "lower_tension",
    "lower_supplementary",
    "lower_primary",
)


class _Water(NamedTuple):
    """Depths over the parts of the area that hold them, mm."""

    upper_tension: Tensor
    upper_free: Tensor
    lower_tension: Tensor
    lower_supplementary: Tensor
    lower_primary: Tensor
    saturating: Tensor


class _Evaporation(NamedTuple):
    """Evaporation of soil and of saturating ground, mm."""

    soil: Tensor
    saturating: Tensor


class _Flow(NamedTuple):
    """What moves in a step, over the parts of the area it comes from, mm."""

    saturated: Tensor
    surface: Tensor
    saturated_surface: Tensor
    interflow: Tensor
    baseflow: Tensor
    percolation: Tensor


def _evaporated(
    w: _Water, demand: Tensor, p: SimpleNamespace
) -> tuple[_Water, _Evaporation, Tensor]:
    """Return the water after evaporation, what it was, and the demand not met."""
    share = torch.clamp(demand / p.uztwm, max=1.0)
    tension = w.upper_tension * share
    residual = demand - tension
    # Free water gives where tension water is used up.
    free = torch.where(demand > p.uztwm, torch.minimum(residual, w.upper_free), 0.0)
    upper_tension, upper_free = _shared(
        w.upper_tension - tension, w.upper_free - free, p
    )
    column = p.uztwm + p.lztwm
    lower = w.lower_tension * torch.clamp((residual - free) / column, max=1.0)
    refilled = _refilled(w._replace(lower_tension=w.lower_tension - lower), p)
    # The saturating ground has an upper part of its own above what lies deeper.
    deeper = w.saturating - tension - upper_tension
    wet = torch.minimum(
        torch.clamp(tension + residual * deeper / column, min=0.0), w.saturating
    )
    evaporation = tension + free + lower
    water = refilled._replace(
        upper_tension=upper_tension, upper_free=upper_free,
        saturating=w.saturating - wet,
    )  # fmt: skip
    return water, _Evaporation(evaporation, wet), demand - evaporation


def _shared(tension: Tensor, free: Tensor, p: SimpleNamespace) -> tuple[Tensor, Tensor]:
    """Return upper tension and free water, the fuller of which is the tension water."""
    ratio = (tension + free) / (p.uztwm + p.uzfwm)
    dry = tension * p.uzfwm < free * p.uztwm
    return (
        torch.where(dry, p.uztwm * ratio, tension),
        torch.where(dry, p.uzfwm * ratio, free),
    )


def _refilled(w: _Water, p: SimpleNamespace) -> _Water:
    """Return the lower zone once its free water has refilled dry tension water."""
    reserved = _RESERVED * (p.lzfsm + p.lzfpm)
    free = w.lower_supplementary + w.lower_primary - reserved
    ratio = (w.lower_tension + free) / (p.lztwm + p.lzfsm + p.lzfpm - reserved)
    deficit = torch.clamp(ratio * p.lztwm - w.lower_tension, min=0.0)
    first = torch.minimum(deficit, w.lower_supplementary)
    then = torch.minimum(deficit - first, w.lower_primary)
    return w._replace(
        lower_tension=w.lower_tension + first + then,
        lower_supplementary=w.lower_supplementary - first,
        lower_primary=w.lower_primary - then,
    )


def _moved(
    w: _Water, excess: Tensor, p: SimpleNamespace, increments: int
) -> tuple[_Water, _Flow]:
    """Move the excess of a step through the stores, in equal increments."""
    inflow = excess / increments
    uzk, lzsk, lzpk = (_in_increment(k, increments) for k in (p.uzk, p.lzsk, p.lzpk))
    flow = _Flow(*(torch.zeros_like(excess) for _ in _Flow._fields))
    for _ in range(increments):
        # Of the ground that may saturate, more has done so the wetter it is.
        wet = torch.clamp((w.saturating - w.upper_tension) / p.lztwm, 0.0, 1.0)
        saturated = inflow * wet * wet
        primary, supplementary = w.lower_primary * lzpk, w.lower_supplementary * lzsk
        w = w._replace(
            lower_primary=w.lower_primary - primary,
            lower_supplementary=w.lower_supplementary - supplementary,
        )
        percolation = _percolation(w, p, lzsk, lzpk)
        free = w.upper_free - percolation
        interflow = free * uzk
        free = free - interflow + inflow
        surface = torch.clamp(free - p.uzfwm, min=0.0)
        w = _percolated(w, percolation, p)._replace(upper_free=free - surface)
        reached = surface * (1.0 - wet * wet)
        filled = w.saturating + inflow - saturated - reached
        over = torch.clamp(filled - p.uztwm - p.lztwm, min=0.0)
        w = w._replace(saturating=filled - over)
        flow = _Flow(
            saturated=flow.saturated + saturated + over,
            surface=flow.surface + surface,
            saturated_surface=flow.saturated_surface + reached,
            interflow=flow.interflow + interflow,
            baseflow=flow.baseflow + primary + supplementary,
            percolation=flow.percolation + percolation,
        )
    return w, flow


def _in_increment(share: Tensor, increments: int) -> Tensor:
    """Return the share that leaves in one of equal increments of a step."""
    if increments == 1:
        return share
    rest: Tensor = (1.0 - share) ** (1.0 / increments)
    return 1.0 - rest


def _percolation(w: _Water, p: SimpleNamespace, lzsk: Tensor, lzpk: Tensor) -> Tensor:
    """Return what passes from the upper to the lower zone in an increment."""
    content = w.lower_tension + w.lower_supplementary + w.lower_primary
    capacity = p.lztwm + p.lzfsm + p.lzfpm
    room = torch.clamp(capacity - content, min=0.0)
    base = p.lzfpm * lzpk + p.lzfsm * lzsk
    dryness = torch.clamp(room / capacity, min=_FULLEST)
    # As a share: of an empty store a minimum would have the slope of neither side.
    share = base / p.uzfwm * (1.0 + p.zperc * dryness**p.rexp)
    return torch.minimum(w.upper_free * torch.clamp(share, max=1.0), room)


def _percolated(w: _Water, percolation: Tensor, p: SimpleNamespace) -> _Water:
    """Return the lower zone with what percolated, shared among its stores."""
    tension = w.lower_tension + percolation * (1.0 - p.pfree)
    over = torch.clamp(tension - p.lztwm, min=0.0)
    free = percolation * p.pfree + over
    dry_primary = torch.clamp(1.0 - w.lower_primary / p.lzfpm, min=_FULLEST)
    dry_other = torch.clamp(1.0 - w.lower_supplementary / p.lzfsm, min=_FULLEST)
    size = p.lzfpm / (p.lzfpm + p.lzfsm)
    share = torch.clamp(2.0 * size * dry_primary / (dry_primary + dry_other), max=1.0)
    room = torch.clamp(p.lzfsm - w.lower_supplementary, min=0.0)
    supplementary = torch.minimum(free * (1.0 - share), room)
    primary = w.lower_primary + free - supplementary
    back = torch.clamp(primary - p.lzfpm, min=0.0)
    return w._replace(
        lower_tension=tension - over + back,
        lower_supplementary=w.lower_supplementary + supplementary,
        lower_primary=primary - back,
    )
