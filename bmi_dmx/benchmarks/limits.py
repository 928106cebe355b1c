"""How far the compiled scan is from what the machine can do at most.

Two ceilings are measured in the same run, on one core. Memory: a streaming copy.
Arithmetic: the cost of each kind of statement by itself, in kernels made by the same
generator which repeat one statement on values in registers. A step could not be faster
than all of its statements at those speeds, nor than its arrays can be moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor

from ..kernels.call import history_interval
from ..process import Process
from ..program import Program
from ..program.trace import trace_adjoint, trace_step
from ..scan import scan
from ..variables import Forcing, State
from .measure import Effort, Record, seconds_of
from .measure import seconds_of_two as both
from .problems import Problem, scan_with
from .report import RecordColumn, show

__all__ = [
    "Chains", "bandwidth", "kinds", "limits", "print_costs", "print_shares", "shares",
    "statement_costs", "traffic",
]  # fmt: skip

_CHAINS, _DEPTH, _CELLS, _STEPS = 12, 6, 16, 5000
_BUFFER = 1 << 26
_TURNS = 3

_Pair = Callable[[Tensor, Tensor, Tensor], Tensor]

# Two statements each, between which no compiler can see a shorter way.
_PAIRS: dict[str, _Pair] = {
    "simple": lambda x, a, b: (x + a) - b,
    "division": lambda x, a, b: b / (a / x),
    "function": lambda x, a, b: torch.log(torch.exp(x)),
}

# Vector units add, multiply, compare and select at one speed.
_SIMPLE = (
    "add", "sub", "mul", "neg", "abs", "minimum", "maximum", "where",
    "gt", "ge", "lt", "le", "eq", "ne", "and", "or", "not",
)  # fmt: skip
_KINDS = {**dict.fromkeys(_SIMPLE, "simple"), "div": "division", "sqrt": "division"}
"""Kind of a statement; what is not here is a function."""


class Chains(Process):
    """Independent chains of one pair of statements."""

    forcings = (Forcing(name="a", units="1"), Forcing(name="b", units="1"))
    states = tuple(State(name=f"x{k}", units="1", initial=1.0) for k in range(_CHAINS))

    def __init__(self, kind: str, depth: int) -> None:
        self.kind = kind
        self.depth = depth

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Apply the pair to every state, ``depth`` times."""
        pair = _PAIRS[self.kind]
        new = vars(s)
        # All chains side by side: a processor does not look far ahead.
        for _ in range(self.depth):
            new = {name: pair(x, f.a, f.b) for name, x in new.items()}
        return new, {}


def statement_costs(effort: Effort) -> dict[str, float | None]:
    """Return the CPU seconds of one statement for one cell, by kind.

    Longer chains less shorter ones: loading and storing is in both. None where the
    longer were not the slower, as happens on a busy machine.
    """
    forcing = {name: torch.ones(_STEPS, 1) for name in ("a", "b")}
    # Members of one location, so that a register holds members.
    state = {s.name: torch.ones(1, _CELLS) for s in Chains.states}

    def seconds(kind: str, depth: int) -> float:
        process = Chains(kind, depth)
        work = partial(scan, process, state, forcing, {}, backend="cells")
        return seconds_of(work, effort)

    def cost(kind: str) -> float | None:
        # In turns: what else the machine does changes from second to second.
        pairs = [
            (seconds(kind, 2 * _DEPTH), seconds(kind, _DEPTH)) for _ in range(_TURNS)
        ]
        cost = (min(x for x, _ in pairs) - min(x for _, x in pairs)) / statements
        return cost if cost > 0.0 else None

    statements = 2 * _DEPTH * _CHAINS * _CELLS * _STEPS
    return {kind: cost(kind) for kind in _PAIRS}


def bandwidth(effort: Effort) -> float:
    """Return the bytes per second, read and written, of a streaming copy."""
    source = np.ones(_BUFFER, np.float32)
    target = np.zeros_like(source)
    seconds = seconds_of(lambda: np.copyto(target, source), effort)
    return 2 * source.nbytes / seconds


def traffic(problem: Problem) -> dict[str, float]:
    """Return the bytes that must move per cell-step: forward, backward, checkpoints.

    Every array once for each time it is read or written: forcing and mean runoff,
    shared by the members; parameters per step; checkpoints. Backward also the
    gradients of parameters per step, which are cleared, read and written.
    """
    item = 4
    shared = item * (len(problem.forcing) + 1) / problem.members
    varying = item * sum(x.ndim == 3 for x in problem.parameters.values())
    states = len(problem.process.states)
    interval = history_interval(problem.steps - problem.warmup, states, item)
    checkpoints = item * states / interval
    return {
        "forward": shared + varying + checkpoints,
        "backward": shared + 4 * varying + checkpoints,
        "checkpoints": checkpoints,
    }


