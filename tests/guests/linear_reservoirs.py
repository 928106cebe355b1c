"""Linear reservoirs on a tree: what leaves one enters the next in the same step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bmi_dmx.process import Budget, Process, Upstream
from bmi_dmx.scan import scan
from bmi_dmx.space import Tree
from bmi_dmx.variables import Flux, Forcing, Parameter, State

IDS = list("abcdefg")
DOWNSTREAM = ["c", "c", "g", "e", "g", "g", ""]


class Reservoir(Process):
    """A share of what is stored leaves in every step."""

    time = "h"
    coupling = Upstream({"inflow": "outflow"})
    forcings = (
        Forcing(name="lateral", units="m3 h-1", per_step="rate", bounds=(0.0, 1e6)),
        Forcing(name="inflow", units="m3 h-1", per_step="rate", source="upstream"),
    )
    states = (State(name="volume", units="m3", bounds=(0.0, 1e9)),)
    parameters = (
        Parameter(
            name="share", units="h-1", bounds=(0.01, 0.9), per_step="fraction",
            spacing="log",
        ),
    )  # fmt: skip
    fluxes = (Flux(name="outflow", units="m3 h-1", per_step="rate"),)
    budgets = (
        Budget(
            ("lateral", "inflow"), ("outflow",), ("volume",), name="water", units="m3"
        ),
    )

    def step(self, s: Any, f: Any, p: Any) -> Any:
        filled = s.volume + f.lateral + f.inflow
        outflow = p.share * filled
        return {"volume": filled - outflow}, {"outflow": outflow}


PROCESSES = {"reservoir": Reservoir}
SPACE = {"kind": "tree", "ids": IDS, "downstream": DOWNSTREAM}
MODEL = {
    "parts": {
        "parameters": {
            "network": "mlp", "options": {"hidden": [4]}, "attributes": ["slope"],
            "gives": "all",
        },
        "reservoirs": {"process": "reservoir"},
    },
    "seconds": 3600,
    "space": SPACE,
}  # fmt: skip


def data(steps: int = 60) -> dict[str, Any]:
    """What leaves every reservoir where its share follows from the slope."""
    lateral = np.random.default_rng(2).gamma(0.5, 2.0, (steps, len(IDS)))
    slope = np.linspace(0.1, 1.0, len(IDS))
    share = torch.from_numpy(0.05 + 0.5 * slope)[:, None]
    ran = scan(
        Reservoir().on(Tree(IDS, DOWNSTREAM)), None,
        {"lateral": torch.from_numpy(lateral)}, {"share": share}, average=True,
    )  # fmt: skip
    return {
        "forcing": {"lateral": lateral},
        "attributes": {"slope": slope},
        "targets": {"outflow": ran.outputs["outflow"].numpy()},
    }
