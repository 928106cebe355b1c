"""The time before the start: forcing in a file that the model runs first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..config import expanded
from ..errors import ConfigError
from ..operate.clock import Clock
from ..operate.operation import Operation, step_text
from ..operate.other_steps import at_operation, hand_over, other_steps
from ..operate.runner import Runner
from ..operate.spin_up import spin_up
from ..operate.system import system_of
from .settings import SpinUp
from .steps import step_length

__all__ = ["TimeBefore", "time_before"]

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class TimeBefore:
    """Forcing before the start, and how the model is run on it.

    Parameters
    ----------
    operation : Operation
        At which steps.
    series : mapping of str to ndarray
        (step, place or 1) in units of the host, for every forcing.
    repeat : int
        How often.
    """

    operation: Operation
    series: Mapping[str, Array]
    repeat: int

    def run(self, runner: Runner, start: Callable[[Runner], None] | None) -> None:
        """Bring a runner to what the time before the start leads to.

        Parameters
        ----------
        runner : Runner
            The model, at its start.
        start : callable, optional
            Brings a runner to what that time begins with; without it that is a cold
            start.
        """
        source = runner
        if self.operation is not runner.operation:
            source = at_operation(runner, self.operation, runner.clock.start)
        if start is not None:
            start(source)
        spin_up(source, self.series, self.repeat)
        if source is not runner:
            hand_over(source, runner, "spin_up")


def time_before(runner: Runner, settings: SpinUp, folder: Path) -> TimeBefore:
    """Return the time before the start of a model, whose file is read.

    Parameters
    ----------
    runner : Runner
        The model.
    settings : SpinUp
        The file, and how to run it.
    folder : Path
        Where relative paths start.

    Raises
    ------
    ConfigError
        When the model cannot hand over from steps of the file.
    DataError
        When the file is not what it should be.
    TimeError
        When the calendar does not have the time before.
    """
    from .forcing_file import read_series

    operation = _operation(runner.operation, settings.step)
    path = expanded(settings.file, "spin_up: file", folder)
    series = read_series(
        path, operation.forcings, settings.steps,
        system_of(operation.bundle.manifest.system).density,
    )  # fmt: skip
    steps = len(next(iter(series.values())))
    Clock(runner.clock.start, None, operation.seconds).moment(-steps)
    return TimeBefore(operation, series, settings.repeat)


def _operation(operation: Operation, step: str | float | None) -> Operation:
    """Return how a file of some steps is run."""
    if step is None:
        return operation
    seconds = step_length("spin_up: step", step, operation.system.steps)
    if seconds == operation.seconds:
        return operation
    possible = {other.seconds: other for other in other_steps(operation)}
    if seconds not in possible:
        raise ConfigError(
            f"spin_up: step: model {operation.bundle.name!r} at steps of "
            f"{step_text(operation.seconds)} cannot go on from steps of "
            f"{step_text(seconds)}, expected "
            f"{' or '.join(map(step_text, (operation.seconds, *possible)))}"
        )
    return possible[seconds]
