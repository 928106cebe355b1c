"""A series of forcing to run before the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .runner import Runner

__all__ = ["spin_up"]

Array = np.ndarray[Any, np.dtype[Any]]


def spin_up(runner: Runner, series: Mapping[str, Array], repeat: int) -> None:
    """Run a series that ends at the start, any number of times; then count from there.

    Parameters
    ----------
    runner : Runner
        The model, at its start.
    series : mapping of str to ndarray
        (step, place or 1) in units of the host, for every forcing.
    repeat : int
        How often.
    """
    clock = runner.clock
    steps = len(next(iter(series.values())))
    forcings = [(array, series[name]) for name, array in runner.forcing.items()]
    for _ in range(repeat):
        clock.set(-steps)
        for step in range(steps):
            for array, values in forcings:
                array[:] = values[step]
            runner.advance()
            clock.tick()
    for array, _ in forcings:
        array.fill(np.nan)
    runner.begin_balance()
