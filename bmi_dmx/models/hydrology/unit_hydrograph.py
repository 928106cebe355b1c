"""Routing of runoff to the outlet by a unit hydrograph whose memory is a state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any, TypeVar

import torch
from torch import Tensor

from ...errors import ConfigError
from ...process import Budget, Process
from ...variables import Parameter, State
from .outlet import RUNOFF, STREAMFLOW

__all__ = ["UnitHydrograph", "gamma_weights", "whole_steps"]


class UnitHydrograph(Process):
    r"""Runoff released over the present and the following steps.

    The runoff :math:`q` of a step leaves in shares :math:`w_0, w_1, \dots`. The state
    is the water on its way, :math:`r_j` leaving :math:`j + 1` steps from now:

    .. math::

        Q = r_0 + w_0 q, \qquad r_j \leftarrow r_{j+1} + w_{j+1} q,
        \qquad r_{length-1} = 0

    so that a run may stop at any step and go on, and water is neither made nor lost
    when the weights change with time. The weights are those of a gamma distribution,
    see :func:`gamma_weights`.

    Parameters
    ----------
    options : mapping or Options, optional
        ``days`` over which runoff leaves; ``varying`` where its parameters change with
        time, and the shares are computed in every step.
    dt : float
        Length of a step in days, which fill the days of the hydrograph.

    Raises
    ------
    ConfigError
        When the steps do not fill the days, or there are less than 2.
    """

    @dataclass(frozen=True)
    class Options:
        """Days over which runoff is released, and whether parameters change."""

        days: float = 15.0
        varying: bool = False

    about = "gamma unit hydrograph with the water in transit as state"
    forcings = (RUNOFF,)
    parameters: tuple[Parameter, ...] = (
        Parameter(
            name="routing_a", symbol="a", bounds=(0.0, 2.9), per="place",
            about="shape of the gamma unit hydrograph, less 0.1",
        ),
        Parameter(
            name="routing_b", symbol="b", bounds=(0.0, 6.5), units="d", per="place",
            about="scale of the gamma unit hydrograph, less 0.5 days",
        ),
    )  # fmt: skip
    fluxes = (STREAMFLOW,)

    def __init__(self, options: Any = None, dt: float = 1.0) -> None:
        super().__init__(options)
        self.dt = dt
        length = self.length()
        self.states = (
            State(
                name="in_transit", symbol="r", units="mm", bounds=(0.0, 1e6),
                size=length - 1, about="water on its way, by steps until it leaves",
            ),
        )  # fmt: skip
        weight = Parameter(
            name="weight", symbol="w", bounds=(0.0, 1.0), size=length, per="place",
            about="share of the runoff leaving after 0, 1, ... steps; sums to 1",
        )  # fmt: skip
        varying = getattr(self.options, "varying", False)
        self.prepared = () if varying else (weight,)
        self.budgets = (
            Budget(
                ("runoff",), ("streamflow",), ("in_transit",), name="water", units="mm"
            ),
        )

    def at(self, dt: float) -> UnitHydrograph:
        """Return the hydrograph of the same days at steps of ``dt`` days."""
        return self if dt == self.dt else _timed(type(self), self.options, dt)

    def length(self) -> int:
        """Return the number of ordinates of the hydrograph."""
        return whole_steps(self.options.days, self.dt, "days")

    def prepare(self, p: SimpleNamespace) -> dict[str, Tensor]:
        """Return the weights of the hydrograph."""
        length = self.prepared[0].size
        return {"weight": gamma_weights(p.routing_a, p.routing_b, length, self.dt)}

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor | tuple[Tensor, ...]], dict[str, Tensor]]:
        """Release the water that is due, and spread this step's runoff."""
        shares = p.weight if self.prepared else self.shares(p)
        # A state of size 1 comes as a tensor, not as a tuple of one.
        waiting = (s.in_transit,) if len(shares) == 2 else s.in_transit
        spread = [share * f.runoff for share in shares]
        due = [r + new for r, new in zip(waiting, spread, strict=False)]
        rest = (*due[1:], spread[-1])
        return (
            {"in_transit": rest[0] if len(rest) == 1 else rest},
            {"streamflow": due[0]},
        )

    def shares(self, p: SimpleNamespace) -> list[Tensor]:
        """Return the weights of :func:`gamma_weights` one by one.

        A step is made of operations on single numbers, which a softmax is not. Inside
        the bounds no weight is too large or small for a number.
        """
        at_once = _at_once(self.dt)
        times = [(k + 0.5) * self.dt for k in range(self.length() + at_once)]
        weights = [
            torch.exp(_log_weight(p.routing_a, p.routing_b, time, math.log(time)))
            for time in times
        ]
        total = sum(weights[1:], weights[0])
        first = sum(weights[1 : at_once + 1], weights[0])
        return [weight / total for weight in (first, *weights[at_once + 1 :])]


