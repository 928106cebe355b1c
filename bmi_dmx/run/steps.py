"""Many steps of a component, in blocks that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from ..bmi.component import Component

__all__ = ["BLOCK", "blocks", "rows_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]

BLOCK = 2**20
"""Numbers of one variable in memory: forcing and output pass through in pieces."""


def rows_of(steps: int, width: int, block: int | None = None) -> int:
    """Return how many steps of so many places pass through at once.

    ``block`` numbers of one variable may be in memory, :data:`BLOCK` unless told.
    """
    numbers = BLOCK if block is None else block
    return max(1, min(steps, numbers // max(1, width)))


def blocks(
    component: Component,
    read: Callable[[int, int], Mapping[str, Array]],
    names: Sequence[str],
    steps: int,
    rows: int,
    first: int = 0,
    unit: str = "steps",
) -> Iterator[tuple[int, dict[str, Array]]]:
    """Yield the number of the first step and (time, place) outputs, block by block.

    Parameters
    ----------
    component : Component
        Where step ``first`` is the next.
    read : callable
        From the number of a step and a count to forcings by name, (time, place), in
        units of the component.
    names : sequence of str
        What to keep.
    steps : int
        Number of the step at which to end.
    rows : int
        Steps of a block.
    first : int
        Number of the step to begin with.
    unit : str
        What the progress bar counts.
    """
    pointers = {name: component.get_value_ptr(name) for name in names}
    with tqdm(
        total=steps, initial=first, desc="run", unit=f" {unit}", disable=None
    ) as progress:
        for begin in range(first, steps, rows):
            count = min(rows, steps - begin)
            given = [
                (component.get_value_ptr(name), block)
                for name, block in read(begin, count).items()
            ]
            found = {name: np.empty((count, x.size)) for name, x in pointers.items()}
            for row in range(count):
                for buffer, block in given:
                    buffer[:] = block[row]
                component.update()
                for name, block in found.items():
                    # Some values are computed when they are asked for.
                    block[row] = component.get_value_ptr(name)
                progress.update()
            yield begin, found
