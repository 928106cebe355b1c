"""Step a global ocean through BMI for some months; write what it came to as JSON.

python scripts/ocean_component_year.py FILE --folder DIR --json OUT --months 12

makes the bundle in DIR unless it is there, and updates a component a day at a time on
the weather of the middle of the day. The figures of the state in FILE stand beside.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from bmi_dmx import HybridOcean
from bmi_dmx.config import as_yaml
from bmi_dmx.files import atomic
from bmi_dmx.models.ocean.climatological import surface_error, through_drake
from bmi_dmx.models.ocean.formats.global_ocean import (
    SAMPLE,
    GlobalOcean,
    read_global_ocean,
)
from bmi_dmx.models.ocean.ocean_bundle import ocean_bundle

OPTIONS = {"forced_by": ["wind", "heat", "water", "targets"]}
COEFFICIENTS = {"viscosity": 5e5}
STEP, MONTH = 7200.0, 30


def started(ocean: GlobalOcean, folder: Path) -> HybridOcean:
    """Return the component at rest, with the water of January."""
    bundle = folder / "bundle"
    if not bundle.is_dir():
        viscosity = np.full(ocean.grid.areas.shape, COEFFICIENTS["viscosity"])
        ocean_bundle(
            bundle, ocean.grid, ocean.cell_fraction, seconds=STEP, options=OPTIONS,
            coefficients={"viscosity": viscosity}, licence="MIT",
            source="MITgcm's tutorial of a global ocean at 4 degrees",
        )  # fmt: skip
    settings = {
        "bundle": str(bundle.resolve()), "start_time": "2001-01-01",
        "coupling_step": "1 d", "max_age": "1 d",
    }  # fmt: skip
    path = folder / "component.yaml"
    path.write_text(as_yaml(settings), encoding="utf-8")
    component = HybridOcean()
    component.initialize(str(path))
    for name in ("temperature", "salinity"):
        component.set_value(name, ocean.months[name][0].reshape(-1))
    return component


def figures(component: HybridOcean, ocean: GlobalOcean, day: int) -> dict[str, Any]:
    """Return what the ocean is like."""

    def field(name: str, *shape: int) -> Any:
        return component.get_value_ptr(name).reshape(*shape)

    shape = ocean.cell_fraction.shape
    sea = ocean.grid.open_at().reshape(-1)
    elevation = component.get_value_ptr("elevation")[sea]
    temperature = field("temperature", *shape)
    return {
        "day": day,
        "elevation": [float(elevation.min()), float(elevation.max())],
        "speed": max(float(abs(component.get_value_ptr(n)).max()) for n in "uv"),
        "drake": through_drake(ocean, field("u", *shape)),
        "surface_error": surface_error(ocean, temperature, day),
        "courant": float(component.get_value_ptr("courant").max()),
        "residuals": {
            name: float(component.get_value_ptr(f"sea_water__residual_of_{name}")[0])
            for name in ("volume", "heat", "salt")
        },
        "cpu_seconds": time.process_time(),
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=SAMPLE)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--months", type=int, default=12)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    ocean = read_global_ocean(arguments.file)
    component = started(ocean, arguments.folder)
    names = [e.short for e in component.catalogue.of("forcing")]
    months = []
    for day in range(MONTH * arguments.months):
        for name, values in ocean.on_day(day + 0.5, tuple(names)).items():
            component.set_value(name, values.reshape(-1))
        component.update()
        if (day + 1) % MONTH == 0:
            months.append(figures(component, ocean, day + 1))
            with atomic(arguments.json) as path:
                path.write_text(json.dumps({"months": months}, indent=1))
            print(json.dumps(months[-1]), flush=True)


if __name__ == "__main__":
    main()
