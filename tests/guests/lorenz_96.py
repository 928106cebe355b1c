"""Lorenz (1996) on a ring: waves that feed each other, damped and driven."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bmi_dmx.process import Budget, Stencil
from bmi_dmx.scan import scan
from bmi_dmx.space import Ring
from bmi_dmx.tendency import Tendency
from bmi_dmx.variables import Flux, Parameter, State

SIZE, DT = 12, 0.05


class Lorenz96(Tendency):
    r""":math:`\dot x_k = (x_{k+1} - x_{k-2})\, x_{k-1} - x_k + F`, by RK4.

    Lorenz, E. N. (1996), Predictability: a problem partly solved, ECMWF seminar.
    """

    time = "1"
    coupling = Stencil()
    states = (State(name="x", initial=1.0),)
    parameters = (Parameter(name="drive", bounds=(2.0, 16.0), per="place"),)
    fluxes = (Flux(name="exchange"), Flux(name="damping"), Flux(name="driving"))
    budgets = (
        Budget(("exchange", "driving"), ("damping",), ("x",), name="wave", units="1"),
    )
    scheme = "rk4"

    def tendency(self, s: Any, f: Any, p: Any) -> Any:
        ahead, one, two = (torch.roll(s.x, n, -1) for n in (-1, 1, 2))
        exchange = (ahead - two) * one
        driving = p.drive + torch.zeros_like(s.x)
        fluxes = {"exchange": exchange, "damping": s.x, "driving": driving}
        amounts = {name: self.dt * flux for name, flux in fluxes.items()}
        return {"x": exchange - s.x + driving}, amounts


PROCESSES = {"ring_of_waves": Lorenz96}
SPACE = {"kind": "ring", "size": SIZE}
MODEL = {
    "parts": {
        "constants": {"network": "constant", "gives": ["drive"]},
        "waves": {"process": "ring_of_waves"},
    },
    "seconds": DT,
    "space": SPACE,
    "answers": ["x"],
}


def data(steps: int = 60, series: int = 4, drive: float = 8.0) -> dict[str, Any]:
    """Independent series, each with the state before every step."""
    start = np.random.default_rng(1).normal(2.0, 2.0, (series, SIZE))
    x = torch.from_numpy(start)
    ran = scan(
        Lorenz96().on(Ring(SIZE)), {"x": x}, {}, {"drive": drive},
        dt=DT, steps=steps, outputs=["x"],
    )  # fmt: skip
    after = ran.outputs["x"].numpy()
    before = np.concatenate([start[None], after[:-1]])
    return {"targets": {"x": after}, "states": {"waves.x": before}}
