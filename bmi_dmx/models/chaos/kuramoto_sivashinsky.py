"""Flames and films: an instability that its own steepness holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError
from ...process import Budget, Process, Stencil
from ...variables import State
from .exponential import Waves, advanced

__all__ = ["KuramotoSivashinsky"]


class KuramotoSivashinsky(Process):
    r"""The equation of Kuramoto and Sivashinsky on a ring, stepped by ETD-RK4.

    .. math:: u_t = -u\, u_x - u_{xx} - u_{xxxx}

    Waves longer than :math:`2 \pi` grow, shorter ones are damped, and the advection
    hands over from the first to the second. The linear terms are solved exactly
    (:mod:`.exponential`). The mean stays as it is.

    Parameters
    ----------
    options : mapping or Options, optional
        The length of the ring; see :class:`KuramotoSivashinsky.Options`.

    Raises
    ------
    ConfigError
        When the ring has no length.

    References
    ----------
    Kuramoto and Tsuzuki (1976), doi:10.1143/PTP.55.356; Sivashinsky (1977),
    doi:10.1016/0094-5765(77)90096-0.
    """

    @dataclass(frozen=True)
    class Options:
        r"""What can be chosen.

        Parameters
        ----------
        length : float
            Around the ring; default: :math:`32 \pi`.
        """

        length: float = 32.0 * math.pi

    about = "an instability held by its own steepness, Kuramoto and Sivashinsky"
    time = "1"
    coupling = Stencil()
    states = (State(name="u", symbol="u", about="slope of the front"),)
    budgets = (Budget((), (), ("u",), name="slope", units="1"),)
    options: Options

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        if not 0.0 < self.options.length < math.inf:
            raise ConfigError(
                f"length: found {self.options.length}, expected a number above 0"
            )

    def at(self, dt: float) -> Process:
        """Return the process for steps of ``dt``."""
        timed = type(self)(self.options)
        timed.space, timed.dt = self.space, dt
        return timed

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Advance one step: growth and damping exactly, advection by four stages."""
        waves = Waves(s.u.shape[-1], self.options.length, s.u.device)
        growth = waves.number**2 - waves.number**4
        after = advanced(s.u, growth, lambda u: -0.5 * torch.square(u), waves, self.dt)
        return {"u": after}, {}
