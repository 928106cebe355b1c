"""Call a compiled kernel: its argument block, and its work shared among threads."""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any
from weakref import WeakSet

import numpy as np

from ..errors import ScanError
from .layout import LANES, Layout

__all__ = [
    "ABSENT",
    "NO_MEMORY",
    "Block",
    "Kernel",
    "View",
    "history_interval",
    "pool",
    "refuse_other_layout",
]

View = tuple[int, int, int, int, int]
"""Address, and strides in elements along time, location, member and entry."""

ABSENT: View = (0, 0, 0, 0, 0)
_FEW = 1 << 16  # cell-steps below which starting a thread costs more than it saves


@dataclass
class Block:
    """Arguments of one run, in the order of ``Scan`` in common.c.

    States and parameters come one view for each run of the layout. Lists left empty are
    filled with absent views. Whoever makes a block keeps alive what it points into.
    """

    steps: int
    locations: int
    members: int
    state: Sequence[View]
    forcing: Sequence[View]
    parameter: Sequence[View]
    final: Sequence[View]
    output: Sequence[View]
    warmup: int = 0
    interval: int = 1
    average: bool = False
    checkpoints: int = 0
    d_final: Sequence[View] = ()
    d_output: Sequence[View] = ()
    g_state: Sequence[View] = ()
    g_forcing: Sequence[View] = ()
    g_parameter: Sequence[View] = ()

    def pack(
        self, layout: Layout, *, adjoint: bool = False
    ) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the argument block as 64-bit integers.

        Parameters
        ----------
        layout : Layout
            Order of the variables.
        adjoint : bool
            Whether it is for the way back, which alone looks at what stands last.
        """
        states, parameters = len(layout.state_runs), len(layout.parameter_runs)
        forcings, outputs = len(layout.forcings), len(layout.outputs)
        words = [
            self.steps, self.warmup, self.locations, self.members, self.interval,
            int(self.average), self.checkpoints,
        ]  # fmt: skip
        groups = (
            (self.state, states),
            (self.forcing, forcings),
            (self.parameter, parameters),
            (self.final, states),
            (self.output, outputs),
            (self.d_final, states),
            (self.d_output, outputs),
            (self.g_state, states),
            (self.g_forcing, forcings),
            (self.g_parameter, parameters),
        )
        forward = 5
        for views, count in groups if adjoint else groups[:forward]:
            for view in views or [ABSENT] * count:
                words.extend(view)
        return np.array(words, dtype=np.int64)


NO_MEMORY = 2
"""What a kernel answers that had no memory; that of common.c."""


class Kernel:
    """A compiled kernel and the order of its variables."""

    def __init__(self, library: ctypes.CDLL, layout: Layout) -> None:
        self.library = library
        self.layout = layout
        refuse_other_layout(library, layout)

    def forward(self, words: np.ndarray[Any, np.dtype[np.int64]], threads: int) -> bool:
        """Run the loop; return whether every input was finite."""
        return not any(self._share(self.library.forward, words, threads))

    def backward(
        self, words: np.ndarray[Any, np.dtype[np.int64]], threads: int
    ) -> None:
        """Run the adjoint loop."""
        self._share(self.library.backward, words, threads)

    def _share(
        self,
        function: Callable[..., Any],
        words: np.ndarray[Any, np.dtype[np.int64]],
        threads: int,
    ) -> list[int]:
        """Return what the library answers, once for each part of the work.

        Raises
        ------
        MemoryError
            When there was no memory for what one part keeps.
        """
        answers = self._answers(function, words, threads)
        if NO_MEMORY in answers:
            raise MemoryError("no memory for what a kernel works on")
        return answers

    def _answers(
        self,
        function: Callable[..., Any],
        words: np.ndarray[Any, np.dtype[np.int64]],
        threads: int,
    ) -> list[int]:
        address = words.ctypes.data
        steps, locations, members = (int(words[k]) for k in (0, 2, 3))
        groups = int(self.library.groups(locations, members))
        if threads < 2 or groups < 2 or steps * locations * members < _FEW:
            return [function(address, 0, groups)]
        workers = min(threads, groups)
        edges = [groups * k // workers for k in range(workers + 1)]
        spans = pairwise(edges)
        # ctypes releases the interpreter lock during the call.
        return list(pool(workers).map(lambda span: function(address, *span), spans))


def refuse_other_layout(library: ctypes.CDLL, layout: Layout) -> None:
    """Refuse a library that reads arguments of another size than a block of these.

    Raises
    ------
    ScanError
        When it does; it would read and write anywhere.
    """
    if library in _fitting:
        return
    none: Sequence[View] = ()
    block = Block(1, 1, 1, none, none, none, none, none)
    words = len(block.pack(layout, adjoint=True))
    size = int(library.scan_words())
    if size != words:
        raise ScanError(
            f"the kernel takes arguments of {size} numbers, expected {words}"
        )
    _fitting.add(library)


_fitting: WeakSet[ctypes.CDLL] = WeakSet()


@cache
def pool(workers: int) -> ThreadPoolExecutor:
    """Return threads for calls of kernels, the same for all who want as many."""
    return ThreadPoolExecutor(workers, thread_name_prefix="bmi_dmx")


# A forked process has the pool, but none of its threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)


def history_interval(steps: int, states: int, itemsize: int) -> int:
    """Return the number of steps between checkpoints.

    The square root of the steps minimises the sum of checkpoints and history. The
    history of one segment stays inside a core's cache, unless the states are so many
    that memory would grow with the steps for it.
    """
    fits = (1 << 17) // max(1, states * LANES * itemsize)
    root = math.isqrt(steps)
    return max(1, min(root, fits), root // 4)
