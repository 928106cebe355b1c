"""``dmx bench scan-compare``: the compiled scan against PyTorch's own, compiled.

The bar for a kernel of our own: ``torch.compile`` over the higher-order operator
``scan``, which runs the very same time step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from time import process_time
from typing import cast

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from ..process import Process
from ..program import input_names
from ..program.trace import call_step
from .measure import Effort, Record, compiler_seconds
from .problems import STEPS, Problem, Run, scan_with
from .scan import measured, print_records, threads

__all__ = ["library_scan", "run"]


def run(
    locations: int = 100, steps: int = STEPS, *, compiled: bool = True
) -> list[Record]:
    """Measure, print and return both.

    Parameters
    ----------
    locations, steps : int
        Size of the problem.
    compiled : bool
        Whether the library's scan is compiled, as it has to be for speed.
    """
    problem = Problem.of(locations, steps=steps)
    ours, theirs = scan_with("cells"), library_scan(compiled)
    with threads(1), _compiling_anew():
        start = process_time() + compiler_seconds()
        problem.backward(theirs(problem))
        first = process_time() + compiler_seconds() - start
        records = [
            measured("scan", "cells", ours, problem, Effort()),
            measured("scan", "torch-scan", theirs, problem, Effort(), first_s=first),
        ]
    print_records(records, "Compiled scans")
    print(
        f"torch-scan: first forward and backward {first:.0f} s, compilation included\n"
    )
    return records


@contextmanager
def _compiling_anew() -> Iterator[None]:
    """Let PyTorch compile without its cache, where its time can be seen."""
    from torch._inductor import config
    from torch._inductor.utils import fresh_cache

    with fresh_cache(), config.patch(compile_threads=1):
        yield


def library_scan(compiled: bool) -> Run:
    """Return what runs a problem by the scan operator of PyTorch."""
    from torch import _dynamo as dynamo
    from torch._higher_order_ops.scan import scan

    def series(
        step: Callable[..., list[Tensor]],
        state: list[Tensor],
        forcing: list[Tensor],
        parameters: list[Tensor],
    ) -> Tensor:
        def combine(
            carry: list[Tensor], now: list[Tensor]
        ) -> tuple[list[Tensor], Tensor]:
            *new, runoff = step(*carry, *now, *parameters)
            # The operator wants memory of its own for everything returned.
            return [x.clone() for x in new], runoff.mean(-1)

        return cast(Tensor, scan(combine, state, forcing)[1])

    advance = torch.compile(series) if compiled else series

    def run(problem: Problem) -> Tensor:
        process, shape = problem.process, (problem.locations, problem.members)
        state = [torch.full(shape, s.initial) for s in process.states]
        forcing = [problem.forcing[f.name].unsqueeze(-1) for f in process.forcings]
        parameters = [problem.parameters[p.name] for p in process.parameters]
        # The compiler turns the scan into a loop whose counter it has to read.
        with dynamo.config.patch(capture_scalar_outputs=True):
            return advance(_step(process), state, forcing, parameters)

    return run


@cache
def _step(process: Process) -> Callable[..., list[Tensor]]:
    """Return the time step as a graph of operations on flat lists of tensors."""
    names = input_names(process)
    outputs = [*(n for n in names if n.startswith("s.")), "q.runoff"]

    def step(*values: Tensor) -> list[Tensor]:
        result = call_step(process, dict(zip(names, values, strict=True)))
        return [result[name] for name in outputs]

    return make_fx(step)(*(torch.rand(2, 2) for _ in names))
