"""``dmx bench step``: what a component costs to import, to start and to step."""

from __future__ import annotations

import gc
import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from ..models.hydrology.component import DeltaHbv
from .components import FORCING, configuration, dynamic_bundle, static_bundle
from .measure import Effort, Record, Value, in_new_process, resident, seconds_of
from .report import RecordColumn, show

__all__ = ["run", "series", "starts"]

_OUTPUT = "land_surface_water__runoff_depth"

_UPDATE_TARGETS = {1: 5e-6, 1000: 0.4e-6}
"""Seconds of a daily update with static parameters, per location, by locations."""

_IMPORT_TARGETS = 0.1, 60 * 10**6
"""CPU seconds and resident bytes of ``import bmi_dmx``."""

_RUN_TARGET = 90 * 10**6
"""Resident bytes of a process that runs a component."""

# Bare: what a process holds is told before anything of the package is imported.
_PROBE = """
import json, sys, time
start = time.process_time()
{statement}
spent = time.process_time() - start
with open("/proc/self/status", encoding="utf-8") as file:
    lines = dict(line.split(":", 1) for line in file)
print(json.dumps(dict(
    forward_s=spent,
    memory_bytes=int(lines["VmHWM"].split()[0]) * 1024,
    torch="torch" in sys.modules,
)))
"""


