"""Where the values of everything are that a running component answers for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np

from .quantities import (
    REPAIRED,
    RUNOFF_VOLUME,
    WATER_STORED,
    Entry,
    Quantities,
    Quantity,
    Values,
    catalogue,
)
from .runner import Runner
from .screen import Screen
from .serialization import Signal
from .storage import Storage

__all__ = ["contents"]


def contents(
    runner: Runner, screen: Screen, signals: Callable[[], Iterable[Signal]]
) -> Quantities:
    """Return the table of a runner and of the screen before it.

    Parameters
    ----------
    runner : Runner
        Owner of the buffers.
    screen : Screen
        Owner of the counts of repaired forcings.
    signals : callable
        Returns signals of a host that are looked for rarely.
    """
    return Quantities(
        catalogue(runner.plan, tuple(runner.parameters.attribute)),
        partial(_values, runner, screen),
        lambda: (*_protocol(runner.storage), *signals()),
    )


def _values(runner: Runner, screen: Screen, entry: Entry) -> Values:
    name = entry.short
    if entry.role == "forcing":
        return runner.forcing[name], None
    if entry.role == "parameter":
        return runner.parameters.mean[name], runner.parameterize
    if entry.role == "attribute":
        return runner.parameters.attribute[name], None
    if entry.role == "diagnostic":
        if name.startswith(REPAIRED):
            return screen.repaired[name.removeprefix(REPAIRED)], None
        if name == WATER_STORED.name:
            factor = runner.plan.operation.factor(WATER_STORED)
            return runner.storage.stored, partial(runner.storage.add_up, factor)
        if name in runner.storage.balance:
            return runner.storage.balance[name], runner.storage.close_balance
        return runner.day_of_year, None
    volume = name == RUNOFF_VOLUME.name
    return runner.output[name], runner.check_area if volume else None


def _protocol(storage: Storage) -> Iterator[Quantity]:
    """Yield NextGen's mass balance: in - out - stored - leaked is zero to rounding.

    What was added by setting states did not come through the forcing, and so counts as
    a leak into the model.
    """
    if not storage.balance:
        return
    adjusted = storage.balance["mass_adjusted"]
    leaked = np.zeros_like(adjusted)
    buffers = {n: storage.balance[f"mass_{n}"] for n in ("in", "out", "stored")}
    refreshes: dict[str, Callable[[], object]] = {
        "stored": storage.close_balance,
        "leaked": partial(np.negative, adjusted, out=leaked),
    }
    for name, buffer in {**buffers, "leaked": leaked}.items():
        whole = f"ngen::mass_{name}"
        yield Quantity(
            whole, whole, "mm", "for the mass balance", "diagnostic", buffer,
            refreshes.get(name),
        )  # fmt: skip
