"""Many steps of a tree on forcing that is known beforehand, in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..kernels.stepper import Stepper
from .fields import TreeStepper
from .runner import Runner

__all__ = ["Passages"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Advance = Callable[[Mapping[str, Array], Mapping[str, Array]], bool]


class Passages:
    """Steps of a runner whose places lie on a tree, a block of them at a time.

    The numbers are those of :meth:`~.runner.Runner.advance`, step by step; so are the
    state and the outputs that are left. The clock stands still, and nothing looks at
    the forcing.

    Parameters
    ----------
    runner : Runner
        The model.
    wanted : sequence of str
        Outputs that are to be recorded.
    threads : int
        That share the work.

    Attributes
    ----------
    in_kernels : bool
        Whether a block is one call of each stage. A missing kernel, networks that step
        as well, forcing that is gathered or of the calendar do not permit it.
    """

    def __init__(self, runner: Runner, wanted: Sequence[str], threads: int = 1) -> None:
        self._runner, self._threads, self._wanted = runner, threads, tuple(wanted)
        operation = runner.operation
        usual = not (runner.dates or operation.waits or operation.lags)
        stages = runner.stages.sequence
        programs = (s.program for s in stages if s.program is not None)
        read = {name[2:] for program in programs for name in program.forcings}
        self._handed = sorted((read & runner.output.keys()) - set(wanted))
        found = [self._stage(k) for k in range(len(stages)) if usual]
        self._stages = [stage for stage in found if stage is not None]
        self.in_kernels = bool(found) and len(self._stages) == len(found)

    def _stage(self, at: int) -> Advance | None:
        """Return what advances a stage by many steps, on series by buffer."""
        stepper = self._runner.steppers.get(at)
        if isinstance(stepper, TreeStepper):
            made = (*self._wanted, *self._handed)
            blocks = stepper.stretching({f"q.{name}" for name in made})
            if blocks is None:
                return None
            threads = self._threads

            def along(series: Mapping[str, Array], made: Mapping[str, Array]) -> bool:
                given = {f"f.{name}": x for name, x in series.items()}
                return blocks(given, {f"q.{n}": x for n, x in made.items()}, threads)

            return along
        if not isinstance(stepper, Stepper) or not stepper.compiled:
            return None
        cells, layout = stepper, stepper.layout

        def beside(series: Mapping[str, Array], made: Mapping[str, Array]) -> bool:
            known = {**series, **made}
            given = {name: known[name[2:]] for name in layout.forcings}
            return bool(
                cells.stretch(given, {n: made[n[2:]] for n in layout.outputs})()
            )

        return beside

    def run(self, given: Mapping[str, Array]) -> dict[str, Array]:
        """Make the steps of a block; return what was to be recorded, (step, place).

        Parameters
        ----------
        given : mapping of str to ndarray
            (step, place), all the forcings by name.

        Raises
        ------
        DataError, StateError
            As :meth:`~.runner.Runner.advance`.
        """
        runner = self._runner
        shape = len(next(iter(given.values()))), len(runner.ids)
        wanted = {name: np.empty(shape) for name in self._wanted}
        # The last one leaves all outputs as they are to be, the recorded and others.
        many = shape[0] - 1 if self.in_kernels else 0
        if many:
            runner.begin()
            series = {name: x[:many] for name, x in given.items()}
            made = {name: x[:many] for name, x in wanted.items()}
            made |= {name: np.empty((many, shape[1])) for name in self._handed}
            if any([stage(series, made) for stage in self._stages]):
                raise runner.not_finite()
        for step in range(many, shape[0]):
            for name, values in given.items():
                runner.forcing[name][:] = values[step]
            runner.advance()
            for name, values in wanted.items():
                values[step] = runner.output[name]
        return wanted
