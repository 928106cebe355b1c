"""GR4J: a production store, two unit hydrographs and a routing store."""

from __future__ import annotations

import math
from copy import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError
from ...process import Budget, Process
from ...variables import Parameter, State
from .forcings import POTENTIAL_EVAPORATION, PRECIPITATION
from .water import rate

__all__ = ["Gr4j", "s_curve_weights"]

_ROUTED = 0.9  # share of effective rain that passes the routing store
_LEAKY = 4.0 / 9.0  # of the production store, to its percolation
_NEXT_TO_NOTHING = 1e-8  # of a store: the slope of a root is infinite at 0


class Gr4j(Process):
    r"""GR4J: stores in mm, rates in mm per day.

    Rain and evaporation meet before the soil: of
    :math:`P_n = (P - E)^+` and :math:`E_n = (E - P)^+` one is zero. With
    :math:`s = S / X_1` and :math:`r = R / X_3`:

    ======================================================================  ==========
    :math:`P_s = X_1 (1 - s^2) \tanh(P_n/X_1) / (1 + s \tanh(P_n/X_1))`     into S
    :math:`E_s = S (2 - s) \tanh(E_n/X_1) / (1 + (1 - s) \tanh(E_n/X_1))`   out of S
    :math:`PERC = S (1 - (1 + h (4s/9)^4)^{-1/4})`                          out of S
    :math:`P_r = PERC + P_n - P_s`, nine tenths of it by UH1                Q9
    the rest by UH2                                                         Q1
    :math:`F = X_2\, r^{7/2}`                                               exchange
    :math:`R \leftarrow (R + Q9 + F)^+`
    :math:`Q_r = R (1 - (1 + h r^4)^{-1/4})`                                out of R
    :math:`Q = Q_r + (Q1 + F)^+`                                            runoff
    ======================================================================  ==========

    UH1 and UH2 release water over :math:`X_4` and :math:`2 X_4` days, as
    :func:`s_curve_weights` says. What the exchange takes twice may be more than there
    is; the part that is not there is the flux ``exchange_cut``.

    Parameters
    ----------
    options : mapping or Options, optional
        ``days`` that *X4* can be at most.

    Raises
    ------
    ConfigError
        When an option is unknown or out of range, or steps do not fill the days.

    Notes
    -----
    :math:`h` is the length of a step in days, 1 in the paper. The two stores empty as
    the fifth power of what they hold, and the equations with :math:`h` are the exact
    solution over any step. Rain that falls in hours of little evaporation wets the soil
    more than a day's mean would. What travels less than a day leaves with the day that
    made it, at hours up to half a day earlier.

    References
    ----------
    Perrin, Michel and Andréassian (2003), Journal of Hydrology 279, 275-289,
    doi:10.1016/S0022-1694(03)00225-7.
    """

    @dataclass(frozen=True)
    class Options:
        """Days that *X4* can be at most."""

        days: float = 10.0

        def __post_init__(self) -> None:
            if not 1.0 <= self.days <= 100.0:
                raise ConfigError(f"days: expected 1 to 100, found {self.days:g}")

    about = "GR4J: production store, two unit hydrographs, routing store, exchange"
    forcings = (PRECIPITATION, POTENTIAL_EVAPORATION)
    fluxes = (
        rate("runoff", "Q", "runoff of the land surface",
              "land_surface_water_runoff__volume_flux"),
        rate("routed_flow", "Qr", "outflow of the routing store"),
        rate("direct_flow", "Qd", "runoff that passes no store"),
        rate("evaporation", "ET", "actual evapotranspiration, of rain and soil",
              "land_surface_water_evaporation__volume_flux"),
        rate("percolation", "PERC", "outflow of the production store"),
        rate("exchange", "2F", "gain of both ways of the water from outside; may be a"
              " loss"),
        rate("exchange_cut", "C", "part of a loss that was not there to be lost"),
    )  # fmt: skip
    budgets = (
        Budget(
            inputs=("precipitation", "exchange", "exchange_cut"),
            outputs=("runoff", "evaporation"),
            storages=(
                "production_store", "routing_store", "routed_transit", "direct_transit"
            ),
            name="water",
            units="mm",
        ),
    )  # fmt: skip
    options: Options

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._declare()

    def _declare(self) -> None:
        """Declare what depends on the days of the hydrographs and on the step."""
        routed, direct = _length(self.options.days, self.dt)
        capacities = (
            Parameter(name="x1", symbol="X1", bounds=(20.0, 2500.0), units="mm",
                      spacing="log", about="capacity of the production store"),
            Parameter(name="x2", symbol="X2", bounds=(-8.0, 6.0), units="mm d-1",
                      per_step="rate", about="exchange with outside at a full store"),
            Parameter(name="x3", symbol="X3", bounds=(5.0, 700.0), units="mm",
                      spacing="log", about="what the routing store holds after a day"),
        )  # fmt: skip
        self.parameters = (
            *capacities,
            Parameter(name="x4", symbol="X4", bounds=(0.5, self.options.days),
                      units="d", spacing="log", about="time base of UH1"),
        )  # fmt: skip
        self.prepared = (
            *capacities,
            Parameter(name="routed_weight", symbol="UH1", bounds=(0.0, 1.0),
                      size=routed, about="ordinates of UH1"),
            Parameter(name="direct_weight", symbol="UH2", bounds=(0.0, 1.0),
                      size=direct, about="ordinates of UH2"),
        )  # fmt: skip
        self.states = (
            State(name="production_store", symbol="S", units="mm", bounds=(0.0, 1e6),
                  about="water of the soil",
                  standard_name="land_surface_soil_water__"
                  "volume-per-area_storage_density"),
            State(name="routing_store", symbol="R", units="mm", bounds=(0.0, 1e6),
                  about="water of the routing store"),
            State(name="routed_transit", symbol="T9", units="mm", size=routed - 1,
                  bounds=(0.0, 1e6), about="water on its way in UH1, by steps left"),
            State(name="direct_transit", symbol="T1", units="mm", size=direct - 1,
                  bounds=(0.0, 1e6), about="water on its way in UH2, by steps left"),
        )  # fmt: skip

    def at(self, dt: float) -> Gr4j:
        """Return the process for steps of ``dt`` days."""
        if dt == self.dt:
            return self
        timed = copy(self)
        timed.dt = float(dt)
        timed._declare()
        return timed

    def prepare(self, p: SimpleNamespace) -> dict[str, Tensor]:
        """Return the ordinates of the hydrographs in place of their time base."""
        routed, direct = (q.size for q in self.prepared[-2:])
        return {
            "x1": p.x1,
            "x2": p.x2,
            "x3": p.x3,
            "routed_weight": s_curve_weights(p.x4, routed, self.dt, rising=True),
            "direct_weight": s_curve_weights(p.x4, direct, self.dt, rising=False),
        }

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Advance one step, in the order of Perrin et al. (2003)."""
        store, evaporation, percolation, effective = self._produced(s, f, p)
        routed, routed_transit = released(
            s.routed_transit, p.routed_weight, _ROUTED * effective
        )
        direct, direct_transit = released(
            s.direct_transit, p.direct_weight, (1.0 - _ROUTED) * effective
        )
        fullness = torch.clamp(s.routing_store / p.x3, min=_NEXT_TO_NOTHING)
        exchange = p.x2 * fullness**3.5
        routing_store = torch.clamp(s.routing_store + routed + exchange, min=0.0)
        routed_flow = routing_store * emptied(routing_store / p.x3, self.dt)
        direct_flow = torch.clamp(direct + exchange, min=0.0)
        cut = torch.clamp(-(s.routing_store + routed + exchange), min=0.0)
        return (
            {
                "production_store": store,
                "routing_store": routing_store - routed_flow,
                "routed_transit": routed_transit,
                "direct_transit": direct_transit,
            },
            {
                "runoff": routed_flow + direct_flow,
                "routed_flow": routed_flow,
                "direct_flow": direct_flow,
                "evaporation": evaporation,
                "percolation": percolation,
                "exchange": 2.0 * exchange,
                "exchange_cut": cut + torch.clamp(-(direct + exchange), min=0.0),
            },
        )

    def _produced(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return production store, evaporation, percolation and effective rain."""
        met = torch.minimum(f.precipitation, f.potential_evaporation)
        net = f.precipitation - met
        # One of the two is zero, and one hyperbolic tangent serves both.
        share = torch.tanh((f.precipitation - f.potential_evaporation) / p.x1)
        wetting, drying = torch.clamp(share, min=0.0), torch.clamp(-share, min=0.0)
        filled = torch.clamp(s.production_store / p.x1, max=1.0)
        into = p.x1 * (1.0 - filled * filled) * wetting / (1.0 + filled * wetting)
        out = s.production_store * (2.0 - filled) * drying
        out = out / (1.0 + (1.0 - filled) * drying)
        store = s.production_store + into - out
        percolation = store * emptied(_LEAKY * store / p.x1, self.dt)
        return store - percolation, met + out, percolation, percolation + net - into


