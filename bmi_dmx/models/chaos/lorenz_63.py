"""Convection in three numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

from torch import Tensor

from ...tendency import Tendency
from ...variables import Parameter, State

__all__ = ["Lorenz63"]


class Lorenz63(Tendency):
    r"""The system of Lorenz (1963) by the classic scheme of Runge and Kutta.

    .. math::

        \dot x = \sigma (y - x), \quad
        \dot y = x (\rho - z) - y, \quad
        \dot z = x y - \beta z

    Places do not see each other: each is a system of its own.

    References
    ----------
    Lorenz, E. N. (1963), doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2.
    """

    about = "convection in three numbers, Lorenz (1963)"
    time = "1"
    scheme: ClassVar[str] = "rk4"
    states = (
        State(name="x", symbol="x", initial=1.509, about="strength of the convection"),
        State(
            name="y", symbol="y", initial=-1.531,
            about="difference between what rises and what sinks",
        ),
        State(name="z", symbol="z", initial=25.46, about="bend of the profile"),
    )  # fmt: skip
    parameters = (
        Parameter(
            name="prandtl", symbol="sigma", bounds=(0.1, 100.0), default=10.0,
            per="place", about="Prandtl number",
        ),
        Parameter(
            name="rayleigh", symbol="rho", bounds=(0.0, 200.0), default=28.0,
            per="place", about="Rayleigh number over that at which convection begins",
        ),
        Parameter(
            name="aspect", symbol="beta", bounds=(0.1, 10.0), default=8.0 / 3.0,
            per="place", about="shape of the cells",
        ),
    )  # fmt: skip

    def tendency(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the rates of change."""
        rates = {
            "x": p.prandtl * (s.y - s.x),
            "y": s.x * (p.rayleigh - s.z) - s.y,
            "z": s.x * s.y - p.aspect * s.z,
        }
        return rates, {}
