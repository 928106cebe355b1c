"""What an ensemble of states costs a component, in time and memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..bmi.component import Component
from ..config import as_yaml, read
from .components import FORCING, configuration, static_bundle
from .measure import Effort, Record, peak_growth, seconds_of
from .report import RecordColumn, show

__all__ = ["run"]

_OBSERVED = "streamflow"

_DISTURBED = {
    "precipitation": {"kind": "lognormal", "std": 0.4, "correlation_time": "2 d"},
    "air_temperature": {"std": 1.0, "correlation_time": "2 d"},
}


def run(
    sizes: Sequence[tuple[int, int]] = ((1, 32), (100, 32), (1000, 32)),
    time_steps: Sequence[str] = ("daily", "hourly"),
) -> list[Record]:
    """Measure, print and return what a step costs at all places.

    Parameters
    ----------
    sizes : sequence of (int, int)
        Places, and members at each.
    time_steps : sequence of str
        Lengths of steps.
    """
    records = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = static_bundle(folder)
        for time_step in time_steps:
            for places, members in sizes:
                path = configuration(folder / "one.yaml", bundle, places, time_step)
                records += _cases(path, places, members, time_step)
    show(
        records,
        "One update() of a component, CPU time, and growth of memory",
        (
            RecordColumn("step", "time_step"),
            RecordColumn("places", "places"),
            RecordColumn("members", "members"),
            RecordColumn("observed", "observed"),
            RecordColumn("ms", "forward_s", 1e3, ".3g"),
            RecordColumn("MiB", "memory_bytes", 2.0**-20, ".0f", optional=True),
        ),
    )
    return records


def _cases(path: Path, places: int, members: int, time_step: str) -> list[Record]:
    """Measure one state, an ensemble, and an ensemble that is observed everywhere."""
    plain = read(path)
    records = []
    for size, observing in ((1, False), (members, False), (members, True)):
        settings = dict(plain)
        if size > 1:
            settings["assimilation"] = {
                "members": size,
                "observed": {_OBSERVED: {"error": {"relative": 0.1, "absolute": 0.1}}},
                "perturbations": {"forcing": _DISTURBED},
            }
        path.write_text(as_yaml(settings), encoding="utf-8")
        component = Component()
        step: list[Callable[[], object]] = []
        memory = peak_growth(partial(_begin, component, path, observing, step))
        cost = seconds_of(step[0], Effort(repeats=3, seconds=0.3, limit=15.0))
        component.finalize()
        records.append(
            Record(
                case="ensemble",
                implementation="component",
                sizes={"time_step": time_step, "places": places, "members": size},
                forward_s=cost,
                memory_bytes=memory,
                more={"observed": "all" if observing else "none"},
            )
        )
    return records


def _begin(
    component: Component, path: Path, observing: bool, step: list[Callable[[], Any]]
) -> None:
    """Come to where steps are as any other, and hand out what makes one."""
    component.initialize(str(path))
    for name, value in FORCING.items():
        if name in component.runner.forcing:
            component.set_value(name, np.full(len(component.runner.ids), value))
    flow = component.get_value_ptr(_OBSERVED)

    def advance() -> None:
        if observing:
            component.set_value(f"{_OBSERVED}~observed", 1.05 * flow)
        component.update()

    for _ in range(20):
        component.update()
    advance()
    step.append(advance)
