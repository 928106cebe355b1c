"""Slow waves on a ring, each with fast ones of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...errors import ConfigError
from ...process import Stencil
from ...tendency import Tendency
from ...variables import Parameter, State
from .lorenz_96 import advection
from .ring import ahead, behind

__all__ = ["TwoLevelLorenz"]


class TwoLevelLorenz(Tendency):
    r"""The system of two levels of Lorenz (1996).

    .. math::

        \dot U_i &= (U_{i+1} - U_{i-2})\, U_{i-1} - U_i + F
            - \frac{h c}{b} \sum_{j \in i} V_j \\
        \dot V_j &= c b\, (V_{j-1} - V_{j+2})\, V_{j+1} - c V_j + \frac{h c}{b} U_{i(j)}

    The fast waves are one ring, J of them at each place of the slow. As truth of a
    model of one level it has errors that nobody made on purpose.

    Parameters
    ----------
    options : mapping or Options, optional
        How many fast waves there are; see :class:`TwoLevelLorenz.Options`.

    Raises
    ------
    ConfigError
        When there are fewer than two at a place.

    References
    ----------
    Lorenz, E. N. (1996), Predictability: a problem partly solved, ECMWF seminar; with
    32 fast waves at each of 8 places and F = 20: Wilks, D. S. (2005),
    doi:10.1256/qj.04.03.
    """

    @dataclass(frozen=True)
    class Options:
        """What can be chosen.

        Parameters
        ----------
        fast : int
            Fast waves at a place.
        """

        fast: int = 10

    about = "slow waves and fast ones on a ring, Lorenz (1996)"
    time = "1"
    coupling = Stencil()
    scheme: ClassVar[str] = "rk4"
    options: Options
    parameters = (
        Parameter(
            name="drive", symbol="F", bounds=(0.0, 40.0), default=10.0, per="place",
            about="what keeps the slow waves going",
        ),
        Parameter(
            name="coupling_strength", symbol="h", bounds=(0.0, 5.0), default=1.0,
            per="place", about="how much the levels see of each other",
        ),
        Parameter(
            name="time_ratio", symbol="c", bounds=(0.1, 50.0), default=10.0,
            per="place", about="how much faster the fast waves are",
        ),
        Parameter(
            name="amplitude_ratio", symbol="b", bounds=(0.1, 50.0), default=10.0,
            per="place", about="how much smaller the fast waves are",
        ),
    )  # fmt: skip

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        fast = self.options.fast
        if fast < 2:
            raise ConfigError(f"fast: found {fast}, expected at least 2 waves a place")
        self.states = (
            State(name="slow", symbol="U", initial=1.0, about="slow waves"),
            State(
                name="fast", symbol="V", initial=0.1, size=fast,
                about="fast waves at the place",
            ),
        )  # fmt: skip

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Advance one step of the scheme, the fast waves of a place on an axis."""
        together = SimpleNamespace(slow=s.slow, fast=torch.stack(s.fast, -1))
        state, fluxes = super().step(together, f, p)
        entries = torch.split(state["fast"], 1, -1)
        return {**state, "fast": tuple(x.squeeze(-1) for x in entries)}, fluxes

    def tendency(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the rates of change; the fast waves are (..., place, wave)."""
        strength = p.coupling_strength * p.time_ratio / p.amplitude_ratio
        *lead, places, waves = s.fast.shape
        ring = s.fast.reshape(*lead, places * waves)
        carried = ((behind(ring) - ahead(ring, 2)) * ahead(ring)).reshape(s.fast.shape)
        speed = torch.as_tensor(p.time_ratio * p.amplitude_ratio).unsqueeze(-1)
        loss = torch.as_tensor(p.time_ratio).unsqueeze(-1)
        coupling = (strength * s.slow).unsqueeze(-1)
        rates = {
            "slow": advection(s.slow, s.slow) - s.slow + p.drive
            - strength * s.fast.sum(-1),
            "fast": speed * carried - loss * s.fast + coupling,
        }  # fmt: skip
        return rates, {}
