"""``scan``: run a process over a series, differentiably, on the fastest backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..process import Process
from .arguments import arrange, per_time, timed
from .backends import BACKENDS, SCALING, choose

__all__ = ["BACKENDS", "ScanResult", "scan"]


class ScanResult(NamedTuple):
    r"""What a scan returns.

    Parameters
    ----------
    state : dict of str to Tensor
        State after the last step, of the shape it is given in.
    outputs : dict of str to Tensor
        Recorded fluxes and states, (time, place) when averaged over members, else
        (time, place, member); of whole fields (time, \*batch, \*field). Fluxes
        declared as rates are per unit of time.
    """

    state: dict[str, Tensor]
    outputs: dict[str, Tensor]


def scan(
    process: Process,
    state: Mapping[str, Tensor] | None,
    forcing: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor | float],
    *,
    dt: float = 1.0,
    outputs: Sequence[str] | None = None,
    warmup: int = 0,
    average: bool = False,
    steps: int | None = None,
    backend: str = "auto",
) -> ScanResult:
    r"""Run a process through a series.

    Differentiable, once, with respect to the parameters, the forcing and the initial
    state.

    Parameters
    ----------
    process : Process
        The physics; in a space where its places see each other.
    state : mapping of str to Tensor, or None
        Initial state, (place, member), or (size, place, member) for a state of size >
        1; states left out start at their declared initial value.
    forcing : mapping of str to Tensor
        (time, place), or (time, place, member), in declared units.
    parameters : mapping of str to Tensor or float
        Physical values per unit of time: a number, (place, member), or (time, place,
        member); with a leading axis for parameters of size > 1. An axis of size 1 is
        shared; those declared ``per="place"`` may be (place,). Where the process
        prepares its parameters, exactly the prepared ones may be given instead.
    dt : float
        Length of a step in units of ``process.time``.
    outputs : sequence of str, optional
        Fluxes, and states of size 1, to record; default: all fluxes.
    warmup : int
        Number of first steps run without gradient and without recording.
    average : bool
        Record the mean over members.
    steps : int, optional
        Number of steps, where no forcing tells it; default 1.
    backend : {"auto", "cells", "tree", "cuda", "tensors", "reference"}
        ``auto`` takes the fastest that runs this; a slower one than usual is told of
        once, with the reason.

    Returns
    -------
    ScanResult
        Final state and recorded series.

    Raises
    ------
    ScanError
        When names, shapes, types or values do not fit the process.

    Notes
    -----
    Where the step sees whole fields (coupling ``Stencil``) the layouts are state
    (\*batch, \*field), forcing (time, \*batch, \*field) and parameters a number,
    (\*field) or (\*batch, \*field), with the shapes that the space gives to each
    variable; again a leading axis for those of size > 1.
    """
    process = timed(process, dt)
    arguments = arrange(
        process, state, forcing, parameters,
        dt=dt, outputs=outputs, warmup=warmup, average=average, steps=steps,
    )  # fmt: skip
    engine = choose(backend, process, arguments)
    if engine not in SCALING:
        arguments = arguments.in_steps()
    final, series = engine.run(process, arguments)
    rules = {f"q.{flux.name}": flux.per_step for flux in process.fluxes}
    recorded = {
        name[2:]: per_time(x, rules.get(name, "none"), dt)
        for name, x in zip(arguments.outputs, series, strict=True)
    }
    return ScanResult(_regroup(process, final), recorded)


def _regroup(process: Process, entries: list[Tensor]) -> dict[str, Tensor]:
    """Return state entries by variable, stacking those of size > 1."""
    remaining = iter(entries)
    return {
        s.name: next(remaining)
        if s.size == 1
        else torch.stack([next(remaining) for _ in range(s.size)])
        for s in process.states
    }
