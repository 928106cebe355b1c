"""Processes given as rates of change, and the schemes that step them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

from .process import Process
from .variables import Parameter, State, Variable

__all__ = ["SCHEMES", "Scheme", "Tendency"]


@dataclass(frozen=True)
class Scheme:
    """An explicit Runge-Kutta scheme.

    Parameters
    ----------
    stages : tuple of tuple of float
        For each stage, the shares of a step that the tendencies before it are
        followed for.
    weights : tuple of float
        Shares of the tendencies of the stages in the step.
    """

    stages: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]


SCHEMES = {
    "euler": Scheme(((),), (1.0,)),
    # Wicker and Skamarock (2002), doi:10.1175/1520-0493(2002)130<2088:TSMFEM>2.0.CO;2.
    "ws-rk3": Scheme(((), (1 / 3,), (0.0, 0.5)), (0.0, 0.0, 1.0)),
    "rk4": Scheme(
        ((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)), (1 / 6, 1 / 3, 1 / 3, 1 / 6)
    ),
}
"""Time schemes of tendencies by name."""


class Tendency(Process):
    """A process given as rates of change, stepped by a named scheme.

    Forcings stay as they are through a step. Fluxes are averages over the step with the
    weights of the scheme, so that what is conserved by the rates is by the steps.

    Attributes
    ----------
    scheme : str
        One of :data:`SCHEMES`.

    Raises
    ------
    ValueError
        When a class declares a share of a step, which is no rate of change, or a
        variable of several entries.
    """

    scheme: ClassVar[str] = "rk4"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        sized: tuple[State | Parameter, ...] = (
            *cls.states, *cls.parameters, *cls.prepared
        )  # fmt: skip
        for entry in sized:
            if entry.size > 1:
                raise ValueError(
                    f"{entry.name}: size in a tendency is {entry.size}, expected 1; "
                    "name its entries, or give them an axis of the space"
                )
        for v in (*cls.forcings, *cls.parameters, *cls.prepared):
            if v.per_step == "fraction":
                raise ValueError(
                    f"{v.name}: per_step of a tendency is 'fraction', expected 'none' "
                    "or 'rate'"
                )

    def at(self, dt: float) -> Process:
        """Return the process for steps of ``dt`` units of its time."""
        timed = copy(self)
        timed.dt = dt
        return timed

    @abstractmethod
    def tendency(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return the rate of change of every state, and the fluxes now.

        Parameters
        ----------
        s, f, p : namespace of Tensor
            State, forcing and parameters, per unit of time as they are declared.
        """

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Advance one step of the scheme."""
        f, p = self._per_time(f, self.forcings), self._per_time(p, self.step_parameters)
        scheme, start = SCHEMES[self.scheme], vars(s)
        rates: list[Mapping[str, Any]] = []
        fluxes: list[Mapping[str, Any]] = []
        for shares in scheme.stages:
            rate, flux = self.tendency(
                SimpleNamespace(**_moved(start, rates, shares, self.dt)), f, p
            )
            rates.append(rate)
            fluxes.append(flux)
        rules = {flux.name: flux.per_step for flux in self.fluxes}
        means = {}
        for name in fluxes[0]:
            mean = _weighted([flux[name] for flux in fluxes], scheme.weights)
            amount = rules.get(name) in ("rate", "amount")
            means[name] = mean * self.dt if amount and self.dt != 1.0 else mean
        return _moved(start, rates, scheme.weights, self.dt), means

    def _per_time(
        self, quantities: SimpleNamespace, declared: Sequence[Variable]
    ) -> SimpleNamespace:
        """Return quantities of a step as those of a unit of time."""
        if self.dt == 1.0:
            return quantities
        rates = {v.name for v in declared if v.per_step == "rate"}
        values = vars(quantities).items()
        return SimpleNamespace(
            **{name: x / self.dt if name in rates else x for name, x in values}
        )


def _moved(
    start: Mapping[str, Any],
    rates: Sequence[Mapping[str, Any]],
    shares: Sequence[float],
    dt: float,
) -> dict[str, Any]:
    """Return the state after following rates of change for shares of a step."""
    if not any(shares):
        return dict(start)
    return {
        name: x + dt * _weighted([rate[name] for rate in rates], shares)
        for name, x in start.items()
    }


def _weighted(terms: Sequence[Any], weights: Sequence[float]) -> Any:
    """Return the weighted sum; terms of weight 0 are left out, not multiplied."""
    total: Any = 0.0
    for term, weight in zip(terms, weights, strict=True):
        if weight:
            total = total + weight * term
    return total
