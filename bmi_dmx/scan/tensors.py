"""The loop on whole fields, whose memory grows with the root of the steps."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..process import Process, Stencil
from .arguments import Arguments
from .reference import Step, loop, series_of, step_of, warmed_up

__all__ = ["refuses", "run"]

_SHORT, _FEW = 8, 1 << 24
"""Most steps, and numbers in the states of all of them, of which nothing is computed
again."""


def refuses(process: Process, a: Arguments) -> str | None:
    """Return why the backend does not run this, if it does not."""
    if isinstance(process.coupling, Stencil):
        return None
    return (
        f"{a.process}: backend 'tensors' runs whole fields, found coupling "
        f"{type(process.coupling).__name__}"
    )


def run(process: Process, a: Arguments) -> tuple[list[Tensor], list[Tensor]]:
    """Run the loop in segments; same contract and numbers as the reference.

    Of each segment the state it starts from is kept, and what its steps need on the way
    back is computed again, unless the states of all steps are few.
    """
    a.refuse_not_finite()
    step = step_of(process, a)
    recorded = a.steps - a.warmup
    length = math.isqrt(recorded)
    size = sum(x.numel() for x in a.state.values())
    few = recorded <= _SHORT and recorded * size <= _FEW
    if few:
        length = recorded
    # Split once: slices of a series would each have a gradient of its full length.
    pieces = {n: torch.split(x[a.warmup :], length) for n, x in series_of(a).items()}
    state = warmed_up(step, a)
    parts: list[list[Tensor]] = [[] for _ in a.outputs]
    for k in range(-(-recorded // length)):
        steps = min(length, recorded - k * length)
        arguments = (step, a, state, {n: x[k] for n, x in pieces.items()}, steps)
        # What is silenced on the way there is silenced when it is computed again.
        state, series = (
            _segment(*arguments)
            if few
            else checkpoint(_segment, *arguments, use_reentrant=False)
        )
        for part, piece in zip(parts, series, strict=True):
            part.append(piece)
    return list(state.values()), [torch.cat(part) for part in parts]


def _segment(
    step: Step,
    a: Arguments,
    state: dict[str, Tensor],
    series: dict[str, Tensor],
    steps: int,
) -> tuple[dict[str, Tensor], list[Tensor]]:
    rows = {n: x.unbind(0) for n, x in series.items()}
    state, recorded = loop(step, a, state, rows, steps)
    return state, [torch.stack(rows) for rows in recorded]
