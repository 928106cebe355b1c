"""``dmx bench scan``: the compiled scan against the readable loop, and its limits."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter, process_time

import torch

from .limits import limits
from .measure import (
    Effort,
    Record,
    compiler_seconds,
    in_new_process,
    peak_growth,
    seconds_of,
)
from .measure import seconds_of_two as both
from .problems import MEMBERS, STEPS, Problem, Run, scan_with
from .report import RecordColumn, show

__all__ = ["first_use", "measured", "print_records", "run", "shortest", "threads"]

_BRIEF = Effort(repeats=3, seconds=0.0, limit=10.0)
"""For the readable loop, which takes seconds each time."""

_TARGETS = {1: 0.5e-3, 100: 0.05}
"""Seconds that forward and backward with static parameters may take, by locations."""


def run(locations: Sequence[int] = (1, 100, 1000), steps: int = STEPS) -> list[Record]:
    """Measure, print and return everything about the scan.

    Parameters
    ----------
    locations : sequence of int
        Sizes of the comparison; the middle one serves for everything else.
    steps : int
        Length of the series; that for linearity in time is half and double of it.
    """
    middle = locations[len(locations) // 2]
    with threads(1):
        records = _speed(locations, steps)
        records += _length(middle, steps)
        records += _warmup(middle, steps)
        records += _threads(middle, steps)
        records += _first_use()
        records += limits(
            [
                Problem.of(middle, steps=steps, dynamic=dynamic)
                for dynamic in (False, True)
            ]
        )
    return records


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Let PyTorch and the scan use a number of threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def measured(
    case: str,
    name: str,
    run: Run,
    problem: Problem,
    effort: Effort,
    **more: str | int | float | None,
) -> Record:
    """Return a record of an implementation on a problem: time and memory."""
    forward, backward = both(lambda: run(problem), problem.backward, effort)
    with torch.no_grad():
        alone = seconds_of(lambda: run(problem), effort)
    memory = peak_growth(lambda: problem.backward(run(problem)))
    return Record(
        case=case, implementation=name, sizes=problem.sizes(),
        forward_s=forward, backward_s=backward, memory_bytes=memory,
        more={"both_s": forward + backward, "no_gradient_s": alone, **more},
    )  # fmt: skip


def _speed(locations: Sequence[int], steps: int) -> list[Record]:
    records = []
    for dynamic in (False, True):
        for n in locations:
            problem = Problem.of(n, dynamic=dynamic, steps=steps)
            for name, effort in (("cells", Effort()), ("reference", _BRIEF)):
                target = None
                if name == "cells" and not dynamic:
                    target = _TARGETS.get(n)
                records.append(
                    measured(
                        "scan", name, scan_with(name), problem, effort, target_s=target
                    )
                )
    print_records(
        records,
        f"HBV 1.1p, {steps} steps, {MEMBERS} members, float32, one thread",
    )
    return records


def _length(locations: int, steps: int) -> list[Record]:
    problems = [Problem.of(locations, steps=n) for n in (steps // 2, steps, 2 * steps)]
    run = scan_with("cells")
    records = [measured("length", "cells", run, p, Effort()) for p in problems]
    print_records(records, "Length of the series")
    return records


def _warmup(locations: int, steps: int) -> list[Record]:
    problem = Problem.of(locations, steps=steps, warmup=steps // 2)
    run = scan_with("cells")
    records = [measured("warm-up", "cells", run, problem, Effort())]
    print_records(records, "The first half without gradient")
    return records


def _threads(locations: int, steps: int) -> list[Record]:
    """Measure in wall time: the sum over threads says nothing about what they save."""
    problem = Problem.of(locations, steps=steps)
    run = scan_with("cells")
    records = []
    for number in (1, 2):
        with threads(number):

            def once() -> None:
                problem.backward(run(problem))

            records.append(
                Record(
                    case="threads", implementation="cells", sizes=problem.sizes(),
                    more={"wall_s": shortest(once)},
                )
            )  # fmt: skip
    show(
        records,
        "Forward and backward, shortest wall time of many",
        (RecordColumn("threads", "threads"), RecordColumn("ms", "wall_s", 1e3, ".3g")),
    )
    return records


def shortest(function: Callable[[], object]) -> float:
    """Return the shortest wall time of a call in a second: the least disturbed."""
    function()
    shortest = float("inf")
    end = perf_counter() + 1.0
    while perf_counter() < end:
        start = perf_counter()
        function()
        shortest = min(shortest, perf_counter() - start)
    return shortest


def first_use() -> None:
    """Print how long the first forward and backward of this process take, as JSON."""
    problem = Problem.of(1, steps=2)
    before, start = compiler_seconds(), process_time()
    problem.backward(scan_with("cells")(problem))
    here, compiling = process_time() - start, compiler_seconds() - before
    print(json.dumps({"first_s": here + compiling, "compiler_s": compiling}))


def _first_use() -> list[Record]:
    statement = "from bmi_dmx.benchmarks.scan import first_use; first_use()"
    records = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("empty cache", "cached"):
            costs = in_new_process(statement, {"BMI_DMX_CACHE": folder})
            sizes = {"cache": name}
            records.append(
                Record(
                    case="first use", implementation="cells", sizes=sizes, more=costs
                )
            )
    show(
        records,
        "First forward and backward of a process, after the imports, CPU seconds",
        (
            RecordColumn("kernel cache", "cache"),
            RecordColumn("in all", "first_s", 1.0, ".2f"),
            RecordColumn("compiler", "compiler_s", 1.0, ".2f"),
        ),
    )
    return records


def print_records(records: Sequence[Record], title: str) -> None:
    """Print forward and backward times of records as a table."""
    show(
        records,
        f"{title}, CPU ms",
        (
            RecordColumn("implementation", "implementation"),
            RecordColumn("parameters", "parameters"),
            RecordColumn("locations", "locations"),
            RecordColumn("steps", "steps"),
            RecordColumn("no gradient", "no_gradient_s", 1e3, ".3g"),
            RecordColumn("forward", "forward_s", 1e3, ".3g"),
            RecordColumn("backward", "backward_s", 1e3, ".3g"),
            RecordColumn("both", "both_s", 1e3, ".3g"),
            RecordColumn("target", "target_s", 1e3, ".3g", optional=True),
            RecordColumn("MB", "memory_bytes", 1e-6, ".3g"),
        ),
    )
