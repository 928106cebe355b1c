"""Trace the processes that a component may add to a bundle, for use without PyTorch.

    python scripts/make_operation_programs.py

writes ``bmi_dmx/bmi/processes.json``; a test fails where that is out of date.
"""

from __future__ import annotations

import json
from typing import Any

from bmi_dmx.bmi.processes import FILE
from bmi_dmx.bundle.manifest import Part
from bmi_dmx.conversion import plain
from bmi_dmx.files import atomic
from bmi_dmx.models.hydrology import (
    DailyExtremes,
    PenmanMonteithHourly,
    PriestleyTaylorHourly,
)
from bmi_dmx.models.registries import EVAPORATIONS, evaporations
from bmi_dmx.process import Process
from bmi_dmx.program.trace import trace_step

PROCESSES: dict[str, Process] = {
    **{name: evaporations[name]() for name in EVAPORATIONS},
    "priestley_taylor_hourly": PriestleyTaylorHourly(),
    "penman_monteith_hourly": PenmanMonteithHourly(),
    "daily_extremes": DailyExtremes(),
}


def described(process: Process) -> dict[str, Any]:
    """Return the variables of a process and its traced step as plain data."""
    part = plain(Part.of(process), process.name)
    return {"part": part, "program": trace_step(process).to_json()}


def text() -> str:
    """Return the content of the file."""
    found = {name: described(process) for name, process in PROCESSES.items()}
    return json.dumps(found, separators=(",", ":"), ensure_ascii=True) + "\n"


if __name__ == "__main__":
    with atomic(FILE) as temporary:
        temporary.write_text(text(), encoding="utf-8")
