"""Trace the processes that a component may add to a bundle, for use without PyTorch.

    python scripts/make_hydrology_programs.py

writes ``bmi_dmx/models/hydrology/programs.json``; a test fails where that is out of
date.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bmi_dmx.compose.part import Declarations, step_key
from bmi_dmx.conversion import plain
from bmi_dmx.files import atomic
from bmi_dmx.models.hydrology.daily_extremes import DailyExtremes
from bmi_dmx.models.hydrology.shipped_processes import FILE, NAMES, STEPS
from bmi_dmx.process import SECONDS, Process
from bmi_dmx.program.trace import trace_step
from bmi_dmx.registries import processes


def described(process: Process, steps: Sequence[float]) -> dict[str, Any]:
    """Return the variables of a process and its traced steps as plain data."""
    by_step = {}
    for seconds in steps:
        ready = process.at(seconds / SECONDS[process.time])
        by_step[step_key(seconds)] = {
            "variables": plain(Declarations.of(ready), process.name),
            "program": trace_step(ready).to_json(),
        }
    return {"timed": type(process).at is not Process.at, "steps": by_step}


def text() -> str:
    """Return the content of the file."""
    programs = {name: described(processes[name](), STEPS) for name in NAMES}
    programs["daily_extremes"] = described(DailyExtremes(), STEPS[1:])
    return json.dumps(programs, separators=(",", ":"), ensure_ascii=True) + "\n"


if __name__ == "__main__":
    with atomic(FILE) as temporary:
        temporary.write_text(text(), encoding="utf-8")
