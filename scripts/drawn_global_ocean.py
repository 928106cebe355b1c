"""Draw a global ocean to what is usual at all depths; score months it does not know.

python scripts/drawn_global_ocean.py FILE --json OUT --days 30

Temperature and salinity of every cell are drawn to a mean and a wave of the year
through the known months. Nothing is chosen by April, August and December, which are
scored: with --validation February, June and October are left out as well, and scored.
With --known-targets the surface is drawn to what was observed there in the months that
are scored, which is weather of the surface and not of what lies below.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import torch
from learn_global_ocean import BEGIN, BUDGET, END, TYPE
from ocean_year import OPTIONS, PARAMETERS

from bmi_dmx.files import atomic
from bmi_dmx.models.ocean.climatological import ClimatologicalRun
from bmi_dmx.models.ocean.exclusion import MONTHS, Exclusion, middle_of
from bmi_dmx.models.ocean.formats.global_ocean import (
    SAMPLE,
    GlobalOcean,
    read_global_ocean,
)
from bmi_dmx.scan import scan

DRAWN = ("temperature", "salinity")
VALIDATION = (1, 5, 9)
"""February, June and October: months before and after them are known."""


def usual_on(waves: dict[str, Any], day: int) -> dict[str, torch.Tensor]:
    """Return fields of a day, between the middles of two months."""
    months = (day - middle_of(0)) / 30.0
    before, share = math.floor(months) % 12, months % 1.0
    return {
        name: torch.from_numpy(
            (1.0 - share) * x[before] + share * x[(before + 1) % 12]
        ).to(TYPE)
        for name, x in waves.items()
    }


def drawn(
    apart: Exclusion, world: GlobalOcean, days: float, surface: float, dt: float
) -> tuple[dict[int, Any], float, float]:
    """Return temperatures in the middle of months, and what heat came from nowhere.

    That is the share of all heat that steps lost, and by how much drawing has warmed
    the mean of the ocean, K.

    Parameters
    ----------
    apart : Exclusion
        What is known.
    world : GlobalOcean
        Weather and targets of the surface.
    days, surface : float
        Within which all cells are drawn, and the surface to its target.
    dt : float
        Length of a step, s.
    """
    rate = {"temperature_restoring": 1.0 / (surface * 86400.0)}
    run = ClimatologicalRun(world, {**PARAMETERS, **rate}, OPTIONS, dt, TYPE)
    waves = {n: apart.wave(apart.ocean.months[n]) for n in DRAWN}
    volumes = torch.from_numpy(apart.volumes)
    share = 1.0 - math.exp(-1.0 / days)
    state, heat, warmed = run.start, 0.0, 0.0
    fields = {0: run.start["temperature"].double().numpy()}
    for day in range(BEGIN, END):
        with torch.no_grad():
            ran = scan(
                run.process, state, run.forcing(day, round(86400.0 / dt)),
                run.parameters, dt=dt, outputs=[*BUDGET],
            )  # fmt: skip
        state = dict(ran.state)
        entering, gained = (float(ran.outputs[n].double().sum()) for n in BUDGET)
        heat += gained - entering
        before = state["temperature"]
        for name, usual in usual_on(waves, day + 1).items():
            state[name] = torch.where(
                volumes > 0.0, state[name] + share * (usual - state[name]), 0.0
            ).to(TYPE)
        risen = (state["temperature"] - before).double()
        warmed += float((volumes * risen).sum() / volumes.sum())
        if (day + 1 - BEGIN) % 30 == 0:
            month = (day + 1 - BEGIN) // 30
            fields[month] = state["temperature"].double().numpy()
    return fields, heat / run.contents()["heat"], warmed


def main() -> None:
    """Run and score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=SAMPLE)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--dt", type=float, default=10800.0)
    parser.add_argument("--surface-days", type=float, default=60.0)
    parser.add_argument("--known-targets", action="store_true")
    parser.add_argument("--validation", action="store_true")
    arguments = parser.parse_args()
    ocean = read_global_ocean(arguments.file)
    scored = Exclusion(ocean, VALIDATION if arguments.validation else MONTHS)
    apart = Exclusion(ocean, tuple(sorted({*MONTHS, *scored.months})))
    hidden = set(apart.months) - (
        set(scored.months) if arguments.known_targets else set()
    )
    world = apart.without_targets(tuple(sorted(hidden)))
    fields, heat, warmed = drawn(
        apart, world, arguments.days, arguments.surface_days, arguments.dt
    )  # fmt: skip
    wave = apart.wave(ocean.months["temperature"])
    record = {
        "days": arguments.days, "surface_days": arguments.surface_days,
        "dt": arguments.dt, "known_targets": arguments.known_targets,
        "months": scored.months,
        "wave": scored.score({m: wave[m] for m in scored.months}),
        "score": scored.score(fields), "heat_not_accounted_for": heat,
        "warmed_by_drawing": warmed, "cpu_seconds": time.process_time(),
    }  # fmt: skip
    if not arguments.validation:
        record["moved"] = scored.score(scored.corrected(fields))
    with atomic(arguments.json) as path:
        path.write_text(json.dumps(record, indent=1))
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
