"""Routing of runoff from a unit of land to a gauge, with a lag of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError
from ...variables import Parameter
from .unit_hydrograph import UnitHydrograph, gamma_weights, whole_steps

__all__ = ["LaggedUnitHydrograph", "lagged"]


class LaggedUnitHydrograph(UnitHydrograph):
    r"""Runoff of a unit of land released at a gauge after a lag.

    The places are pairs of a gauge and a unit that drains to it. The weights are those
    of the gamma unit hydrograph, moved by :math:`\tau = k + \varphi` steps, a whole
    number and a rest:

    .. math:: y_t = (1 - \varphi)\,w_{t-k} + \varphi\,w_{t-k-1}

    There are as many ordinates as the longest lag needs, so that all water arrives.

    Parameters
    ----------
    options : mapping or Options, optional
        ``hours`` over which runoff leaves once it does, and the ``longest_lag`` in
        hours, which bounds what is learned.
    dt : float
        Length of a step in days, which fill the hours of the hydrograph.

    Raises
    ------
    ConfigError
        When the steps do not fill the hours, or the longest lag is not above 0.

    References
    ----------
    Yang et al. (2026), arXiv:2609.06794.
    """

    @dataclass(frozen=True)
    class Options:
        """Hours over which the hydrograph releases runoff, and the longest lag."""

        hours: float = 72.0
        longest_lag: float = 48.0

        def __post_init__(self) -> None:
            if not 0.0 < self.longest_lag <= 1000.0:
                raise ConfigError(
                    "longest_lag: expected above 0 to 1000 h, found "
                    f"{self.longest_lag:g}"
                )

    about = "gamma unit hydrograph with a lag, from a unit of land to a gauge"

    def __init__(self, options: Any = None, dt: float = 1.0) -> None:
        super().__init__(options, dt)
        self.parameters = (
            Parameter(
                name="routing_a", symbol="a", bounds=(0.0, 5.0), per="place",
                about="shape of the gamma unit hydrograph, less 0.1",
            ),
            Parameter(
                name="routing_b", symbol="b", bounds=(0.0, 12.0), units="h",
                per="place", about="scale of the gamma unit hydrograph, less 0.5 hours",
            ),
            Parameter(
                name="routing_lag", symbol="tau", units="h", per="place",
                bounds=(0.0, self.options.longest_lag),
                about="time before runoff of the unit begins to arrive",
            ),
        )  # fmt: skip

    def length(self) -> int:
        """Return the number of ordinates of the hydrograph, the lag included."""
        return self._released + self._latest + 1

    @property
    def _released(self) -> int:
        return whole_steps(self.options.hours, self._hours, "hours")

    @property
    def _hours(self) -> float:
        """Length of a step in hours."""
        return 24.0 * self.dt

    @property
    def _latest(self) -> int:
        """Longest lag in steps."""
        longest: float = self.options.longest_lag
        return math.ceil(round(longest / self._hours, 9))

    def prepare(self, p: SimpleNamespace) -> dict[str, Tensor]:
        """Return the weights of the hydrograph."""
        hours = self._hours
        weight = gamma_weights(p.routing_a, p.routing_b, self._released, hours)
        return {"weight": lagged(weight, p.routing_lag / hours, self._latest)}


def lagged(weight: Tensor, lag: Tensor, latest: int) -> Tensor:
    r"""Return weights moved to later steps, between two of which they are shared.

    Parameters
    ----------
    weight : Tensor
        (length, \*shape of ``lag``).
    lag : Tensor
        In steps, 0 to ``latest``.
    latest : int
        Longest lag.

    Returns
    -------
    Tensor
        (length + latest + 1, \*shape of ``lag``) with the sum of ``weight``.
    """
    most = latest + 1
    # Zeros of its own shape, for those of programs are numbers without one.
    nothing = [weight[:1] - weight[:1]] * most
    padded = torch.cat([*nothing, weight, *nothing])
    length = len(weight) + most
    shares = [torch.clamp(1.0 - torch.abs(lag - k), min=0.0) for k in range(most)]
    total = shares[0] * padded[most : most + length]
    for k, share in enumerate(shares[1:], 1):
        total = total + share * padded[most - k : most - k + length]
    return total