@cache
def _timed(
    kind: type[UnitHydrograph], options: UnitHydrograph.Options, dt: float
) -> UnitHydrograph:
    """Return one object for all who ask, whose kernels are made once."""
    return kind(options, dt)


def whole_steps(span: float, dt: float, unit: str) -> int:
    """Return the number of steps in the span of a hydrograph.

    Raises
    ------
    ConfigError
        When the steps do not fill it, or there are less than 2.
    """
    length = round(span / dt) if dt > 0.0 and math.isfinite(dt) else 0
    if length < 2 or abs(length * dt - span) > 1e-6:
        raise ConfigError(
            f"dt: steps of {dt} {unit} do not fill the {span:g} {unit} of the unit "
            "hydrograph; choose a whole part of them"
        )
    return length


def gamma_weights(a: Tensor, b: Tensor, length: int, dt: float = 1.0) -> Tensor:
    r"""Return the weights of a gamma unit hydrograph.

    :math:`w_k \propto t_k^{A-1} e^{-t_k/\theta}` at the middle :math:`t_k` of each
    step, with shape :math:`A = a^+ + 0.1` and scale :math:`\theta = b^+ + 0.5` days.
    They are normalised by their sum, so the factor :math:`\Gamma(A)\theta^A` cancels.

    Parameters
    ----------
    a : Tensor
        Shape, usually 0 to 2.9.
    b : Tensor
        Scale in days, usually 0 to 6.5; same shape as ``a``.
    length : int
        Number of weights.
    dt : float
        Length of a step in days, or whatever the unit of time of ``b`` is.

    Returns
    -------
    Tensor
        (length, \*shape of ``a``); non-negative, sums to 1 along the first axis.

    Notes
    -----
    At daily steps what travels for less than half a day arrives with the day that made
    it, without delay. At shorter steps the same holds: the weights of the first half of
    a day go to the first step. Else the same parameters would bring a flood
    ``(1 - dt) / 2`` days later.

    References
    ----------
    Feng et al. (2022), WRR 58, e2022WR032404, doi:10.1029/2022WR032404.
    """
    at_once = _at_once(dt)
    steps = torch.arange(length + at_once, dtype=a.dtype, device=a.device)
    time = ((steps + 0.5) * dt).reshape(-1, *(1,) * a.ndim)
    weight = torch.softmax(_log_weight(a, b, time, torch.log(time)), dim=0)
    if not at_once:
        return weight
    first = weight[: at_once + 1].sum(dim=0, keepdim=True)
    return torch.cat([first, weight[at_once + 1 :]])


N = TypeVar("N", Tensor, float)


def _log_weight(a: Tensor, b: Tensor, time: N, log_time: N) -> Tensor:
    """Return the logarithm of a weight that is not normalised yet."""
    shape = torch.clamp(a, min=0.0) + 0.1
    scale = torch.clamp(b, min=0.0) + 0.5
    return (shape - 1.0) * log_time - time / scale


def _at_once(dt: float) -> int:
    """Return how many ordinates after the first arrive with it."""
    return round((1.0 / dt - 1.0) / 2.0)
