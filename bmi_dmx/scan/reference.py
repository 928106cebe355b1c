"""The readable time loop, for any type, device and coupling: what the others equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from ..process import Process, Upstream
from ..program.trace import call_step
from .arguments import Arguments
from .upstream import UpstreamFirst

__all__ = ["Step", "loop", "refuses", "run", "series_of", "step_of", "warmed_up"]

Step = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
"""One step of all places: from values by input name to new states and fluxes."""

State = dict[str, Tensor]


def refuses(process: Process, a: Arguments) -> str | None:
    """Return None: the loop runs everything."""
    return None


def run(process: Process, a: Arguments) -> tuple[list[Tensor], list[Tensor]]:
    r"""Run the loop.

    Returns
    -------
    state : list of Tensor
        Final state entries, of their shape at one step.
    series : list of Tensor
        Recorded series, (time, \*shape at one step), without members if averaged.
    """
    a.refuse_not_finite()
    step = step_of(process, a)
    # One unbind per series: indexing by time would make the backward pass quadratic.
    rows = {n: x[a.warmup :].unbind(0) for n, x in series_of(a).items()}
    state, recorded = loop(step, a, warmed_up(step, a), rows, a.steps - a.warmup)
    return list(state.values()), [torch.stack(series) for series in recorded]


def series_of(a: Arguments) -> dict[str, Tensor]:
    """Return everything that changes with time, time first."""
    return {**a.forcing, **{n: a.parameters[n] for n in a.varying}}


def step_of(process: Process, a: Arguments) -> Step:
    """Return one step of all places, in the order of their coupling."""
    if isinstance(process.coupling, Upstream):
        return UpstreamFirst(process, a)

    def together(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        result = call_step(process, values)
        return {n: x.to(a.dtype).expand(a.shape_of(n)) for n, x in result.items()}

    return together


def warmed_up(step: Step, a: Arguments) -> State:
    """Return the state after the warm-up, of which nothing is differentiated."""
    if not a.warmup:
        return a.state
    rows = {n: x[: a.warmup].unbind(0) for n, x in series_of(a).items()}
    with torch.no_grad():
        return loop(step, a, a.state, rows, a.warmup)[0]


def loop(
    step: Step,
    a: Arguments,
    state: State,
    rows: Mapping[str, Sequence[Tensor]],
    steps: int,
) -> tuple[State, list[list[Tensor]]]:
    """Run some steps.

    Parameters
    ----------
    step : callable
        One step.
    a : Arguments
        What is the same at every step.
    state : dict of str to Tensor
        Where to start.
    rows : mapping of str to sequence of Tensor
        What changes, by steps.
    steps : int
        How many.

    Returns
    -------
    state : dict of str to Tensor
        Where it ends.
    recorded : list of list of Tensor
        For every output, what it was at every step.
    """
    fixed = {n: x for n, x in a.parameters.items() if n not in a.varying}
    recorded: list[list[Tensor]] = [[] for _ in a.outputs]
    for t in range(steps):
        result = step({**state, **fixed, **{n: x[t] for n, x in rows.items()}})
        state = {n: result[n] for n in state}
        for series, name in zip(recorded, a.outputs, strict=True):
            value = result[name]
            series.append(value.mean(-1) if a.average else value)
    return state, recorded