def emptied(filled: Tensor, dt: float) -> Tensor:
    r"""Return the share of a store that leaves in a step, :math:`1-(1+h x^4)^{-1/4}`.

    Written by roots: of small stores nothing would be left of the difference.

    Parameters
    ----------
    filled : Tensor
        Content relative to a capacity, x.
    dt : float
        Length of the step in days, h.
    """
    square = filled * filled
    power = dt * (square * square)
    root = torch.sqrt(1.0 + power)
    fourth = torch.sqrt(root)
    return power / ((root + 1.0) * (fourth + 1.0) * fourth)


def released(
    transit: Any, weights: Any, water: Tensor
) -> tuple[Tensor, tuple[Tensor, ...] | Tensor]:
    """Return what a hydrograph releases, and the water that stays on its way.

    Parameters
    ----------
    transit : sequence of Tensor
        Water that leaves 1, 2, ... steps from now, before this step's is added.
    weights : sequence of Tensor
        One more than that.
    water : Tensor
        What enters in this step.
    """
    # A state of size 1 comes as a tensor, not as a tuple of one.
    waiting = (transit,) if len(weights) == 2 else transit
    spread = [weight * water for weight in weights]
    due = [old + new for old, new in zip(waiting, spread, strict=False)]
    rest = (*due[1:], spread[-1])
    return due[0], rest[0] if len(rest) == 1 else rest


