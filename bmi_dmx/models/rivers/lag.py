"""Lateral inflow that reaches a river some hours later than it was said to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError
from ...process import Budget, Process
from ...variables import Flux, Forcing, Parameter, State

__all__ = ["InflowLag"]

_HOUR = 3600.0  # s


class InflowLag(Process):
    r"""Lateral inflow after a delay that need not be a whole number of steps.

    What enters in a step leaves in shares

    .. math:: w_k = \max(0, 1 - |k - \ell|), \qquad k = 0, 1, \dots

    after k steps, :math:`\ell` being the lag in steps: two neighbouring steps share it,
    so that the mean delay is the lag, no water is lost, and nothing comes before it was
    there. The water on its way is the state.

    Parameters
    ----------
    options : mapping or Options, optional
        The longest lag; see :class:`InflowLag.Options`.
    dt : float
        Length of a step, s.

    Raises
    ------
    ConfigError
        When the longest lag is less than a step.

    Notes
    -----
    Days of a record and days of a model may begin at different hours, and inflow that
    has been delayed on its way to the river is delayed once more in it. One lag for all
    reaches is supplied by a network of constants, one by size by a network that reads
    the drainage area. Its gradient is that of the slope of the inflow between two
    steps: at lags of whole steps there is a kink.
    """

    @dataclass(frozen=True)
    class Options:
        """How long the lag may be.

        Parameters
        ----------
        hours : float
            The longest lag.
        """

        hours: float = 24.0

    about = "lateral inflow after a fractional lag"
    time = "s"
    forcings = (
        Forcing(
            name="land_inflow", symbol="q", units="m3 s-1", per_step="rate",
            bounds=(0.0, 1e5), about="what the land gives to the reach",
        ),
    )  # fmt: skip
    fluxes = (
        Flux(
            name="lateral_inflow", symbol="q'", units="m3 s-1", per_step="rate",
            about="what enters the reach along its way",
            standard_name="land_surface_water_source__volume_flow_rate",
        ),
    )  # fmt: skip
    options: Options

    def __init__(self, options: Any = None, dt: float = _HOUR) -> None:
        super().__init__(options)
        self.dt = dt
        hours = self.options.hours
        steps = hours * _HOUR / dt
        length = math.ceil(steps - 1e-9) if math.isfinite(steps) else 0
        if length < 1:
            raise ConfigError(
                f"hours: found {hours:g}, expected at least a step of {dt:g} s"
            )
        self.parameters = (
            Parameter(
                name="inflow_lag", symbol="l", units="h", bounds=(0.0, hours),
                per="place", about="delay of what the land gives to the reach",
            ),
        )  # fmt: skip
        self.states = (
            State(
                name="in_transit", symbol="r", units="m3", bounds=(0.0, 1e12),
                size=length, about="water on its way, by steps until it arrives",
            ),
        )  # fmt: skip
        self.prepared = (
            Parameter(
                name="weight", symbol="w", bounds=(0.0, 1.0), size=length + 1,
                per="place", about="share arriving after 0, 1, ... steps; sums to 1",
            ),
        )  # fmt: skip
        self.budgets = (
            Budget(
                ("land_inflow",), ("lateral_inflow",), ("in_transit",),
                name="water", units="m3",
            ),
        )  # fmt: skip

    def at(self, dt: float) -> InflowLag:
        """Return the same lag at steps of ``dt`` seconds."""
        return self if dt == self.dt else _timed(self.options, dt)

    def prepare(self, p: SimpleNamespace) -> dict[str, Tensor]:
        """Return the shares that arrive after 0, 1, ... steps."""
        lag = p.inflow_lag * (_HOUR / self.dt)
        size = self.prepared[0].size
        steps = torch.arange(size, dtype=lag.dtype, device=lag.device)
        away = torch.abs(steps.reshape(-1, *(1,) * lag.ndim) - lag)
        return {"weight": torch.clamp(1.0 - away, min=0.0)}

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor | tuple[Tensor, ...]], dict[str, Tensor]]:
        """Let arrive what is due, and send this step's inflow on its way."""
        # A state of size 1 comes as a tensor, not as a tuple of one.
        waiting = (s.in_transit,) if len(p.weight) == 2 else s.in_transit
        sent = [weight * f.land_inflow for weight in p.weight]
        due = [r + new for r, new in zip(waiting, sent, strict=False)]
        rest = (*due[1:], sent[-1])
        return (
            {"in_transit": rest[0] if len(rest) == 1 else rest},
            {"lateral_inflow": due[0]},
        )


@cache
def _timed(options: InflowLag.Options, dt: float) -> InflowLag:
    """Return one object for all who ask, whose kernels are made once."""
    return InflowLag(options, dt)
