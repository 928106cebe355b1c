"""The readable time loop, for any type and device: what the kernels must equal."""

from __future__ import annotations

import torch
from torch import Tensor

from ..process import Process
from ..program.trace import call_step
from .arguments import Arguments

__all__ = ["run"]


def run(process: Process, a: Arguments) -> tuple[list[Tensor], list[Tensor]]:
    """Run the loop.

    Returns
    -------
    state : list of Tensor
        Final state entries, (location, member).
    series : list of Tensor
        Recorded series: (time, location) if averaged, else (time, location, member).
    """
    a.refuse_not_finite()
    state = dict(a.state)
    # One unbind per series: indexing by day would make the backward pass quadratic.
    forcing = {n: x.unbind(0) for n, x in a.forcing.items()}
    varying = {n: x.unbind(0) for n, x in a.parameters.items() if x.ndim == 3}
    fixed = {n: x for n, x in a.parameters.items() if x.ndim == 2}
    recorded: list[list[Tensor]] = [[] for _ in a.outputs]
    differentiable = torch.is_grad_enabled()
    for t in range(a.steps):
        values = {**state, **fixed}
        values.update({n: x[t] for n, x in forcing.items()})
        values.update({n: x[t] for n, x in varying.items()})
        with torch.set_grad_enabled(differentiable and t >= a.warmup):
            result = call_step(process, values)
            result = {n: x.to(a.dtype).expand(a.shape) for n, x in result.items()}
            state = {n: result[n] for n in state}
            if t >= a.warmup:
                for series, name in zip(recorded, a.outputs, strict=True):
                    value = result[name]
                    series.append(value.mean(-1) if a.average else value)
    return list(state.values()), [torch.stack(series) for series in recorded]
