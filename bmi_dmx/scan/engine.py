"""``scan``: run a process over a series, differentiably, on the fastest backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import ScanError, suggestion
from ..process import Process
from . import cells, reference
from .arguments import Arguments, arrange, per_day

__all__ = ["BACKENDS", "Scanned", "scan"]

BACKENDS = {"reference": reference.run, "cells": cells.run}
"""Backends by name; each maps (process, arguments) to (final state, series)."""


class Scanned(NamedTuple):
    """What a scan returns.

    Parameters
    ----------
    state : dict of str to Tensor
        State after the last step, (location, member), or (size, location, member).
    outputs : dict of str to Tensor
        Recorded fluxes and states, (time, location) when averaged over members, else
        (time, location, member); fluxes per day.
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
    backend: str = "auto",
) -> Scanned:
    """Run a process through a series.

    Differentiable, once, with respect to the parameters, the forcing and the initial
    state.

    Parameters
    ----------
    process : Process
        The physics; coupling ``"none"``.
    state : mapping of str to Tensor, or None
        Initial state, (location, member), or (size, location, member) for a state of
        size > 1; states left out start at their declared initial value.
    forcing : mapping of str to Tensor
        (time, location), or (time, location, member), in declared units.
    parameters : mapping of str to Tensor or float
        Physical values: a number, (location, member), or (time, location, member);
        with a leading axis for parameters of size > 1. An axis of size 1 is shared.
    dt : float
        Length of a step in days.
    outputs : sequence of str, optional
        Fluxes, and states of size 1, to record; default: all fluxes.
    warmup : int
        Number of first steps run without gradient and without recording.
    average : bool
        Record the mean over members.
    backend : {"auto", "cells", "reference"}
        ``auto`` takes ``cells`` for float32 and float64 tensors on a CPU.

    Returns
    -------
    Scanned
        Final state and recorded series.

    Raises
    ------
    ScanError
        When names, shapes, types or values do not fit the process.
    """
    arguments = arrange(
        process, state, forcing, parameters,
        dt=dt, outputs=outputs, warmup=warmup, average=average,
    )  # fmt: skip
    final, series = BACKENDS[_choose(backend, process, arguments)](process, arguments)
    rules = {f"q.{flux.name}": flux.per_step for flux in process.fluxes}
    recorded = {
        name[2:]: per_day(x, rules.get(name, "none"), dt)
        for name, x in zip(arguments.outputs, series, strict=True)
    }
    return Scanned(_regroup(process, final), recorded)


def _choose(backend: str, process: Process, arguments: Arguments) -> str:
    usable = arguments.device.type == "cpu" and cells.available(arguments.dtype)
    if backend == "auto":
        return "cells" if usable else "reference"
    if backend not in BACKENDS:
        hint = suggestion(backend, ["auto", *BACKENDS])
        raise ScanError(f"{process.name}: unknown backend {backend!r}{hint}")
    if backend == "cells" and not usable:
        raise ScanError(
            f"{process.name}: backend 'cells' runs float32 and float64 on a CPU, found "
            f"{arguments.dtype} on {arguments.device}"
        )
    return backend


def _regroup(process: Process, entries: list[Tensor]) -> dict[str, Tensor]:
    """Return state entries by variable, stacking those of size > 1."""
    remaining = iter(entries)
    return {
        s.name: next(remaining)
        if s.size == 1
        else torch.stack([next(remaining) for _ in range(s.size)])
        for s in process.states
    }
