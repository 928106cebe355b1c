"""Shallow water on a C-grid, with friction that a tiny network corrects."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bmi_dmx.process import Budget, Stencil
from bmi_dmx.scan import scan
from bmi_dmx.space import Grid
from bmi_dmx.tendency import Tendency
from bmi_dmx.variables import Parameter, State

ROWS, COLUMNS, DX, DT, GRAVITY = 6, 8, 1e4, 60.0, 9.81


class ShallowWater(Tendency):
    r"""Linear waves: :math:`\dot u = -g\,\partial_x\eta - r u`,
    :math:`\dot\eta = -H\,\nabla\cdot u`; faces lie east and north of their cell.

    Arakawa and Lamb (1977), doi:10.1016/B978-0-12-460817-7.50009-4.
    """

    time = "s"
    coupling = Stencil()
    states = (
        State(name="height", units="m"),
        State(name="u", units="m s-1", at="x_face"),
        State(name="v", units="m s-1", at="y_face"),
    )
    parameters = (
        Parameter(name="depth", units="m", bounds=(10.0, 200.0), per="place"),
        Parameter(name="drag", units="s-1", bounds=(1e-7, 1e-3), default=1e-5,
                  spacing="log", per="place"),
    )  # fmt: skip
    budgets = (Budget((), (), ("height",), name="water", units="m"),)

    def tendency(self, s: Any, f: Any, p: Any) -> Any:
        east, north = (torch.roll(s.height, -1, axis) for axis in (-1, -2))
        west, south = torch.roll(s.u, 1, -1), torch.roll(s.v, 1, -2)
        return {
            "height": -p.depth * ((s.u - west) + (s.v - south)) / DX,
            "u": -GRAVITY * (east - s.height) / DX - p.drag * s.u,
            "v": -GRAVITY * (north - s.height) / DX - p.drag * s.v,
        }, {}


PROCESSES = {"shallow_water": ShallowWater}
GRID = Grid.uniform((ROWS, COLUMNS), (DX, DX), (0.0, 0.0), periodic=("x", "y"))
SPACE = GRID.to_dict()
MODEL = {
    "parts": {
        "constants": {"network": "constant", "gives": ["depth"]},
        "water": {
            "process": "shallow_water",
            "correction": {
                "network": "conv", "options": {"hidden": 2},
                "reads": ["u", "v"], "adds": ["u", "v"], "scale": 1e-5,
            },
        },
    },
    "seconds": DT,
    "space": SPACE,
}  # fmt: skip


def data(steps: int = 40, series: int = 2) -> dict[str, Any]:
    """Waves with a drag that the model does not know of."""
    rng = np.random.default_rng(3)
    shape = (series, ROWS, COLUMNS)
    names = ("height", "u", "v")
    start = {n: torch.from_numpy(rng.normal(0.0, 0.1, shape)) for n in names}
    ran = scan(
        ShallowWater().on(GRID), start, {}, {"depth": 60.0, "drag": 3e-4},
        dt=DT, steps=steps, outputs=names,
    )  # fmt: skip
    after = {n: x.numpy() for n, x in ran.outputs.items()}
    return {
        "targets": after,
        "states": {
            f"water.{n}": np.concatenate([start[n].numpy()[None], after[n][:-1]])
            for n in names
        },
    }
