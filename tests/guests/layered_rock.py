"""Heat that takes time to set out through layers of rock: levels, states on faces."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bmi_dmx.process import Budget, Process, Stencil
from bmi_dmx.scan import scan
from bmi_dmx.space import Grid
from bmi_dmx.variables import Forcing, Parameter, State

LEVELS, ROWS, COLUMNS, DT = 3, 2, 4, 600.0
_DEEP: dict[str, Any] = {"axes": ("level",), "per": "place"}
_BETWEEN: dict[str, Any] = {**_DEEP, "at": "z_face"}


class LayeredRock(Process):
    r""":math:`\tau\,\dot q + q = -k\,\nabla T`; x goes around, there is no way out.

    Cattaneo (1958), Comptes rendus 247, 431; faces are those after their cells.
    """

    time = "s"
    coupling = Stencil()
    forcings = (Forcing(name="heating", units="W", per_step="rate"),)
    states = (
        State(name="heat", units="J", axes=("level",)),
        State(name="along", units="W", axes=("level",), at="x_face"),
        State(name="down", units="W", axes=("level",), at="z_face"),
    )
    parameters = (
        Parameter(name="conductivity", units="W m-1 K-1", bounds=(1.0, 8.0),
                  **_BETWEEN),
        Parameter(name="delay", units="s", bounds=(2e3, 1e5), per="place"),
        Parameter(name="fraction", bounds=(0.1, 1.0), **_DEEP),
        Parameter(name="thickness", units="m", measure="thickness", source="space",
                  **_DEEP),
    )  # fmt: skip
    prepared = (
        *(Parameter(name=name, **_DEEP) for name in ("per_capacity", "across")),
        Parameter(name="lead", **_BETWEEN),
        Parameter(name="delay", per="place"),
    )
    budgets = (Budget(("heating",), (), ("heat",), name="heat", units="J"),)

    def prepare(self, p: Any) -> Any:
        lead = p.conductivity[1:-1] / p.thickness[1:]
        closed = torch.zeros_like(lead[:1])
        return {
            "per_capacity": 1.0 / (2.2e6 * p.fraction * p.thickness),
            "across": p.conductivity[1:] * p.thickness,
            "lead": torch.cat((closed, lead, closed)),
            "delay": p.delay,
        }

    def step(self, s: Any, f: Any, p: Any) -> Any:
        t = s.heat * p.per_capacity
        closed = torch.zeros_like(t[..., :1, :, :])
        falls = torch.cat((closed, t[..., :-1, :, :] - t[..., 1:, :, :], closed), -3)
        target = p.across * (t - torch.roll(t, -1, -1))
        along = s.along + (target - s.along) * (DT / p.delay)
        down = s.down + (p.lead * falls - s.down) * (DT / p.delay)
        outflow = along - torch.roll(along, 1, -1) + torch.diff(down, dim=-3)
        sun = torch.cat((f.heating.unsqueeze(-3), closed, closed), -3)
        return {"heat": s.heat - DT * outflow + sun, "along": along, "down": down}, {}


def _maps(size: int, name: str) -> dict[str, Any]:
    return {"network": "maps", "options": {"places": size}, "gives": [name]}


PROCESSES = {"layered_rock": LayeredRock}
GRID = Grid.uniform((ROWS, COLUMNS), z_edges=[0.0, -0.2, -0.5, -1.0], periodic=("x",))
SPACE = GRID.to_dict()
MODEL = {
    "parts": {
        "profile": _maps(LEVELS + 1, "conductivity"),
        "map": _maps(ROWS * COLUMNS, "delay"),
        "field": _maps(LEVELS * ROWS * COLUMNS, "fraction"),
        "rock": {"process": "layered_rock"},
    },
    "seconds": DT, "space": SPACE, "answers": ["heat"],
}  # fmt: skip


def data(steps: int = 60) -> dict[str, Any]:
    """What the rock holds, from rest, under a heater that moves at random."""
    heating = np.random.default_rng(5).gamma(0.5, 200.0, (steps, ROWS, COLUMNS))
    profile = torch.full((LEVELS + 1, 1, 1), 3.0, dtype=torch.float64)
    parameters = {"conductivity": profile, "delay": 1e4, "fraction": 0.6}
    forcing, rock = {"heating": torch.from_numpy(heating)}, LayeredRock().on(GRID)
    ran = scan(rock, None, forcing, parameters, dt=DT, outputs=["heat"])
    return {
        "forcing": {"heating": heating},
        "targets": {"heat": ran.outputs["heat"].numpy()},
    }
