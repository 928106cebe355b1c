"""The backends of a scan: which one runs it, and why not a faster one."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Protocol

from torch import Tensor

from ..errors import ScanError, SlowerWarning, suggestion
from ..process import Cells, Coupling, Process, Stencil, Upstream
from . import cells, cuda, reference, tensors, tree
from .arguments import Arguments

__all__ = ["AUTO", "BACKENDS", "ON_GPU", "SCALING", "Backend", "choose"]


class Backend(Protocol):
    """A way to run a process through time."""

    def refuses(self, process: Process, a: Arguments) -> str | None:
        """Return why it does not run this, in a sentence for the user, or None."""

    def run(self, process: Process, a: Arguments) -> tuple[list[Tensor], list[Tensor]]:
        """Return the final state entries, and the recorded series."""


BACKENDS: dict[str, Backend] = {
    "cells": cells,
    "tree": tree,
    "cuda": cuda,
    "tensors": tensors,
    "reference": reference,
}
"""Backends by name."""

SCALING: tuple[Backend, ...] = (tree,)
"""Those that bring forcings from a unit of time to a step by themselves."""

AUTO: dict[type[Coupling], tuple[str, ...]] = {
    Cells: ("cells", "reference"),
    Upstream: ("tree", "reference"),
    Stencil: ("tensors", "reference"),
}
"""Which are tried for a coupling when none is asked for, the fastest first."""

ON_GPU: dict[type[Coupling], tuple[str, ...]] = {
    Cells: ("cuda", "reference"),
    Upstream: ("cuda", "reference"),
    Stencil: ("tensors", "reference"),
}
"""The same, where tensors are on a GPU."""


def choose(name: str, process: Process, a: Arguments) -> Backend:
    """Return the backend of a name, or the first that does not refuse.

    Parameters
    ----------
    name : str
        A key of :data:`BACKENDS`, or ``auto``.
    process : Process
        The physics.
    a : Arguments
        What it is to be run on.

    Raises
    ------
    ScanError
        When the backend that was asked for refuses, or there is none of that name.
    """
    if name == "auto":
        table = ON_GPU if a.device.type == cuda.DEVICE else AUTO
        return _first(table[type(process.coupling)], process, a)
    if name not in BACKENDS:
        hint = suggestion(name, ["auto", *BACKENDS])
        raise ScanError(f"{process.name}: unknown backend {name!r}{hint}")
    reason = BACKENDS[name].refuses(process, a)
    if reason is not None:
        raise ScanError(reason)
    return BACKENDS[name]


def _first(names: tuple[str, ...], process: Process, a: Arguments) -> Backend:
    fastest: str | None = None
    for name in names:
        reason = BACKENDS[name].refuses(process, a)
        if reason is None:
            if fastest is not None:
                _say_once(fastest, name)
            return BACKENDS[name]
        fastest = fastest or reason
    raise ScanError(fastest)


@cache
def _say_once(reason: str, name: str) -> None:
    warnings.warn(
        f"{reason}; backend {name!r} runs it instead, which is much slower",
        SlowerWarning,
        stacklevel=5,
    )
