"""What a reach exchanges beside its ends: with the ground, with people, with gauges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import NamedTuple

import torch
from torch import Tensor

from ...process import Budget
from ...variables import Flux, Forcing, Parameter, State
from . import lakes
from .leakance import LEAKAGE, Bed, Leakance, leakage

__all__ = ["Exchanges", "Outflow", "exchanged"]

_DIVERSION = Forcing(
    name="diversion", symbol="D", units="m3 s-1", per_step="rate", bounds=(0.0, 1e5),
    about="what is to be taken out of a reach",
)  # fmt: skip
_DIVERTED = Flux(
    name="diverted", symbol="D'", units="m3 s-1", per_step="rate",
    about="what is taken out of a reach",
)  # fmt: skip
_UNDELIVERED = Flux(
    name="undelivered", symbol="D - D'", units="m3 s-1", per_step="rate",
    about="what was to be taken out of a reach, and was not there",
)  # fmt: skip
_OBSERVATIONS = (
    Forcing(
        name="observed_discharge", symbol="Q_o", units="m3 s-1", bounds=(0.0, 1e6),
        about="what was seen to leave the reach at the end of the step",
    ),
    Forcing(
        name="observation_weight", symbol="w", units="1", bounds=(0.0, 1.0),
        about="0 where nothing was seen, 1 where what was seen is taken for true",
    ),
)  # fmt: skip
_NUDGED = Flux(
    name="nudged", symbol="N", units="m3 s-1", per_step="rate",
    about="water added for the flow that was seen, negative where it is removed",
)  # fmt: skip


@dataclass(frozen=True)
class Exchanges:
    """What a river exchanges beside the ends of its reaches; nothing where not told.

    Parameters
    ----------
    leakance : Leakance, optional
        The bed leaks: in which form.
    lakes : bool
        Some reaches are lakes, by the parameter ``lake``.
    diversions : bool
        Water is taken out, by the forcing ``diversion``.
    observations : bool
        Flow is known at some reaches, by the forcings ``observed_discharge`` and
        ``observation_weight``.
    """

    leakance: Leakance | None = None
    lakes: bool = False
    diversions: bool = False
    observations: bool = False

    @property
    def forcings(self) -> tuple[Forcing, ...]:
        """What is to be known of every step."""
        return (
            *((_DIVERSION,) if self.diversions else ()),
            *(_OBSERVATIONS if self.observations else ()),
        )

    @property
    def states(self) -> tuple[State, ...]:
        """What is remembered."""
        return (lakes.LAKE_STORAGE,) if self.lakes else ()

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What is to be known of every reach."""
        return (
            *(self.leakance.parameters if self.leakance else ()),
            *(lakes.LAKE_PARAMETERS if self.lakes else ()),
        )

    @property
    def fluxes(self) -> tuple[Flux, ...]:
        """What is given."""
        return (
            *((LEAKAGE,) if self.leakance else ()),
            *((_DIVERTED, _UNDELIVERED) if self.diversions else ()),
            *((lakes.ELEVATION,) if self.lakes else ()),
            *((_NUDGED,) if self.observations else ()),
        )

    def budgeted(self, budget: Budget) -> Budget:
        """Return the budget of a river with what is exchanged beside it."""
        gained = ("nudged",) if self.observations else ()
        losses = (
            *(("leakage",) if self.leakance else ()),
            *(("diverted",) if self.diversions else ()),
        )
        return replace(
            budget, inputs=budget.inputs + gained, outputs=budget.outputs + losses
        )


class Outflow(NamedTuple):
    """What leaves a reach in a step, as far as it is known.

    Parameters
    ----------
    solution : Tensor
        Flow at the end of the step, m3 s-1; of a lake what enters it.
    response : Tensor
        By how much a volume of lateral inflow raises that flow, s-1.
    stored : Tensor
        What a lake held at the start, m3; 0 of a reach.
    least : float
        Flow that is left whatever is taken, m3 s-1.
    """

    solution: Tensor
    response: Tensor
    stored: Tensor
    least: float

    def take(self, volume: Tensor) -> tuple[Outflow, Tensor]:
        """Take a volume out along the way, m3, as far as it is there.

        So that what is taken lets no flow fall below the least, and no water is made by
        raising it again. A negative volume is added in full.
        """
        above = (self.solution - self.least) / self.response + self.stored
        amount = torch.minimum(volume, torch.clamp(above, min=0.0))
        return self._replace(solution=self.solution - self.response * amount), amount


class ExchangeResult(NamedTuple):
    """What leaves a reach in a step, and what was exchanged beside.

    Parameters
    ----------
    solution : Tensor
        Flow at the end of the step, m3 s-1.
    gained : Tensor or float
        Sum of what was exchanged, m3.
    created : Tensor or float
        Water made in lakes, m3.
    states, fluxes : dict of str to Tensor
        Those that :class:`Exchanges` declares, of the step.
    """

    solution: Tensor
    gained: Tensor | float
    created: Tensor | float
    states: dict[str, Tensor]
    fluxes: dict[str, Tensor]


def exchanged(
    exchanges: Exchanges,
    outflow: Outflow,
    f: SimpleNamespace,
    p: SimpleNamespace,
    bed: Bed | None,
    dt: float,
) -> ExchangeResult:
    """Return what leaves a reach once all is exchanged that is to be.

    The ground comes first, then who takes water out, then the lake's outlet, then the
    flow that was seen.

    Parameters
    ----------
    exchanges : Exchanges
        What there is.
    outflow : Outflow
        What would leave without.
    f, p : namespace of Tensor
        Forcings of the step, and parameters.
    bed : Bed, optional
        Where the reach touches the ground, if it leaks.
    dt : float
        Length of the step, s.
    """
    gained: Tensor | float = 0.0
    fluxes: dict[str, Tensor] = {}
    if exchanges.leakance and bed is not None:
        volume = leakage(exchanges.leakance, bed, p) * dt
        if exchanges.lakes:
            volume = torch.where(lakes.is_lake(p), 0.0, volume)
        outflow, fluxes["leakage"] = outflow.take(volume)
        gained = gained - fluxes["leakage"]
    if exchanges.diversions:
        outflow, fluxes["diverted"] = outflow.take(f.diversion)
        fluxes["undelivered"] = f.diversion - fluxes["diverted"]
        gained = gained - fluxes["diverted"]
    lake = None
    if exchanges.lakes:
        lake = lakes.passed(p, outflow.stored, outflow.solution, dt)
        outflow = outflow._replace(solution=lake.outflow)
    if exchanges.observations:
        nudge = f.observation_weight * (f.observed_discharge - outflow.solution)
        fluxes["nudged"] = nudge / outflow.response
        outflow = outflow._replace(solution=outflow.solution + nudge)
        if lake is not None:
            lake, fluxes["nudged"] = lakes.prescribed(
                p, lake, nudge, fluxes["nudged"], dt
            )
        gained = gained + fluxes["nudged"]
    if lake is None:
        return ExchangeResult(outflow.solution, gained, 0.0, {}, fluxes)
    fluxes["elevation"] = lakes.elevation(p, lake.storage)
    states = {"lake_storage": lake.storage}
    return ExchangeResult(outflow.solution, gained, lake.created, states, fluxes)
