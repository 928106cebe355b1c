"""Currents at the surface of the sea, day by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch

from ...conversion import refuse_outside
from ...variables import Flux, Parameter, State
from .drift import SEA, DriftingFields

__all__ = ["SurfaceCurrents"]

_MARKS = {"eastward": ("x", "u"), "northward": ("y", "v")}
"""Component in standard names, and symbol."""

_DAMPING = Parameter(
    name="damping", symbol="λ", units="d-1", per_step="fraction", per="place",
    bounds=(0.0, 0.5), default=0.0, about="share of an anomaly lost in a day",
)  # fmt: skip

_LOCAL = (
    Parameter(
        name="eastward_flow", symbol="U", units="m s-1", bounds=(-0.5, 0.5),
        per="place", default=0.0, about="what carries eddies eastward",
    ),
    Parameter(
        name="northward_flow", symbol="V", units="m s-1", bounds=(-0.5, 0.5),
        per="place", default=0.0, about="what carries eddies northward",
    ),
    Parameter(
        name="diffusivity", symbol="ν", units="m2 s-1", bounds=(0.0, 2e3), per="place",
        default=0.0, about="what spreads anomalies",
    ),
)  # fmt: skip


class SurfaceCurrents(DriftingFields):
    r"""Anomalies (u, v) of currents at the surface from one day to the next.

    .. math:: \dot u = -\lambda u - U \cdot \nabla u + \nabla\cdot(\nu\nabla u) ,

    and the same of v: eddies fade, drift and spread, each place in its own way. Days
    before the present one are remembered, for corrections to read.

    Parameters
    ----------
    options : mapping or Options, optional
        Terms of the equation and the days remembered.
    """

    about = "anomalies of the currents at the surface, by days"
    time = "d"

    @dataclass(frozen=True)
    class Options:
        """What the equation has, and how many days are remembered.

        Parameters
        ----------
        local : bool
            Whether there are flows and diffusion.
        history : int
            Days that are known, the present one included.
        substeps : int
            Steps of a day that flows and diffusion are taken in.
        """

        local: bool = True
        history: int = 4
        substeps: int = 6

        def __post_init__(self) -> None:
            refuse_outside("history", self.history, 2, 120)
            refuse_outside("substeps", self.substeps, 1, 1000)

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        choices = self.options
        self.states = (
            *(
                State(
                    name=way, symbol=symbol, units="m s-1", bounds=(-5.0, 5.0),
                    about=f"mean {way} current of the day less the usual one",
                )
                for way, (_, symbol) in _MARKS.items()
            ),
            *(
                State(
                    name=f"earlier_{way}", symbol=f"{symbol}⁻", units="m s-1",
                    size=choices.history - 1,
                    about="anomalies of the days before, the latest first",
                )
                for way, (_, symbol) in _MARKS.items()
            ),
        )  # fmt: skip
        self.parameters = (
            SEA,
            _DAMPING,
            *(_LOCAL if choices.local else ()),
            *(
                Parameter(
                    name=f"usual_{way}", symbol=symbol.upper() + "₀", units="m s-1",
                    bounds=(-5.0, 5.0), spacing="free", per="place", default=0.0,
                    about=f"usual {way} current",
                )
                for way, (_, symbol) in _MARKS.items()
            ),
        )  # fmt: skip
        self.fluxes = tuple(
            Flux(
                name=f"{way}_current", symbol=symbol, units="m s-1",
                standard_name=f"sea_surface_water_flowing__{axis}_component_of_velocity",
                about=f"mean {way} current of the day",
            )
            for way, (axis, symbol) in _MARKS.items()
        )  # fmt: skip

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Go on by a day."""
        before = torch.stack((s.eastward, s.northward))
        after = before - p.damping * before
        if self.options.local:
            after = after + self._drifted(before, p) - before
        after = after * p.sea
        state = {
            "eastward": after[0],
            "northward": after[1],
            "earlier_eastward": (s.eastward, *s.earlier_eastward[:-1]),
            "earlier_northward": (s.northward, *s.earlier_northward[:-1]),
        }
        return state, self.diagnosed(SimpleNamespace(**state), f, p)

    def diagnosed(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> Mapping[str, Any]:
        """Return the currents that go with the anomalies."""
        return {
            "eastward_current": s.eastward + p.usual_eastward,
            "northward_current": s.northward + p.usual_northward,
        }
