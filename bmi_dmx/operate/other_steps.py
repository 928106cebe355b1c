"""The same model at steps of another length, and what it hands over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import numpy as np

from ..errors import ConfigError, StateError
from .clock import Clock
from .operation import Operation, step_text
from .runner import Runner
from .stages import stages

__all__ = ["at_operation", "hand_over", "other_steps"]

_ROUNDING = 1e-9
"""Share of what is conserved by which it may differ after it was handed over."""


def other_steps(operation: Operation) -> Iterator[Operation]:
    """Yield the ways of running a model at other steps from which it can go on.

    There are none where steps of the host are gathered, for those of the physics say
    nothing of what is given out between them.
    """
    if operation.waits:
        return
    for seconds in operation.bundle.manifest.steps:
        if seconds == operation.inner:
            continue
        try:
            other = replace(operation, seconds=seconds, inner=seconds)
        except ConfigError:
            continue
        if not other.gathers and operation.goes_on_from(other):
            yield other


def at_operation(runner: Runner, operation: Operation, start: datetime) -> Runner:
    """Return a model at the places of another, with all that was set there.

    Parameters
    ----------
    runner : Runner
        The other.
    operation : Operation
        How it is run.
    start : datetime
        Date and time of its first step, UTC.
    """
    period = operation.period if operation.gathers else None
    hour = runner.clock.day_start_hour
    clock = Clock(start, None, operation.seconds, hour, period)
    attributes = {n: x.copy() for n, x in runner.parameters.attribute.items()}
    model = Runner(stages(operation), runner.ids, attributes, clock, runner.space)
    model.parameters.settings_of(runner.parameters)
    return model


def hand_over(source: Runner, runner: Runner, where: str) -> None:
    """Let a model go on from what the same one has come to at other steps.

    Stores and memories of networks are the same ones, or follow from those of networks
    that run before others; what networks answered holds until their next step; stores
    that only steps of this length have are as at a cold start.

    Parameters
    ----------
    source : Runner
        The model at other steps, which is at the end of one.
    runner : Runner
        Where to, with the same places, attributes and parameters.
    where : str
        What messages begin with.

    Raises
    ------
    StateError
        When a period of this model, such as a day, does not begin there, or when
        something conserved would be lost.
    """
    steps = step_text(source.operation.inner)
    if runner.operation.gathers and not runner.clock.begins_period:
        raise StateError(
            f"{where}: is of steps of {steps} and of {runner.clock.now}; steps of "
            f"{step_text(runner.operation.inner)} can go on from it where their "
            f"periods of {step_text(runner.operation.period)} begin"
        )
    handover = runner.operation.system.handover
    runner.adopt(source, handover or _nothing, hold=True)
    for balance in runner.stages.balances:
        before = np.asarray(source.storage.total(balance.budget))
        after = np.asarray(runner.storage.total(balance.budget))
        differs = np.abs(after - before) > _ROUNDING * (1.0 + np.abs(before))
        if differs.any():
            at = int(np.argmax(differs))
            raise StateError(
                f"{where}: is of steps of {steps}, which hold {before.flat[at]:g} of "
                f"{balance.budget} at {runner.ids[at]!r}; steps of "
                f"{step_text(runner.operation.inner)} would hold {after.flat[at]:g}"
            )


def _nothing(runner: Runner, source: Runner) -> None:
    """Bring nothing about beside the stores that both have."""