def run(
    locations: Sequence[int] = (1, 1000), further: int = 200, processes: int = 5
) -> list[Record]:
    """Measure, print and return everything about stepping.

    Parameters
    ----------
    locations : sequence of int
        Sizes of the components.
    further : int
        Number of components to start after the first.
    processes : int
        Number of processes of which the median is taken.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fixed, varying = static_bundle(folder), dynamic_bundle(folder)
        records = _updates(folder, fixed, varying, locations)
        _print_updates(records)
        config = configuration(folder / "run.yaml", fixed, 1, "daily")
        whole = _processes(config, processes)
        _print_processes(whole)
        started = _starts(config, further)
        _print_starts(started)
    return [*records, *whole, *started]


def _updates(
    folder: Path, fixed: Path, varying: Path, locations: Sequence[int]
) -> list[Record]:
    # An LSTM is trained for one length of step.
    none: dict[int, float] = {}
    cases = (
        ("static", fixed, "daily", _UPDATE_TARGETS),
        ("static", fixed, "hourly", none),
        ("dynamic", varying, "daily", none),
    )
    records = []
    for parameters, bundle, time_step, targets in cases:
        for n in locations:
            path = configuration(folder / "component.yaml", bundle, n, time_step)
            sizes: dict[str, Value] = {"parameters": parameters, "time_step": time_step}
            records += _update(path, n, sizes, targets.get(n))
    return records


def _update(
    config: Path, n: int, sizes: dict[str, Value], target: float | None
) -> list[Record]:
    model = DeltaHbv()
    model.initialize(str(config))
    spec: dict[str, Value] = {
        "members": model.bundle.plan["land"].members,
        "bundle": model.bundle.name,
    }
    cases = (
        ("update", model.update, target),
        ("set, update, get", _exchange(model, n), None),
    )
    records = []
    for case, work, aim in cases:
        seconds = seconds_of(work, Effort())
        records.append(
            Record(
                case=case, implementation="DeltaHbv",
                sizes={**sizes, "locations": n, **spec}, forward_s=seconds,
                more={"per_location_s": seconds / n, "target_per_location_s": aim},
            )
        )  # fmt: skip
    model.finalize()
    return records


def _forcings(model: DeltaHbv, n: int) -> list[tuple[str, np.ndarray[Any, Any]]]:
    """Return the forcings of a model with constant values."""
    inputs = model.get_input_var_names()
    forcings = model.bundle.plan.forcings
    names = [forcing.name for forcing in forcings if forcing.standard_name in inputs]
    return [(name, np.full(n, FORCING[name])) for name in names if name in FORCING]


def _exchange(model: DeltaHbv, n: int) -> Callable[[], None]:
    """Return what a host does in a step: every forcing in, runoff out."""
    forcings, runoff = _forcings(model, n), np.empty(n)

    def exchange() -> None:
        for name, values in forcings:
            model.set_value(name, values)
        model.update()
        model.get_value(_OUTPUT, runoff)

    exchange()
    return exchange


def _probed(statement: str, repeats: int) -> dict[str, Any]:
    """Return the medians of what a statement costs a new process."""
    code = _PROBE.format(statement=statement)
    probes = [in_new_process(code) for _ in range(repeats)]
    keys = ("forward_s", "memory_bytes")
    medians = {key: statistics.median(f[key] for f in probes) for key in keys}
    return {**medians, "torch": probes[-1]["torch"]}


def _processes(config: Path, repeats: int) -> list[Record]:
    whole = f"from bmi_dmx.benchmarks.step import series; series({str(config)!r})"
    cases = (
        ("nothing", "pass", None, None),
        ("import bmi_dmx", "import bmi_dmx", *_IMPORT_TARGETS),
        ("import DeltaHbv", "from bmi_dmx import DeltaHbv", None, None),
        ("import torch", "import torch", None, None),
        ("run of 730 days", whole, None, _RUN_TARGET),
    )
    records = []
    for case, statement, seconds, size in cases:
        medians = _probed(statement, repeats)
        records.append(
            Record(
                case=case, implementation="process", forward_s=medians["forward_s"],
                memory_bytes=int(medians["memory_bytes"]),
                more={
                    "target_s": seconds, "target_bytes": size,
                    "loads_torch": medians["torch"],
                },
            )
        )  # fmt: skip
    return records


def series(config: str, steps: int = 730) -> None:
    """Run a component from start to end as a host does."""
    model = DeltaHbv()
    model.initialize(config)
    exchange = _exchange(model, 1)
    for _ in range(steps):
        exchange()
    model.finalize()


def starts(config: str, further: int) -> None:
    """Print what the first and each further component cost, as JSON.

    Starting ends with the first step, which computes the parameters.
    """
    alive: list[DeltaHbv] = []

    def start() -> dict[str, float]:
        before, begin = resident() or 0, process_time()
        model = DeltaHbv()
        model.initialize(config)
        ready = process_time()
        _exchange(model, 1)
        alive.append(model)
        return {
            "initialize_s": ready - begin,
            "forward_s": process_time() - ready,
            "memory_bytes": (resident() or 0) - before,
        }

    first = start()
    gc.collect()
    others = [start() for _ in range(further)]
    count = max(1, len(others))
    mean = {key: sum(o[key] for o in others) / count for key in first}
    print(json.dumps({"first": first, "each further": mean}))


def _starts(config: Path, further: int) -> list[Record]:
    statement = "from bmi_dmx.benchmarks.step import starts; "
    components = in_new_process(f"{statement}starts({str(config)!r}, {further})")
    return [
        Record(
            case="start", implementation="DeltaHbv",
            sizes={"component": name, "locations": 1},
            forward_s=costs["forward_s"], memory_bytes=round(costs["memory_bytes"]),
            more={"initialize_s": costs["initialize_s"]},
        )
        for name, costs in components.items()
    ]  # fmt: skip


def _print_updates(records: Sequence[Record]) -> None:
    bundles = ", ".join(dict.fromkeys(str(r.sizes["bundle"]) for r in records))
    show(
        records,
        f"One step through BMI, CPU time (bundles: {bundles})",
        (
            RecordColumn("calls", "case"),
            RecordColumn("parameters", "parameters"),
            RecordColumn("step", "time_step"),
            RecordColumn("locations", "locations"),
            RecordColumn("µs", "forward_s", 1e6, ".2f"),
            RecordColumn("µs/location", "per_location_s", 1e6, ".3f"),
            RecordColumn("target", "target_per_location_s", 1e6, ".1f"),
        ),
    )


def _print_processes(records: Sequence[Record]) -> None:
    show(
        records,
        "A new process: CPU beyond the interpreter's start, memory in all",
        (
            RecordColumn("process", "case"),
            RecordColumn("CPU s", "forward_s", 1.0, ".3f"),
            RecordColumn("target", "target_s", 1.0, ".1f"),
            RecordColumn("peak MB", "memory_bytes", 1e-6, ".1f"),
            RecordColumn("target", "target_bytes", 1e-6, ".0f"),
        ),
    )


def _print_starts(records: Sequence[Record]) -> None:
    show(
        records,
        "Starting components of one catchment in one process",
        (
            RecordColumn("component", "component"),
            RecordColumn("initialize ms", "initialize_s", 1e3, ".2f"),
            RecordColumn("first step ms", "forward_s", 1e3, ".2f"),
            RecordColumn("kB", "memory_bytes", 1e-3, ".0f"),
        ),
    )
