"""Learn coefficients of a global ocean from months and blocks; score it on the others.

python scripts/learn_global_ocean.py FILE --json OUT

A year is run once from the middle of January, and the coefficients follow the gradient
of the error in temperature through two days, three times a month where the months
before and after are known. Then the same year is run with the usual coefficients and
with those that were learned, and compared with the months that were left out.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ocean_year import OPTIONS, PARAMETERS
from torch import Tensor, nn

from bmi_dmx.files import atomic
from bmi_dmx.models.ocean.climatological import ClimatologicalRun
from bmi_dmx.models.ocean.exclusion import Exclusion, middle_of
from bmi_dmx.models.ocean.formats.global_ocean import (
    SAMPLE,
    GlobalOcean,
    read_global_ocean,
)
from bmi_dmx.scan import scan

TYPE = torch.float32
STEP, STEPS_A_DAY = 7200.0, 12
BEGIN, END = 15, 345
WINDOW = 2
RATE = 0.3
RANGES = {
    "viscosity": 1.5, "diffusivity": 2.0, "convection": 3.0,
    "vertical_diffusivity": 3.0, "temperature_restoring": 3.0,
}  # fmt: skip
KNOTS = np.arange(-80.0, 81.0, 20.0)
BUDGET = ("heat_entering", "heat_gained")


class Coefficients(nn.Module):
    """Learned coefficients, within a factor of the usual ones.

    Lateral viscosity and the rate at which the surface is drawn to its target change
    with latitude, vertical diffusivity with depth; the others are numbers.
    """

    def __init__(self, ocean: GlobalOcean) -> None:
        super().__init__()
        levels, _, columns = ocean.cell_fraction.shape
        self.columns = columns
        y = ocean.grid.nodes("y")
        hats = [np.interp(y, KNOTS, row) for row in np.eye(len(KNOTS))]
        self.register_buffer("hats", torch.from_numpy(np.stack(hats, 1)).float())
        sizes = {"viscosity": len(KNOTS), "temperature_restoring": len(KNOTS),
                 "vertical_diffusivity": levels + 1, "diffusivity": 1,
                 "convection": 1}  # fmt: skip
        self.raw = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(size)) for name, size in sizes.items()}
        )

    def forward(self) -> dict[str, Tensor]:
        """Return the coefficients by name."""
        coefficients = {}
        for name, raw in self.raw.items():
            if len(raw) == len(KNOTS) and name != "vertical_diffusivity":
                raw = (self.hats @ raw)[:, None].expand(-1, self.columns)
            value = PARAMETERS[name] * RANGES[name] ** torch.tanh(raw)
            if name == "vertical_diffusivity":
                value = value[:, None, None]
            elif name == "viscosity":
                value = value[None]
            coefficients[name] = value[0] if value.shape == (1,) else value
        return coefficients


def pieces() -> list[tuple[int, int]]:
    """Return first and last day of pieces of the year: eight days, then two, and on."""
    ends = [
        day for ten in range(BEGIN, END, 10) for day in (ten + 10 - WINDOW, ten + 10)
    ]
    return list(pairwise([BEGIN, *ends]))


def observed(apart: Exclusion, day: int) -> Tensor | None:
    """Return temperatures on a day that known months tell; else None."""
    months = (day - middle_of(0)) / 30.0
    if {math.floor(months), math.ceil(months)} & set(apart.months):
        return None
    values = apart.ocean.on_day(day, ("temperature",))["temperature"]
    return torch.from_numpy(values).float()


def learned(apart: Exclusion) -> tuple[dict[str, Any], list[dict[str, float]]]:
    """Return coefficients, and errors on the way to them."""
    run = ClimatologicalRun(apart.without_targets(), PARAMETERS, OPTIONS, STEP, TYPE)
    coefficients = Coefficients(apart.ocean)
    adam = torch.optim.Adam(coefficients.parameters(), RATE)
    weights = [
        torch.from_numpy(apart.volumes * ~apart.blocks).float()[: apart.levels(depth)]
        for depth in (50.0, 220.0)
    ]
    state: dict[str, Tensor] = run.start
    course = []
    for first, last in pieces():
        target = observed(apart, last) if last - first == WINDOW else None
        with torch.set_grad_enabled(target is not None):
            ran = scan(
                run.process, state, run.forcing(first, STEPS_A_DAY * (last - first)),
                {**run.parameters, **coefficients()}, dt=STEP, outputs=[],
            )  # fmt: skip
            if target is not None:
                squares = (ran.state["temperature"] - target).square()
                loss = sum((w * squares[: len(w)]).sum() / w.sum() for w in weights)
                adam.zero_grad()
                loss.backward()
                adam.step()
                course.append({"day": last, "loss": float(loss.detach())})
                print(json.dumps(course[-1]), flush=True)
        state = {n: x.detach() for n, x in ran.state.items()}
    by_name = {n: x.detach() for n, x in coefficients().items()}
    return by_name, course


def simulated(
    ocean: GlobalOcean, coefficients: dict[str, Any]
) -> tuple[dict[int, Any], dict[str, float]]:
    """Return temperatures in the middle of months, and what is not accounted for."""
    run = ClimatologicalRun(ocean, {**PARAMETERS, **coefficients}, OPTIONS, STEP, TYPE)
    state, heat, fields = run.start, 0.0, {0: run.start["temperature"].double().numpy()}
    for first, last in pieces():
        with torch.no_grad():
            ran = scan(
                run.process, state, run.forcing(first, STEPS_A_DAY * (last - first)),
                run.parameters, dt=STEP, outputs=[*BUDGET],
            )  # fmt: skip
        state = ran.state
        entering, gained = (float(ran.outputs[n].double().sum()) for n in BUDGET)
        heat += gained - entering
        if (last - BEGIN) % 30 == 0:
            fields[(last - BEGIN) // 30] = state["temperature"].double().numpy()
    return fields, {"heat": heat / run.contents()["heat"]}


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=SAMPLE)
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    ocean = read_global_ocean(arguments.file)
    apart = Exclusion(ocean)
    record: dict[str, Any] = {
        "scores": {n: apart.score(x) for n, x in apart.baselines().items()}
    }

    def keep() -> None:
        with atomic(arguments.json) as path:
            path.write_text(json.dumps(record, indent=1))

    coefficients, record["course"] = learned(apart)
    record["coefficients"] = {n: x.tolist() for n, x in coefficients.items()}
    record["learning_cpu_seconds"] = time.process_time()
    keep()
    hidden = apart.without_targets()
    runs = {
        "learned": (hidden, coefficients),
        "usual": (hidden, {}),
        "learned, all targets": (ocean, coefficients),
        "usual, all targets": (ocean, {}),
    }
    for name, (world, parameters) in runs.items():
        fields, residuals = simulated(world, parameters)
        record["scores"][name] = apart.score(fields)
        record["scores"][f"{name}, moved"] = apart.score(apart.corrected(fields))
        record.setdefault("residuals", {})[name] = residuals
        record["cpu_seconds"] = time.process_time()
        for one in (name, f"{name}, moved"):
            print(one, json.dumps(record["scores"][one]), flush=True)
        keep()


if __name__ == "__main__":
    main()
