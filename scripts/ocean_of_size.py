"""What an ocean of a size takes: a bundle of it, a day behind BMI, a step of training.

python scripts/ocean_of_size.py --degrees 1.5 --levels 23 --folder DIR --json OUT

The ocean is that of ``dmx bench ocean``. CPU seconds are of one thread; memory is the
most that a process had, each of the three running in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bmi_dmx import HybridOcean
from bmi_dmx.benchmarks.ocean import MadeOcean
from bmi_dmx.config import as_yaml
from bmi_dmx.files import atomic
from bmi_dmx.models.ocean.ocean_bundle import ocean_bundle
from bmi_dmx.space import Grid


def bundled(model: MadeOcean, folder: Path) -> dict[str, float]:
    """Write the bundle."""
    grid = model.process.space
    assert isinstance(grid, Grid)
    viscosity = np.full(grid.areas.shape, float(model.parameters["viscosity"]))
    options = {"forced_by": list(model.process.options.forced_by)}
    ocean_bundle(
        folder / "bundle", grid, grid.open_at("cell", ("level",)).astype(float),
        seconds=model.dt, options=options, coefficients={"viscosity": viscosity},
        licence="CC0-1.0", source="made", overwrite=True,
    )  # fmt: skip
    return {}


def stepped(model: MadeOcean, folder: Path) -> dict[str, float]:
    """Step the bundle for a day behind BMI."""
    settings = {"bundle": str((folder / "bundle").resolve()),
                "start_time": "2001-01-01"}  # fmt: skip
    path = folder / "component.yaml"
    path.write_text(as_yaml(settings), encoding="utf-8")
    ocean = HybridOcean()
    ocean.initialize(str(path))
    ocean.set_value("temperature", model.state["temperature"].numpy().reshape(-1))
    began = time.process_time()
    for _ in range(round(86400.0 / model.dt)):
        for name, series in model.forcing.items():
            ocean.set_value(name, series[0].numpy().reshape(-1))
        ocean.update()
    return {"day_cpu_seconds": time.process_time() - began}


def trained(model: MadeOcean, folder: Path) -> dict[str, float]:
    """Run two steps forward, and back."""
    model.parameters["viscosity"].requires_grad_(True)
    began = time.process_time()
    tape = model.taped()
    between = time.process_time()
    model.adjoint(tape)
    return {
        "steps": len(model.forcing["heat"]),
        "forward_cpu_seconds": between - began,
        "backward_cpu_seconds": time.process_time() - between,
    }


PARTS = {"bundle": bundled, "day behind BMI": stepped, "training": trained}


def measured(part: str, degrees: float, levels: int, folder: Path) -> dict[str, Any]:
    """Return what one of the parts takes."""
    torch.set_num_threads(1)
    model = MadeOcean.of(degrees, levels, torch.float64)
    costs = PARTS[part](model, folder)
    return {
        "cells": model.cells, "cpu_seconds": time.process_time(),
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **costs,
    }  # fmt: skip


def main() -> None:
    """Measure all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--degrees", type=float, default=1.5)
    parser.add_argument("--levels", type=int, default=23)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    record = {}
    fresh = multiprocessing.get_context("spawn")
    for part in PARTS:
        with fresh.Pool(1) as pool:
            size = arguments.degrees, arguments.levels, arguments.folder
            record[part] = pool.apply(measured, (part, *size))
        print(part, json.dumps(record[part]), flush=True)
        with atomic(arguments.json) as path:
            path.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
