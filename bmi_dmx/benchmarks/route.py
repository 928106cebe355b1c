"""``dmx bench route``: rivers, way there and back, and one step of all reaches."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import torch

from ..config import as_yaml
from ..kernels.schedule import schedule
from ..kernels.tree import BLOCK, units_for
from ..models.rivers.component import MuskingumCunge
from ..program.divisions import shared_divisions
from ..program.hoist import hoisted
from ..program.trace import trace_adjoint, trace_step
from .limits import bandwidth, kinds, print_costs, print_shares, shares, statement_costs
from .measure import Effort, Record, Value, peak_growth, seconds_of
from .measure import seconds_of_two as both
from .report import RecordColumn, show
from .rivers import DT, Flow, write_table
from .scan import shortest, threads

__all__ = ["run"]

STEPS = 240

_TARGETS = {(10_000, STEPS): 0.05, (100_000, STEPS): 0.5}
"""Seconds that forward and backward may take, by reaches and steps."""

_BYTES_TARGET = 16.0
"""Bytes that may be kept of a reach in a step."""

_SHARING_TARGET = 1.7
"""How much less time two threads may take on a bushy tree."""

_ONCE = Effort(repeats=1, seconds=0.0)
"""For loops that take seconds each time."""

_FLOW = "land_surface_water_source__volume_flow_rate"


def run(
    reaches: Sequence[int] = (213, 1000, 10_000, 100_000),
    steps: int = STEPS,
    slow: int = 213,
) -> list[Record]:
    """Measure, print and return everything about rivers.

    Parameters
    ----------
    reaches : sequence of int
        Sizes of the rivers; the last but one serves for all that is compared.
    steps : int
        Length of the series, hours.
    slow : int
        Most reaches on which the readable loop is run.
    """
    middle = reaches[-2]
    with threads(1):
        records = _sizes(reaches, steps, slow)
        records += _kinds(middle, steps)
        records += _length(middle, steps)
        records += _sharing(reaches[-2:], steps)
        records += _updates(reaches)
        records += _limits(middle, steps)
    return records


def _measured(case: str, flow: Flow, **more: Value) -> Record:
    """Return a record of way there and way back: time and memory."""
    forward, backward = both(flow.run, flow.backward, Effort())
    memory = peak_growth(partial(_there_and_back, flow))
    target = _TARGETS.get((len(flow.tree), len(flow.lateral)))
    aims: dict[str, Value] = {}
    if case == "route" and target is not None:
        aims = {"target_s": target, "target_kept_per_reach_step": _BYTES_TARGET}
    storage = _kept(flow) / flow.reach_steps
    return _record(
        case, "tree", flow, forward, backward, memory,
        kept_per_reach_step=storage, **aims, **more,
    )  # fmt: skip


def _record(
    case: str,
    name: str,
    flow: Flow,
    forward: float,
    backward: float,
    memory: int | None,
    **more: Value,
) -> Record:
    whole, each = forward + backward, flow.reach_steps
    costs: dict[str, Value] = {
        "both_s": whole,
        "seconds_per_reach_step": whole / each,
        "memory_per_reach_step": None if memory is None else memory / each,
    }
    return Record(
        case=case, implementation=name, sizes=flow.sizes(), forward_s=forward,
        backward_s=backward, memory_bytes=memory, more={**costs, **more},
    )  # fmt: skip


def _there_and_back(flow: Flow) -> None:
    flow.backward(flow.run())


def _readable(flow: Flow) -> Record:
    """Return a record of the readable loop, which is run once."""
    times = []

    def work() -> None:
        times.append(process_time())
        discharge = flow.run("reference")
        times.append(process_time())
        flow.backward(discharge)
        times.append(process_time())

    memory = peak_growth(work)
    forward, backward = (times[k + 1] - times[k] for k in range(2))
    return _record("route", "reference", flow, forward, backward, memory)


def _kept(flow: Flow) -> int:
    """Return the bytes that are kept for the way back, beside what was given."""
    pointers = {
        x.untyped_storage().data_ptr()
        for x in (flow.lateral, *flow.state.values(), *flow.parameters.values())
    }
    sizes: dict[int, int] = {}

    def keep(x: torch.Tensor) -> torch.Tensor:
        storage = x.untyped_storage()
        if storage.data_ptr() not in pointers:
            sizes[storage.data_ptr()] = storage.nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        flow.run()
    return sum(sizes.values())


def _by_levels(flow: Flow) -> Record:
    """Return a record of the plain loop, which has no way back."""
    forward = seconds_of(flow.by_levels, _ONCE)
    return Record(
        case="route", implementation="NumPy", sizes=flow.sizes(), forward_s=forward,
        more={"forward_per_reach_step": forward / flow.reach_steps},
    )  # fmt: skip


def _scheduled(flow: Flow) -> float:
    """Return how many CPU seconds it takes to order the reaches."""
    # Turned around it is another tree, of which nothing is known.
    below = flow.tree.downstream[::-1]
    below = np.where(below < 0, -1, len(below) - 1 - below)
    start = process_time()
    schedule(below)
    return process_time() - start


def _sizes(reaches: Sequence[int], steps: int, slow: int) -> list[Record]:
    records = []
    for n in reaches:
        flow = Flow.of(n, steps)
        spent = _scheduled(flow)
        records.append(_measured("route", flow, schedule_s=spent))
        records.append(_by_levels(flow))
        if n <= slow:
            records.append(_readable(flow))
    _print(records, f"Bushy rivers, {steps} hours, float32, one thread")
    return records


def _kinds(reaches: int, steps: int) -> list[Record]:
    """Measure other physics, other shapes and another order in memory."""
    cases = {
        "legacy": Flow.of(reaches, steps, celerity="legacy"),
        "side by side": Flow.of(reaches, steps, side_by_side=True),
        "chain": Flow.of(reaches // 10, steps, shape="chain"),
    }
    records = [_measured(c, flow) for c, flow in cases.items()]
    flow = Flow.of(reaches, steps)
    learned = [flow.lateral.requires_grad_(), *flow.learned]
    forward, backward = both(
        flow.run, lambda q: torch.autograd.grad(q.sum(), learned), Effort()
    )
    memory = peak_growth(lambda: torch.autograd.grad(flow.run().sum(), learned))
    case = "gradient of the inflow"
    records.append(_record(case, "tree", flow, forward, backward, memory))
    _print(records, "Other physics, order in memory, shape and gradients")
    return records


def _length(reaches: int, steps: int) -> list[Record]:
    flows = [Flow.of(reaches, n) for n in (steps // 2, steps, 2 * steps)]
    records = [_measured("length", flow) for flow in flows]
    _print(records, "Length of the series")
    return records


def _sharing(reaches: Sequence[int], steps: int) -> list[Record]:
    """Measure in wall time: the sum over threads says nothing about what they save."""
    records = []
    for n in reaches:
        flow = Flow.of(n, steps)
        wall: dict[int, float] = {}
        for number in (1, 2):
            with threads(number):
                wall[number] = shortest(partial(_there_and_back, flow))
                work = partial(_there_and_back, flow)
                more: dict[str, Value] = {
                    "wall_s": wall[number],
                    "cpu_s": seconds_of(work, Effort()),
                    "balance": _balance(flow, number),
                }
                if number > 1:
                    more["ratio"] = wall[1] / wall[number]
                    more["target_ratio"] = _SHARING_TARGET
                records.append(
                    Record(
                        case="threads", implementation="tree", sizes=flow.sizes(),
                        more=more,
                    )
                )  # fmt: skip
    show(
        records,
        "Forward and backward, shortest wall time of many",
        (
            RecordColumn("reaches", "reaches"),
            RecordColumn("threads", "threads"),
            RecordColumn("ms", "wall_s", 1e3, ".3g"),
            RecordColumn("CPU ms", "cpu_s", 1e3, ".3g"),
            RecordColumn("balance", "balance", 1.0, ".2f"),
            RecordColumn("ratio", "ratio", 1.0, ".2f"),
            RecordColumn("target", "target_ratio", 1.0, ".1f"),
        ),
    )
    return records


def _balance(flow: Flow, number: int) -> float:
    """Return the work of one thread over the most that one of some has to do."""
    cells = len(flow.tree)
    units = units_for(number, cells, len(flow.lateral))
    order = schedule(flow.tree.downstream, 1, units)
    blocks = -(-len(flow.lateral) // BLOCK)
    longest = 0
    for wave in range(blocks + len(order.stages) - 1):
        busy = [0] * number
        for at, stage in enumerate(order.stages):
            for unit in stage if 0 <= wave - at < blocks else ():
                # Who is first to be done takes the next.
                least = busy.index(min(busy))
                busy[least] += unit.last_chunk - unit.first_chunk
        longest += max(busy)
    return blocks * schedule(flow.tree.downstream).chunks / longest


def _updates(reaches: Sequence[int]) -> list[Record]:
    """Measure components: the first step, and those that follow."""
    records = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for n in reaches:
            flow = Flow.of(n, 2)
            table = write_table(folder / f"river_{n}.csv", flow)
            config = folder / "river.yaml"
            settings = {"start_time": "2000-01-01", "tree": str(table)}
            config.write_text(as_yaml(settings), encoding="utf-8")
            component = MuskingumCunge()
            start = process_time()
            component.initialize(str(config))
            begun = process_time() - start
            component.set_value(_FLOW, flow.lateral[0].numpy().astype(float))
            start = process_time()
            component.update()
            first = process_time() - start
            seconds = seconds_of(component.update, Effort())
            component.finalize()
            more: dict[str, Value] = {
                "initialize_s": begun, "first_step_s": first,
                "seconds_per_reach_step": seconds / n,
            }  # fmt: skip
            records.append(
                Record(
                    case="update", implementation="MuskingumCunge",
                    sizes={"reaches": n, "dtype": "float64", "threads": 1},
                    forward_s=seconds, more=more,
                )
            )  # fmt: skip
    show(
        records,
        "One update() of a component, CPU time",
        (
            RecordColumn("reaches", "reaches"),
            RecordColumn("ms", "forward_s", 1e3, ".3g"),
            RecordColumn("ns per reach", "seconds_per_reach_step", 1e9, ".3g"),
            RecordColumn("initialize s", "initialize_s", 1.0, ".2f"),
            RecordColumn("first ms", "first_step_s", 1e3, ".3g"),
        ),
    )
    return records


def _limits(reaches: int, steps: int) -> list[Record]:
    """Measure how far a river is from what statements and memory allow."""
    # Nothing is faster than at its best, which others on the machine hide.
    costs = statement_costs(Effort())
    speed = bandwidth(Effort())
    flow = Flow.of(reaches, steps)
    seconds = both(flow.run, flow.backward, Effort())
    work, moved = _statements(flow), _traffic(flow)
    records = []
    for name, spent in zip(("forward", "backward"), seconds, strict=True):
        fractions: Mapping[str, Value] = shares(
            spent / flow.reach_steps, work[name], moved[name], costs, speed
        )
        listed = {f"{kind}s": number for kind, number in work[name].items()}
        records.append(
            Record(
                case="limits", implementation="tree",
                sizes={"pass": name, **flow.sizes()}, more={**fractions, **listed},
            )
        )  # fmt: skip
    print_shares(records)
    print_costs(
        {
            f"{kind}, of 16 cells": None if cost is None else 16 * cost
            for kind, cost in costs.items()
        }
    )
    print()
    return records


def _statements(flow: Flow) -> dict[str, Counter[str]]:
    """Return the number of statements of a reach in a step, by kind.

    As kernels run them: on the way back without the volume, on which no discharge
    depends; without what parameters alone decide.
    """
    process = flow.process.at(DT)
    step = trace_step(process, torch.float32)
    fluxes = ("q.solution",)
    adjoint = trace_adjoint(process, fluxes, torch.float32, without=("s.volume",))
    fixed = {name for name in step.inputs if name.startswith("p.")}
    there = [name for name in step.outputs if name.startswith("s.")]
    back = [name for name in adjoint.outputs if name.startswith("g.")]
    return {
        "forward": kinds(hoisted(step, fixed, "made.").step, [*there, *fluxes]),
        "backward": kinds(
            hoisted(shared_divisions(adjoint), fixed, "made.").step, back
        ),
    }


def _traffic(flow: Flow) -> dict[str, float]:
    """Return the bytes that must move per reach-step, each number once.

    Lateral inflow is read both ways. Both series that are passed on are written and
    read; the one that is recorded once more. What is asked of it is one number.
    """
    item, links = 4, 2
    padding = float(schedule(flow.tree.downstream).slots / len(flow.tree))
    return {
        "forward": item * (1 + 1 + padding * links),
        "backward": item * (1 + padding * links),
    }


def _print(records: Sequence[Record], title: str) -> None:
    show(
        records,
        f"{title}, CPU ms",
        (
            RecordColumn("case", "case"),
            RecordColumn("implementation", "implementation"),
            RecordColumn("reaches", "reaches"),
            RecordColumn("steps", "steps"),
            RecordColumn("levels", "levels"),
            RecordColumn("padding", "padding", 1.0, ".2f"),
            RecordColumn("schedule", "schedule_s", 1e3, ".3g", optional=True),
            RecordColumn("forward", "forward_s", 1e3, ".3g"),
            RecordColumn("backward", "backward_s", 1e3, ".3g"),
            RecordColumn("both", "both_s", 1e3, ".3g"),
            RecordColumn("target", "target_s", 1e3, ".3g", optional=True),
            RecordColumn("ns", "seconds_per_reach_step", 1e9, ".3g"),
            RecordColumn("kept B", "kept_per_reach_step", 1.0, ".1f"),
            RecordColumn(
                "target", "target_kept_per_reach_step", 1.0, ".0f", optional=True
            ),
            RecordColumn("peak B", "memory_per_reach_step", 1.0, ".0f"),
        ),
    )