def _length(days: float, dt: float) -> tuple[int, int]:
    """Return the numbers of ordinates of both hydrographs."""
    if not (dt > 0.0 and math.isfinite(dt)):
        raise ConfigError(f"dt: expected a positive number of days, found {dt}")
    short, long = (math.ceil(round(k * days / dt, 6)) for k in (1, 2))
    return max(short, 2), max(long, 2)


def s_curve_weights(base: Tensor, length: int, dt: float, *, rising: bool) -> Tensor:
    r"""Return the ordinates of a unit hydrograph of GR4J.

    They are the steps of an S-curve in time :math:`t`: that of UH1 is
    :math:`(t/X_4)^{5/2}` up to :math:`X_4`; that of UH2 is
    :math:`\frac12 (t/X_4)^{5/2}` up to there and
    :math:`1 - \frac12 (2 - t/X_4)^{5/2}` up to :math:`2 X_4`. Both are 1 from then on,
    and continuous, so that the ordinates have a derivative by :math:`X_4`.

    Parameters
    ----------
    base : Tensor
        :math:`X_4`, days.
    length : int
        Number of ordinates.
    dt : float
        Length of a step in days.
    rising : bool
        Whether it is UH1.

    Returns
    -------
    Tensor
        (length, \*shape of ``base``); non-negative. They sum to 1 where the hydrograph
        is no longer than they are.

    References
    ----------
    Perrin et al. (2003), equations 9 to 17.
    """
    steps = torch.arange(length + 1, dtype=base.dtype, device=base.device)
    time = (steps * dt).reshape(-1, *(1,) * base.ndim) / base
    curve = torch.clamp(time, max=1.0) ** 2.5
    if not rising:
        falling = torch.clamp(2.0 - time, 0.0, 1.0) ** 2.5
        curve = 0.5 * curve + 0.5 * (1.0 - falling)
    return curve[1:] - curve[:-1]
