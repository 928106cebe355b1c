"""The extremes of temperature over the last 24 hours, whatever the hour."""

from __future__ import annotations

from functools import reduce
from types import SimpleNamespace

import torch
from torch import Tensor

from ...process import Process
from ...variables import Flux
from .forcings import AIR_TEMPERATURE, AIR_TEMPERATURE_MAX, AIR_TEMPERATURE_MIN
from .last_day import BEGUN, past, recalled

__all__ = ["DailyExtremes"]


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
