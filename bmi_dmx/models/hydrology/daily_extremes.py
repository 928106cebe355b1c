"""The extremes of temperature over the last 24 hours, whatever the hour."""

from __future__ import annotations

from functools import reduce
from types import SimpleNamespace

import torch
from torch import Tensor

from ...process import Process
from ...variables import Flux
from ..weather import AIR_TEMPERATURE
from .forcings import AIR_TEMPERATURE_MAX, AIR_TEMPERATURE_MIN
from .last_day import BEGUN, past, recalled

__all__ = ["DailyExtremes", "LastDayProcess"]


class DailyExtremes(Process):
    """Lowest and highest temperature of the present step and those before it.

    At the end of a day these are the extremes of that day; at any other time they are
    those of a day that ends now. Nothing is known of the hours to come. Before the
    first step all the past counts as it.

    Parameters
    ----------
    length : int
        Number of steps in a day.
    """

    about = "extremes of temperature over the last day, at steps of an hour"
    forcings = (AIR_TEMPERATURE,)
    fluxes = tuple(
        Flux(name=v.name, symbol=v.symbol, units=v.units, about=about)
        for v, about in (
            (AIR_TEMPERATURE_MIN, "lowest air temperature of the last day"),
            (AIR_TEMPERATURE_MAX, "highest air temperature of the last day"),
        )
    )

    def __init__(self, length: int = 24) -> None:
        remembered = past("recent_temperature", "T", "degC", "air temperature", length)
        self.states = (remembered, BEGUN)

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor | tuple[Tensor, ...]], dict[str, Tensor]]:
        """Return the temperatures to remember, and the extremes."""
        now = f.air_temperature
        recent = recalled(s.recent_temperature, s.any_recent, now)
        return (
            {
                "recent_temperature": (*recent[1:], now),
                "any_recent": torch.ones_like(s.any_recent),
            },
            {
                "air_temperature_min": reduce(torch.minimum, recent, now),
                "air_temperature_max": reduce(torch.maximum, recent, now),
            },
        )


class LastDayProcess(Process):
    """A process that reads the extremes of a day, at steps shorter than a day.

    It finds the extremes of the last 24 hours itself, see :class:`DailyExtremes`.

    Parameters
    ----------
    inner : Process
        Without memory; the process of the extremes.
    length : int
        Number of steps in a day.
    """

    about = "a process that finds the extremes of the last day at steps of an hour"

    def __init__(self, inner: Process, length: int = 24) -> None:
        extremes = DailyExtremes(length)
        flux_names = {flux.name for flux in extremes.fluxes}
        others = (f for f in inner.forcings if f.name not in flux_names)
        forcings = {f.name: f for f in (*extremes.forcings, *others)}
        self.inner, self.extremes = inner, extremes
        self.forcings = tuple(forcings.values())
        self.states = extremes.states
        self.parameters = inner.parameters
        self.fluxes = (*inner.fluxes, *extremes.fluxes)

    @property
    def name(self) -> str:
        """Name of the process inside."""
        return self.inner.name

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor | tuple[Tensor, ...]], dict[str, Tensor]]:
        """Find the extremes, and take the step with them."""
        state, extremes = self.extremes.step(s, f, p)
        drivers = SimpleNamespace(**{**vars(f), **extremes})
        _, fluxes = self.inner.step(SimpleNamespace(), drivers, p)
        return state, {**fluxes, **extremes}
