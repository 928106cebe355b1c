"""Many steps of a component, in blocks that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..bmi.component import Component
from ..operate.passages import Passages

__all__ = ["BLOCK", "Read", "Steps", "rows_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]

Read = Callable[[int, int], Mapping[str, Array]]
"""From the number of a step and a count to forcings by name, (time, place)."""

BLOCK = 2**20
"""Numbers of one variable in memory: forcing and output pass through in pieces."""


def rows_of(steps: int, width: int, block: int | None = None) -> int:
    """Return how many steps of so many places pass through at once.

    ``block`` numbers of one variable may be in memory, :data:`BLOCK` unless told.
    """
    numbers = BLOCK if block is None else block
    return max(1, min(steps, numbers // max(1, width)))


class Steps:
    """Steps of a component that nobody looks at in between.

    What is good forcing of a model that kernels run is stepped many times in one call;
    else step follows step. The numbers are the same, and so is what is left behind.

    Parameters
    ----------
    component : Component
        Ready to step; nothing else steps it meanwhile.
    read : callable
        Returns forcing in units of the component.
    names : sequence of str
        What to keep, by either of its names.
    """

    def __init__(self, component: Component, read: Read, names: Sequence[str]) -> None:
        self._component, self._read = component, read
        self._pointers = {name: component.get_value_ptr(name) for name in names}
        runner, catalogue = component.runner, component.catalogue
        self._shorts = {
            n: e.short for n in names if (e := catalogue.get(n)) is not None
        }
        buffer_of = runner.output.get
        direct = all(
            buffer_of(self._shorts[n]) is pointer
            for n, pointer in self._pointers.items()
        )
        self._passages = None
        if direct:
            passages = Passages(runner, list(dict.fromkeys(self._shorts.values())))
            self._passages = passages if passages.in_kernels else None

    def blocks(
        self, steps: int, rows: int, first: int = 0
    ) -> Iterator[tuple[int, dict[str, Array]]]:
        """Yield the number of the first step and (time, place) outputs, by block.

        Parameters
        ----------
        steps : int
            Number of the step at which to end.
        rows : int
            Steps of a block.
        first : int
            Number of the step that is the next of the component.
        """
        for begin in range(first, steps, rows):
            count = min(rows, steps - begin)
            yield begin, self._block(self._read(begin, count), count)

    def _block(self, forcing: Mapping[str, Array], count: int) -> dict[str, Array]:
        catalogue = self._component.catalogue
        inputs = {e.short: x for n, x in forcing.items() if (e := catalogue.get(n))}
        if self._passages is not None and self._may_pass(inputs, count):
            return self._pass(self._passages, inputs)
        return self._one_by_one(inputs, count)

    def _may_pass(self, inputs: Mapping[str, Array], count: int) -> bool:
        # What is refused is refused at its step.
        clock = self._component.runner.clock
        return (
            bool(inputs)
            and clock.time + (count - 1) * clock.seconds <= clock.last
            and self._component.screen.accepts(inputs)
        )

    def _pass(
        self, passages: Passages, inputs: Mapping[str, Array]
    ) -> dict[str, Array]:
        component = self._component
        runner, clock = component.runner, component.runner.clock
        count, _ = shape = next(iter(inputs.values())).shape
        component.settle()
        ends = np.empty(count, dtype=bool)
        days = {name: np.empty(count) for name in runner.dates}
        for step in range(count):
            ends[step] = clock.ends_period
            for name, series in days.items():
                series[step] = runner.dates[name][0]
            clock.tick()
        clock.set(clock.step - count)
        dates = {n: np.broadcast_to(x[:, None], shape) for n, x in days.items()}
        outputs = passages.run({**inputs, **dates}, ends)
        # The last good values are those of the last step.
        component.screen.check()
        return {name: outputs[short] for name, short in self._shorts.items()}

    def _one_by_one(self, forcing: Mapping[str, Array], count: int) -> dict[str, Array]:
        component = self._component
        inputs = [(component.get_value_ptr(n), x) for n, x in forcing.items()]
        outputs = {
            name: np.empty((count, x.size)) for name, x in self._pointers.items()
        }
        for row in range(count):
            for buffer, block in inputs:
                buffer[:] = block[row]
            component.update()
            for name, block in outputs.items():
                # Some values are computed when they are asked for.
                block[row] = component.get_value_ptr(name)
        return outputs
