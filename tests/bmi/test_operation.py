"""A run needs neither PyTorch nor much memory, and does not grow."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from bmi_dmx.kernels import build

from .untrained import dynamic, give, run, static, taken, weather

HEAVY = ["torch", "pandas", "geopandas", "matplotlib", "xarray", "netCDF4", "gimli"]

RUN = """
import json, sys
import numpy as np
from bmi_dmx import Component

component = Component()
component.initialize(sys.argv[1])
for name, value in {"precipitation": 5.0, "air_temperature": 4.0,
                    "air_temperature_min": 0.0, "air_temperature_max": 8.0}.items():
    component.set_value(name, np.full(component.get_grid_size(0), value))
for _ in range(100):
    component.update()
component.save_state(sys.argv[2])
component.load_state(sys.argv[2])
# The largest size since this program began; getrusage would count its parent's.
status = open("/proc/self/status", encoding="utf-8").read()
memory = int(status.split("VmHWM:")[1].split()[0]) / 1024
loaded = {name.partition(".")[0] for name in sys.modules}
flow = float(component.get_value_ptr("streamflow")[0])
print(json.dumps({"memory": memory, "loaded": sorted(loaded), "flow": flow}))
"""


@pytest.mark.parametrize("spec", [static(), dynamic()], ids=["static", "dynamic"])
@pytest.mark.parametrize("n", [1, 5])
def test_a_run_loads_no_heavy_library(
    spec: Any, n: int, configure: Any, bundle_of: Any, tmp_path: Path
) -> None:
    path = configure(n, bundle=str(bundle_of(spec)))
    command = [sys.executable, "-c", RUN, path, tmp_path / "state"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert not process.stderr
    report = json.loads(process.stdout)
    assert not set(HEAVY) & set(report["loaded"])
    assert report["memory"] < 90.0
    assert report["flow"] > 0.0


@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize("spec", [static(), dynamic()], ids=["static", "dynamic"])
def test_nothing_grows_with_the_number_of_steps(
    n: int, spec: Any, start: Any, bundle_of: Any
) -> None:
    component = start(n, bundle=str(bundle_of(spec)))
    forcing = weather(1, n)
    names = taken(component, forcing)

    def steps(count: int) -> int:
        for _ in range(count):
            give(component, forcing, 0, names)
            component.update()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = steps(100)
        after = steps(600)
    finally:
        tracemalloc.stop()
    assert after - before < 2000


def test_without_a_compiler_the_numbers_are_the_same(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    forcing = weather(40, 2)
    compiled = run(start(2, name="a.yaml"), forcing, range(40), ("streamflow",))
    monkeypatch.setattr(build, "load", lambda source: None)
    from bmi_dmx.kernels import stepper

    stepper._prepared.cache_clear()
    try:
        plain = run(start(2, name="b.yaml"), forcing, range(40), ("streamflow",))
    finally:
        stepper._prepared.cache_clear()
    expected = compiled["streamflow"]
    assert plain["streamflow"] == pytest.approx(expected, rel=1e-12, abs=1e-13)
