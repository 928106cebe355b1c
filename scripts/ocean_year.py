"""Run a global ocean for some months; write what it came to as JSON.

python scripts/ocean_year.py FILE --json OUT --months 12
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

from bmi_dmx.files import atomic
from bmi_dmx.models.ocean.climatological import (
    ClimatologicalRun,
    surface_error,
    through_drake,
)
from bmi_dmx.models.ocean.formats.global_ocean import SAMPLE, read_global_ocean

OPTIONS = {
    "forced_by": ("wind", "heat", "water", "targets"), "damping": 0.05,
    "density": "nonlinear", "advection": "third-order",
}  # fmt: skip
PARAMETERS = {
    "viscosity": 5e5, "diffusivity": 1e3, "vertical_viscosity": 1e-3,
    "vertical_diffusivity": 3e-5, "convection": 1.0, "drag": 1e-3,
    "temperature_restoring": 1.0 / (60 * 86400.0),
    "salinity_restoring": 1.0 / (180 * 86400.0),
}  # fmt: skip


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=SAMPLE)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--dt", type=float, default=7200.0)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--advection", default="third-order")
    parser.add_argument("--no-slip", action="store_true")
    parser.add_argument(
        "--from-state", action="store_true", help="start with the state of the file"
    )
    arguments = parser.parse_args()
    ocean = read_global_ocean(arguments.file)
    options = {
        **OPTIONS,
        "advection": arguments.advection,
        "no_slip": arguments.no_slip,
    }
    run = ClimatologicalRun(
        ocean, PARAMETERS, options, arguments.dt, getattr(torch, arguments.dtype),
        start=ocean.state if arguments.from_state else None,
    )  # fmt: skip
    reference = {
        "drake": through_drake(ocean, ocean.state["u"]),
        "surface_error": surface_error(ocean, ocean.state["temperature"], 360.0),
        "elevation": [float(ocean.state["elevation"].min()),
                      float(ocean.state["elevation"].max())],
        "speed": float(max(abs(ocean.state[n]).max() for n in "uv")),
    }  # fmt: skip
    months: list[dict[str, Any]] = []
    began = time.process_time()
    for month in run.months(arguments.months):
        months.append({
            "day": month.day, "elevation": month.elevation, "speed": month.speed,
            "courant": month.courant, "residuals": month.residuals,
            "drake": through_drake(ocean, month.state["u"]),
            "speed_at_end": float(max(month.state[n].abs().max() for n in "uv")),
            "surface_error": surface_error(
                ocean, month.state["temperature"], month.day
            ),
            "cpu_seconds": time.process_time() - began,
        })  # fmt: skip
        record = {"file_state": reference, "options": options,
                  "parameters": PARAMETERS, "dt": arguments.dt,
                  "months": months}  # fmt: skip
        with atomic(arguments.json) as path:
            path.write_text(json.dumps(record, indent=1))
        print(json.dumps(months[-1]), flush=True)


if __name__ == "__main__":
    main()
