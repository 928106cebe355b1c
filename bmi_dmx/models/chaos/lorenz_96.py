"""Waves on a ring that feed each other, damped and driven."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

from torch import Tensor

from ...process import Budget, Stencil
from ...tendency import Tendency
from ...variables import Flux, Parameter, State
from .ring import ahead, behind

__all__ = ["Lorenz96"]


class Lorenz96(Tendency):
    r"""The system of Lorenz (1996) by the classic scheme of Runge and Kutta.

    .. math:: \dot x_i = (x_{i+1} - x_{i-2})\, x_{i-1} - x_i + F

    With 40 places and F = 8 it is chaotic: errors double in 0.42 units of time, and a
    place varies by 3.64 about its mean of 2.34. One unit of time is taken for five
    days.

    References
    ----------
    Lorenz, E. N. (1996), Predictability: a problem partly solved, ECMWF seminar;
    Lorenz and Emanuel (1998), doi:10.1175/1520-0469(1998)055<0399:OSFSWO>2.0.CO;2.
    """

    about = "waves on a ring, Lorenz (1996)"
    time = "1"
    coupling = Stencil()
    scheme: ClassVar[str] = "rk4"
    states = (State(name="x", symbol="x", initial=1.0, about="amplitude of the wave"),)
    parameters = (
        Parameter(
            name="drive", symbol="F", bounds=(0.0, 40.0), default=8.0, per="place",
            about="what keeps the waves going",
        ),
    )  # fmt: skip
    fluxes = (
        Flux(
            name="exchange", symbol="N", per_step="rate",
            about="what the neighbours give; their energy in all stays the same",
        ),
        Flux(name="damping", symbol="D", per_step="rate", about="what is lost"),
        Flux(name="driving", symbol="F", per_step="rate", about="what is gained"),
    )  # fmt: skip
    budgets = (
        Budget(("exchange", "driving"), ("damping",), ("x",), name="wave", units="1"),
    )

    def tendency(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the rate of change of the waves, and what it is made of."""
        exchange = advection(s.x, s.x)
        driving = p.drive + 0.0 * s.x
        fluxes = {"exchange": exchange, "damping": s.x, "driving": driving}
        return {"x": exchange - s.x + driving}, fluxes


def advection(by: Tensor, x: Tensor) -> Tensor:
    r"""Return :math:`(x_{i+1} - x_{i-2})\, y_{i-1}`.

    Where both are the same it neither makes energy nor takes it.

    Parameters
    ----------
    by, x : Tensor
        What carries (y), and what is carried; (..., place).
    """
    return (ahead(x) - behind(x, 2)) * behind(by)
