"""HBV 2.0: the regional exchange of water, and places that know their elevation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, TypeVar

import torch
from torch import Tensor

from ...process import Budget
from ...variables import Parameter, Variable
from .climate import TOPOGRAPHY
from .hbv import Fluxes, Hbv, Hbv11p
from .water import rate

__all__ = ["Hbv20"]

LARGE = 2500.0
"""Drainage area, km2, from which the exchange fades with size."""

HIGH, COLD = 2000.0, 4.0
"""Mean elevation, m, from which the snow threshold is not learned, and what it is."""

_EXCHANGE = (
    Parameter(name="rt", symbol="RT", bounds=(0, 20), units="mm d-1", per_step="rate",
              about="largest regional exchange"),
    Parameter(name="ac", symbol="AC", bounds=(0, 2500), units="km2",
              about="drainage area below which water is lost, else gained"),
    Parameter(name="drainage_area_km2", symbol="A", bounds=(0, 1e7), units="km2",
              per="place", source="attribute",
              about="area of the location and of all that lies upstream"),
)  # fmt: skip

_ELEVATION = Parameter(
    name="elevation_mean", symbol="Z", bounds=TOPOGRAPHY["elevation_mean"].bounds,
    units="m", per="place", source="attribute", about="mean elevation",
)  # fmt: skip


class Hbv20(Hbv11p):
    r"""HBV 2.0: HBV 1.1p with water exchanged with the region.

    After percolation the lower zone gains or loses

    .. math::

        EX = RT \begin{cases}
            \min(\max((A - AC)/1000,\, -1),\, 1) & A < 2500 \\
            e^{-\min((A - 2500)/50,\, 10)}       & A \ge 2500
        \end{cases}

    with :math:`A` the area in km² that drains through the location. What the zone does
    not have it cannot lose: :math:`LZ \leftarrow LZ + EX + CUT` with
    :math:`CUT = (-LZ - EX)^+`. Both enter the budget.

    Parameters
    ----------
    options : mapping or Options, optional
        ``exchange`` with the region; without it there are neither its parameters nor
        its fluxes. ``elevation_threshold``: *TT* is 4 degC where the mean elevation is
        2000 m or more, as weights published for HBV 2.0 take it; a jump that nothing
        is learned from. ``snow_transition`` as of HBV 1.0.

    References
    ----------
    Song et al. (2025), WRR 61, e2024WR038928, doi:10.1029/2024WR038928.
    """

    @dataclass(frozen=True)
    class Options(Hbv.Options):
        """Exchange with the region; a snow threshold set by elevation."""

        exchange: bool = True
        elevation_threshold: bool = False

    about = "HBV 2.0: HBV 1.1p with regional exchange by drainage area"
    parameters = (*Hbv11p.parameters, *_EXCHANGE)
    fluxes = (
        *Hbv11p.fluxes,
        rate("exchange", "EX", "water from the region into the lower zone, if negative"
             " out of it"),
        rate("exchange_cut", "CUT", "part of the exchange that an empty lower zone does"
             " not lose"),
    )  # fmt: skip
    budgets = (
        Budget(
            inputs=("precipitation", "exchange", "exchange_cut"),
            outputs=("runoff", "evaporation"),
            storages=tuple(state.name for state in Hbv11p.states),
            name="water",
            units="mm",
        ),
    )

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        if self.options.elevation_threshold:
            self.parameters = (*self.parameters, _ELEVATION)
        if not self.options.exchange:
            self.parameters = _without(self.parameters, (p.name for p in _EXCHANGE))
            self.fluxes = _without(self.fluxes, _EXCHANGED)
            (budget,) = self.budgets
            inputs = tuple(name for name in budget.inputs if name not in _EXCHANGED)
            self.budgets = (replace(budget, inputs=inputs),)

    def snow_threshold(self, p: SimpleNamespace) -> Tensor:
        """Return the temperature of snowfall and of melting."""
        if not self.options.elevation_threshold:
            return super().snow_threshold(p)
        return torch.where(p.elevation_mean >= HIGH, COLD, p.tt)

    def regional_exchange(self, lower_zone: Tensor, p: SimpleNamespace) -> Fluxes:
        """Return the lower zone after its exchange, and the exchange."""
        if not self.options.exchange:
            return super().regional_exchange(lower_zone, p)
        area = p.drainage_area_km2
        small = torch.clamp((area - p.ac) / 1000.0, -1.0, 1.0)
        fading = torch.exp(torch.clamp((LARGE - area) / 50.0, -10.0, 0.0))
        exchange = p.rt * torch.where(area < LARGE, small, fading)
        exchanged = lower_zone + exchange
        cut = torch.clamp(-exchanged, min=0.0)
        return {
            "lower_zone": exchanged + cut,
            "exchange": exchange,
            "exchange_cut": cut,
        }


_EXCHANGED = ("exchange", "exchange_cut")

V = TypeVar("V", bound=Variable)


def _without(variables: Iterable[V], names: Iterable[str]) -> tuple[V, ...]:
    left_out = set(names)
    return tuple(v for v in variables if v.name not in left_out)
