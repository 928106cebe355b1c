"""Many steps on forcing that is known beforehand, in few calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..kernels.stepper import Stepper
from .fields import TreeStepper
from .runner import Runner

__all__ = ["Passages"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Advance = Callable[[Mapping[str, Array], Mapping[str, Array]], bool]

_NUMBERS = 1 << 16
"""Of each series that places have at once: what one stage hands to the next stays in
the cache, half a megabyte of each."""


class Passages:
    """Steps of a runner, a block of them at a time.

    The numbers are those of :meth:`~.runner.Runner.advance`, step by step; so are the
    state and the outputs that are left. Nothing looks at the forcing.

    Parameters
    ----------
    runner : Runner
        The model.
    names : sequence of str
        Outputs that are to be recorded.
    threads : int
        That share the work on a tree.

    Attributes
    ----------
    in_kernels : bool
        Whether a block is one call of each stage. A missing kernel, networks that step
        as well, and members that are seen to after every step do not permit it.
    """

    def __init__(self, runner: Runner, names: Sequence[str], threads: int = 1) -> None:
        self._runner, self._threads, self._wanted = runner, threads, tuple(names)
        stages = runner.stages.sequence
        programs = (s.program for s in stages if s.program is not None)
        inputs = {name[2:] for program in programs for name in program.forcings}
        self._handed = sorted((inputs & runner.output.keys()) - set(names))
        # A tree is run through all its steps, chunk by chunk.
        self._apart = not any(
            isinstance(x, TreeStepper) for x in runner.steppers.values()
        )
        self._room: dict[str, Array] = {}
        advances = [self._stage(k) for k in range(len(stages))]
        self._stages = [stage for stage in advances if stage is not None]
        whole = bool(advances) and len(self._stages) == len(advances)
        self.in_kernels = whole and runner.members is None

    def _stage(self, at: int) -> Advance | None:
        """Return what advances a stage by many steps, on series by buffer."""
        stepper = self._runner.steppers.get(at)
        if isinstance(stepper, TreeStepper):
            names = (*self._wanted, *self._handed)
            blocks = stepper.stretching({f"q.{name}" for name in names})
            # What the calendar gives is no series of a tree.
            if blocks is None or self._runner.dates or self._runner.operation.waits:
                return None
            threads = self._threads

            def along(
                series: Mapping[str, Array], outputs: Mapping[str, Array]
            ) -> bool:
                forcing = {f"f.{name}": x for name, x in series.items()}
                return blocks(
                    forcing, {f"q.{n}": x for n, x in outputs.items()}, threads
                )

            return along
        if not isinstance(stepper, Stepper) or not stepper.compiled:
            return None
        cells, layout = stepper, stepper.layout

        def beside(series: Mapping[str, Array], outputs: Mapping[str, Array]) -> bool:
            arrays = {**series, **outputs}
            forcing = {name: arrays[name[2:]] for name in layout.forcings}
            targets = {n: outputs[n[2:]] for n in layout.outputs if n[2:] in outputs}
            return bool(cells.stretch(forcing, targets)())

        return beside

    def run(
        self, forcing: Mapping[str, Array], ends: Flags | None = None
    ) -> dict[str, Array]:
        """Make the steps of a block; return what was to be recorded, (step, place).

        Parameters
        ----------
        forcing : mapping of str to ndarray
            (step, place), all the forcings, and what the calendar gives, by name.
        ends : ndarray of bool, optional
            (step,) whether a period ends with it that is run as a whole, where steps
            are gathered for one. The clock goes along; without it stands still.

        Raises
        ------
        DataError, StateError
            As :meth:`~.runner.Runner.advance`.
        """
        runner = self._runner
        shape = len(next(iter(forcing.values()))), len(runner.ids)
        record = {name: np.empty(shape) for name in self._wanted}
        # The last one leaves all outputs as they are to be, the recorded and others.
        first = last = 0
        if self.in_kernels:
            runner.begin()
            if not runner.operation.waits:
                last = shape[0] - 1
            elif ends is not None:
                first, last = _whole_periods(ends)
        follows = ends is not None
        self._one_by_one(forcing, record, range(first), follows)
        if last > first:
            advance = self._periods if runner.operation.waits else self._at_once
            advance(_part(forcing, first, last), _part(record, first, last))
            if follows:
                runner.clock.set(runner.clock.step + last - first)
        self._one_by_one(forcing, record, range(last, shape[0]), follows)
        return record

    def _one_by_one(
        self,
        forcing: Mapping[str, Array],
        record: Mapping[str, Array],
        steps: range,
        follows: bool,
    ) -> None:
        runner = self._runner
        arrays = {**runner.forcing, **runner.dates}
        for step in steps:
            for name, values in forcing.items():
                arrays[name][:] = values[step]
            runner.advance()
            for name, values in record.items():
                values[step] = runner.output[name]
            if follows:
                runner.clock.tick()

    def _at_once(
        self, forcing: Mapping[str, Array], record: Mapping[str, Array]
    ) -> None:
        """Let each stage make the steps, some at a time, in the order of the stages."""
        steps, places = next(iter(forcing.values())).shape
        most = max(1, _NUMBERS // places) if self._apart else steps
        for first in range(0, steps, most):
            last = min(first + most, steps)
            outputs = {**_part(record, first, last), **self._between(last - first)}
            series = _part(forcing, first, last)
            if any([stage(series, outputs) for stage in self._stages]):
                raise self._runner.not_finite()

    def _between(self, steps: int) -> dict[str, Array]:
        """Return where stages leave what is handed on, (step, place), used again."""
        shape = steps, len(self._runner.ids)
        if any(len(self._room.get(name, ())) < steps for name in self._handed):
            self._room = {name: np.empty(shape) for name in self._handed}
        return _part(self._room, 0, steps)

    def _periods(
        self, forcing: Mapping[str, Array], record: Mapping[str, Array]
    ) -> None:
        """Make whole periods, whose answers are given out through the next."""
        runner = self._runner
        steps = round(runner.operation.period / runner.operation.seconds)
        series = {name: x.reshape(-1, steps, x.shape[1]) for name, x in forcing.items()}
        gathered = runner.gathered(series)
        answers = {name: np.empty((len(x) // steps, x.shape[1]))
                   for name, x in record.items()}  # fmt: skip
        self._at_once(gathered, answers)
        for name, values in answers.items():
            rows = record[name].reshape(-1, steps, values.shape[1])
            rows[:, -1] = values
            rows[0, :-1] = runner.output[name]
            rows[1:, :-1] = values[:-1, None]
            runner.output[name][:] = values[-1]


def _whole_periods(ends: Flags) -> tuple[int, int]:
    """Return the first step of whole periods, and that of the last one of them.

    The last one leaves all outputs as they are to be.
    """
    last = np.flatnonzero(ends)
    return (int(last[0]) + 1, int(last[-2]) + 1) if len(last) > 2 else (0, 0)


def _part(arrays: Mapping[str, Array], first: int, last: int) -> dict[str, Array]:
    return {name: x[first:last] for name, x in arrays.items()}