def limits(problems: Sequence[Problem]) -> list[Record]:
    """Measure, print and return how far problems are from both ceilings."""
    effort = Effort()
    costs, speed = statement_costs(effort), bandwidth(effort)
    run = scan_with("cells")
    records = []
    for problem in problems:
        seconds = both(partial(run, problem), problem.backward, effort)
        moved, work = traffic(problem), _statements(problem.process)
        for name, measured in zip(("forward", "backward"), seconds, strict=True):
            each = measured / problem.cell_steps
            fractions = shares(each, work[name], moved[name], costs, speed)
            records.append(
                Record(
                    case="limits", implementation="cells",
                    sizes={"pass": name, **problem.sizes()}, more=fractions,
                )
            )  # fmt: skip
    print_shares(records)
    print_costs(costs)
    checkpoints = traffic(problems[0])["checkpoints"] * problems[0].members
    print(f"Checkpoints hold {checkpoints:.0f} bytes per location-step.\n")
    return records


def _statements(process: Process) -> dict[str, Counter[str]]:
    """Return the number of statements of a cell-step, by kind."""
    step, adjoint = trace_step(process), trace_adjoint(process, ("q.runoff",))
    stores = [name for name in step.outputs if name.startswith("s.")]
    gradients = [n for n in adjoint.outputs if n.startswith(("g.s.", "g.p."))]

    return {
        "forward": kinds(step, [*stores, "q.runoff"]),
        # The states between checkpoints are computed anew on the way back.
        "backward": kinds(step, stores) + kinds(adjoint, gradients),
    }


def kinds(program: Program, outputs: Sequence[str]) -> Counter[str]:
    """Return the number of statements that make some outputs, by kind."""
    body = program.select(outputs).instructions
    return Counter(_KINDS.get(i.op, "function") for i in body)


def shares(
    seconds: float,
    work: Counter[str],
    moved: float,
    costs: Mapping[str, float | None],
    speed: float,
) -> dict[str, float | None]:
    """Return speeds and their shares of the ceilings, from what a cell-step takes.

    What follows from a cost that is not known is None.
    """
    statements = work.total()
    least: float | None = 0.0
    for kind, number in work.items():
        cost = costs[kind]
        least = None if least is None or cost is None else least + number * cost
    return {
        "seconds_per_cell_step": seconds,
        "statements_per_cell_step": statements,
        "statements_per_s": statements / seconds,
        "statements_per_s_ceiling": None if least is None else statements / least,
        "share_of_arithmetic": None if least is None else least / seconds,
        "bytes_per_cell_step": moved,
        "bytes_per_s": moved / seconds,
        "bytes_per_s_ceiling": speed,
        "share_of_bandwidth": moved / seconds / speed,
    }


def print_shares(records: Sequence[Record]) -> None:
    """Print how far records are from both ceilings."""
    show(
        records,
        "Per cell-step: arithmetic and memory, and the share of what could be",
        (
            RecordColumn("pass", "pass"),
            RecordColumn("parameters", "parameters", optional=True),
            RecordColumn("ns", "seconds_per_cell_step", 1e9, ".2f"),
            RecordColumn("statements", "statements_per_cell_step"),
            RecordColumn("G/s", "statements_per_s", 1e-9, ".1f"),
            RecordColumn("ceiling", "statements_per_s_ceiling", 1e-9, ".1f"),
            RecordColumn("%", "share_of_arithmetic", 100.0, ".0f"),
            RecordColumn("bytes", "bytes_per_cell_step", 1.0, ".1f"),
            RecordColumn("GB/s", "bytes_per_s", 1e-9, ".2f"),
            RecordColumn("ceiling", "bytes_per_s_ceiling", 1e-9, ".1f"),
            RecordColumn("%", "share_of_bandwidth", 100.0, ".1f"),
        ),
    )


def print_costs(costs: Mapping[str, float | None]) -> None:
    """Print what statements of each kind cost."""
    listed = ", ".join(
        f"{kind} not known" if cost is None else f"{kind} {1e9 * cost:.4f}"
        for kind, cost in costs.items()
    )
    print(f"Cost of one statement for one cell by itself, ns: {listed}")
