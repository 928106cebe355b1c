"""Waves on a ring that carry heat, and are driven by it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

from torch import Tensor

from ...process import Stencil
from ...tendency import Tendency
from ...variables import Parameter, State
from .lorenz_96 import advection
from .ring import ahead, behind

__all__ = ["VissioLucarini"]


class VissioLucarini(Tendency):
    r"""The system of Vissio and Lucarini (2020): that of Lorenz (1996) with heat.

    .. math::

        \dot X_i &= (X_{i+1} - X_{i-2})\, X_{i-1}
            - \gamma X_i - \alpha \theta_i + F \\
        \dot\theta_i &= X_{i+1} \theta_{i+2} - X_{i-1} \theta_{i-2}
            - \gamma \theta_i + \alpha X_i + G

    Without driving and damping :math:`\sum X^2 + \theta^2` stays as it is: what the
    waves lose the heat gains.

    References
    ----------
    Vissio, G. and Lucarini, V. (2020), doi:10.1140/epjp/s13360-020-00814-w.
    """

    about = "waves on a ring that carry heat, Vissio and Lucarini (2020)"
    time = "1"
    coupling = Stencil()
    scheme: ClassVar[str] = "rk4"
    states = (
        State(name="x", symbol="X", initial=1.0, about="amplitude of the wave"),
        State(name="heat", symbol="theta", initial=1.0, about="warmth of the place"),
    )
    parameters = (
        Parameter(
            name="drive", symbol="F", bounds=(0.0, 40.0), default=10.0, per="place",
            about="what keeps the waves going",
        ),
        Parameter(
            name="heating", symbol="G", bounds=(0.0, 40.0), default=10.0, per="place",
            about="what keeps the places warm",
        ),
        Parameter(
            name="conversion", symbol="alpha", bounds=(0.0, 10.0), default=1.0,
            per="place", about="how fast motion becomes heat, and heat motion",
        ),
        Parameter(
            name="damping", symbol="gamma", bounds=(0.0, 10.0), default=1.0,
            per="place", about="how fast both are lost",
        ),
    )  # fmt: skip

    def tendency(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the rates of change."""
        carried = ahead(s.x) * ahead(s.heat, 2) - behind(s.x) * behind(s.heat, 2)
        exchanged = advection(s.x, s.x)
        rates = {
            "x": exchanged - p.damping * s.x - p.conversion * s.heat + p.drive,
            "heat": carried - p.damping * s.heat + p.conversion * s.x + p.heating,
        }
        return rates, {}
