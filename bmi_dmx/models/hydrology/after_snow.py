"""Processes of rainfall and runoff that get what a process of snow lets out."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any, TypeVar

from torch import Tensor

from ...process import Budget, Process
from .cemaneige import CemaNeige
from .forcings import PRECIPITATION
from .gr4j import Gr4j
from .sac_sma import SacSma
from .snow import OUTFLOW
from .snow17 import Snow17

__all__ = ["AfterSnow", "Gr4jCemaNeige", "SacSmaSnow17"]

_Self = TypeVar("_Self", bound="AfterSnow")


class AfterSnow(Process):
    """Two processes in one step: what leaves the snow is the other's precipitation.

    Members then have snow of their own, and one kernel runs both.

    Parameters
    ----------
    options : mapping or Options, optional
        As the class of options declares.
    """

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._declare()

    @abstractmethod
    def parts(self) -> tuple[Process, Process]:
        """Return the process of snow and the one after it, for steps of this length."""

    def _declare(self) -> None:
        """Declare what both declare, each once."""
        snow, land = self.parts()
        forcings = {f.name: f for f in (*snow.forcings, *land.forcings)}
        self.forcings = tuple(forcings.values())
        self.states = (*snow.states, *land.states)
        self.parameters = (*snow.parameters, *land.parameters)
        if land.prepared:
            self.prepared = (*snow.parameters, *land.prepared)
        self.fluxes = (*land.fluxes, *snow.fluxes)
        self.budgets = (_together(snow.budgets[0], land.budgets[0]),)

    def at(self: _Self, dt: float) -> _Self:
        """Return both processes for steps of ``dt`` days."""
        if dt == self.dt:
            return self
        timed = copy(self)
        timed.dt = float(dt)
        timed._declare()
        return timed

    def prepare(self, p: SimpleNamespace) -> dict[str, Any]:
        """Return what both steps see of the parameters."""
        snow, land = self.parts()
        parameters = {q.name: getattr(p, q.name) for q in snow.parameters}
        return {**parameters, **land.prepare(p)} if self.prepared else vars(p)

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Step the snow, and the rest with what it lets out."""
        snow, land = self.parts()
        pack, above = snow.step(s, f, p)
        water = {**vars(f), PRECIPITATION.name: above[OUTFLOW.name]}
        stores, below = land.step(s, SimpleNamespace(**water), p)
        return {**pack, **stores}, {**below, **above}


def _together(snow: Budget, land: Budget) -> Budget:
    """Return the budget of both, without the water that passes between them."""
    inputs = [n for n in land.inputs if n != PRECIPITATION.name]
    outputs = [n for n in snow.outputs if n != OUTFLOW.name]
    return Budget(
        inputs=(*snow.inputs, *inputs),
        outputs=(*land.outputs, *outputs),
        storages=(*snow.storages, *land.storages),
        name=land.name,
        units=land.units,
    )


class Gr4jCemaNeige(AfterSnow):
    """GR4J with the snow of CemaNeige: options, equations and sources are theirs.

    Parameters
    ----------
    options : mapping or Options, optional
        Those of both.
    """

    @dataclass(frozen=True)
    class Options(Gr4j.Options, CemaNeige.Options):
        """Options of GR4J and of CemaNeige."""

        def __post_init__(self) -> None:
            Gr4j.Options.__post_init__(self)
            CemaNeige.Options.__post_init__(self)

    about = "GR4J with the snow of CemaNeige"
    options: Options

    def parts(self) -> tuple[Process, Process]:
        """Return CemaNeige and GR4J."""
        return _cemaneige(self.options, self.dt)


@cache
def _cemaneige(options: Gr4jCemaNeige.Options, dt: float) -> tuple[Process, Process]:
    snow = CemaNeige({"cold_width": options.cold_width})
    return snow.at(dt), Gr4j({"days": options.days}).at(dt)


class SacSmaSnow17(AfterSnow):
    """SAC-SMA with the snow of Snow-17: options, equations and sources are theirs.

    Parameters
    ----------
    options : mapping or Options, optional
        Those of SAC-SMA.
    """

    Options = SacSma.Options
    about = "SAC-SMA with the snow of Snow-17"
    options: SacSma.Options

    def parts(self) -> tuple[Process, Process]:
        """Return Snow-17 and SAC-SMA."""
        return _snow17(self.options, self.dt)


@cache
def _snow17(options: SacSma.Options, dt: float) -> tuple[Process, Process]:
    return Snow17().at(dt), SacSma(options).at(dt)
