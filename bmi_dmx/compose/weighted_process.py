"""A process whose members count unequally towards their mean."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from types import SimpleNamespace
from typing import Any

from ..errors import ConfigError
from ..process import Cells, Process
from ..variables import Parameter

__all__ = ["MEMBER_WEIGHT", "MOST_WEIGHTED", "WeightedProcess"]

MOST_WEIGHTED = 1000
"""Most members that can have weights of their own."""

MEMBER_WEIGHT = Parameter(
    name="member_weight", symbol="w", bounds=(1e-3, float(MOST_WEIGHTED)),
    spacing="share", about="weight of a member against that of equal ones",
)  # fmt: skip


class WeightedProcess(Process):
    """A process whose fluxes and states are those of its members times their weights.

    Weights of a place have the mean one, so that the plain mean over members is the
    weighted one: of every flux and of every store alike, and what is conserved in each
    member is conserved in the mean. The physics sees its own states, which are those
    here over the weight; of it, nothing is changed.

    Parameters
    ----------
    process : Process
        The physics.

    Raises
    ------
    ConfigError
        When its places see each other, or one of its parameters has the name of the
        weight.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        if not isinstance(process.coupling, Cells):
            raise ConfigError(
                f"member_weights: places of {process.name} see each other; members of "
                "single places alone have weights"
            )
        if any(p.name == MEMBER_WEIGHT.name for p in process.parameters):
            raise ConfigError(
                f"member_weights: {process.name} has a parameter "
                f"{MEMBER_WEIGHT.name!r} of its own"
            )
        self._declare()

    def _declare(self) -> None:
        process = self.process
        self.forcings, self.states, self.fluxes = (
            process.forcings,
            process.states,
            process.fluxes,
        )
        self.parameters = (*process.parameters, MEMBER_WEIGHT)
        self.prepared = (*process.prepared, MEMBER_WEIGHT) if process.prepared else ()
        self.budgets, self.dt = process.budgets, process.dt
        self.time = process.time  # type: ignore[misc]

    @property
    def name(self) -> str:
        """Name of the process inside."""
        return self.process.name

    def at(self, dt: float) -> WeightedProcess:
        """Return it for steps of ``dt`` units of its time."""
        timed = copy(self)
        timed.process = self.process.at(dt)
        timed._declare()
        return timed

    def refuse(self, p: SimpleNamespace) -> None:
        """Refuse parameters that the process refuses."""
        self.process.refuse(p)

    def prepare(self, p: SimpleNamespace) -> Mapping[str, Any]:
        """Return what the step of the process sees, and the weight."""
        return {**self.process.prepare(p), MEMBER_WEIGHT.name: p.member_weight}

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Take the step of the process; return states and fluxes times the weight."""
        weight = p.member_weight
        states = {name: _each(x, lambda y: y / weight) for name, x in vars(s).items()}
        state, fluxes = self.process.step(SimpleNamespace(**states), f, p)
        return (
            {name: _each(x, lambda y: y * weight) for name, x in state.items()},
            {name: x * weight for name, x in fluxes.items()},
        )


def _each(x: Any, change: Any) -> Any:
    """Return a state, or every entry of one that has several, changed."""
    return tuple(map(change, x)) if isinstance(x, (tuple, list)) else change(x)
