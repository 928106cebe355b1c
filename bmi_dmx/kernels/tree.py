"""Call a compiled kernel of a tree: what it works on, shared by threads."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ..errors import ScanError
from ..program import Program
from .call import ABSENT, NO_MEMORY, Block, View, pool, refuse_other_layout
from .layout import Layout
from .memory import borrowed, given_back
from .print_c import source
from .schedule import Schedule, Unit, schedule
from .stepper import kernel_of

__all__ = [
    "BLOCK",
    "Passage",
    "TreeKernel",
    "tree_step",
    "tree_steps",
    "units_for",
]

Words = np.ndarray[Any, np.dtype[np.int64]]
Numbers = np.ndarray[Any, np.dtype[np.float64]]

BLOCK = 32
"""Most steps that a chunk runs before the next one does; that of slots.c."""

_FEW = 1 << 18  # cell-steps below which sharing costs more than it saves


def units_for(threads: int, cells: int, steps: int) -> int:
    """Return into how many units a tree is worth to be split."""
    return 1 if threads < 2 or cells * steps < _FEW else 4 * threads


@dataclass
class Passage:
    """What a run along a tree works on, besides its arguments.

    Parameters
    ----------
    layout : Layout
        Order of the variables.
    schedule : Schedule
        The cells in their slots.
    steps : int
        Length of the run.
    fixed : int
        Numbers of a cell that do not change with time.
    dtype : str
        Type of the numbers.
    series : sequence of str
        Series that are given: forcings, and parameters that change with time.
    outputs : sequence of str
        Outputs that are recorded.
    checkpoint : ndarray, optional
        What :meth:`size_kept` says, of a run to be differentiated: where each block
        starts, and what is passed on in all blocks if ``whole``.
    whole : bool
        Whether what is passed on is kept of all blocks.
    scale : sequence of float, optional
        Factor of each link; default: 1.
    factor : mapping of str to float
        From forcings as they are given to what a step sees; 1 for those not named.
    direct : sequence of str
        Of ``outputs``, what is passed on and recorded as it is passed on.
    once : bool
        Whether no two cells share a number of a series: gradients are not added up.
    """

    layout: Layout
    schedule: Schedule
    steps: int
    fixed: int
    dtype: str
    series: Sequence[str]
    outputs: Sequence[str]
    checkpoint: Any = None
    whole: bool = False
    scale: Sequence[float] = ()
    factor: Mapping[str, float] = field(default_factory=dict)
    direct: Sequence[str] = ()
    once: bool = False
    arrays: list[Any] = field(default_factory=list, repr=False)

    @property
    def block(self) -> int:
        """Steps of a block."""
        return min(BLOCK, self.steps)

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.steps // self.block)

    @staticmethod
    def size_kept(
        layout: Layout, slots: int, steps: int, whole: bool
    ) -> tuple[int, int]:
        """Return how many numbers are kept: of states, and of what is passed on."""
        block = min(BLOCK, steps)
        blocks = -(-steps // block)
        link_size = blocks * len(layout.links) * slots * block if whole else 0
        return blocks * slots * len(layout.states), link_size

    def pack(self, *, adjoint: Sequence[str] | None = None) -> Any:
        """Return the argument as 64-bit integers; see ``Tree`` in slots.c.

        Parameters
        ----------
        adjoint : sequence of str, optional
            On the way back: the series whose gradient is wanted.
        """
        layout, schedule = self.layout, self.schedule
        slots, links = schedule.slots, len(layout.links)
        series = (*layout.forcings, *layout.parameters)
        row = slots * self.block
        back, ring = adjoint is not None, len(schedule.stages)
        staged = set(self.outputs) - set(self.direct)
        states, _ = self.size_kept(layout, slots, self.steps, self.whole)
        checkpoint = 0 if self.checkpoint is None else _address(self.checkpoint)
        if self.whole:
            flow = checkpoint + states * np.dtype(self.dtype).itemsize
        else:
            flow = self._new(ring * links * row)
        words = [
            self.block, schedule.chunks, int(self.whole), 0, int(self.once), ring,
            *(
                _address(x)
                for x in (
                    schedule.place, schedule.member, schedule.count, schedule.edge,
                    schedule.lane, schedule.giver, schedule.slot, schedule.places,
                )
            ),
            self._new(slots * self.fixed),
            self._new(slots * len(layout.states)), checkpoint, flow,
            *(self._new(row) if n in self.series else 0 for n in series),
            *(
                self._new(row) if n in staged and not back else 0
                for n in layout.outputs
            ),
            self._new(slots * len(layout.states)) if back else 0,
            self._new(ring * links * row) if back else 0,
            self._new(slots * len(layout.parameters)) if back else 0,
            *(self._new(row) if n in (adjoint or ()) else 0 for n in series),
            *(self._new(row) if n in staged and back else 0 for n in layout.outputs),
        ]  # fmt: skip
        factors = np.array(
            [
                *(self.scale or [1.0] * links),
                *(self.factor.get(n, 1.0) for n in layout.forcings),
            ]
        )
        return np.concatenate([np.array(words, np.int64), factors.view(np.int64)])

    def _new(self, size: int) -> int:
        array = borrowed(max(size, 1), self.dtype)
        # Spare lanes and outlets are read before they are written.
        array.fill(0)
        self.arrays.append(array)
        return _address(array)

    def release(self) -> None:
        """Give back what was worked on."""
        while self.arrays:
            given_back(self.arrays.pop())


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


class TreeKernel:
    """A compiled kernel of a tree and the order of its variables.

    Attributes
    ----------
    fixed : int
        Numbers of a cell that do not change with time: parameters, and what is made of
        them alone.
    """

    def __init__(self, library: ctypes.CDLL, layout: Layout) -> None:
        self.library = library
        self.layout = layout
        self.fixed = int(library.fixed_numbers())
        refuse_other_layout(library, layout)

    def forward(self, block: Block, passage: Passage, threads: int = 1) -> bool:
        """Run all steps; return whether every input was finite."""
        scan, tree = block.pack(self.layout), self.packed(passage)
        call = partial(self.library.forward, scan.ctypes.data, tree.ctypes.data)
        answers = [
            answer
            for spans in _waves(passage.schedule.stages, passage.blocks)
            for answer in _share(call, spans, threads)
        ]
        passage.release()
        return not any(answers)

    def backward(
        self, block: Block, passage: Passage, adjoint: Sequence[str], threads: int = 1
    ) -> None:
        """Run the adjoint of a run that kept what it needs.

        Parameters
        ----------
        block : Block
            Arguments, with those of the way back.
        passage : Passage
            As of the way there.
        adjoint : sequence of str
            Series whose gradient is wanted.
        """
        scan = block.pack(self.layout, adjoint=True)
        tree = self.packed(passage, adjoint)
        stages, blocks = passage.schedule.stages, passage.blocks
        back = partial(self.library.backward, scan.ctypes.data, tree.ctypes.data)
        self.library.prepare(scan.ctypes.data, tree.ctypes.data)
        if passage.whole:
            for spans in _waves(stages[::-1], blocks, backwards=True):
                _share(back, spans, threads)
            passage.release()
            return
        tree[_AGAIN] = 1
        again = partial(self.library.forward, scan.ctypes.data, tree.ctypes.data)
        for b in reversed(range(blocks)):
            for units in stages:
                _share(again, [_span(b, b + 1, unit) for unit in units], threads)
            for units in reversed(stages):
                _share(back, [_span(b, b + 1, unit) for unit in units], threads)
        passage.release()

    def packed(self, passage: Passage, adjoint: Sequence[str] | None = None) -> Words:
        """Return what a run works on as the kernel takes it; see :meth:`Passage.pack`.

        Raises
        ------
        ScanError
            When the kernel takes one of another size.
        """
        words: Words = passage.pack(adjoint=adjoint)
        expected = int(self.library.tree_words())
        if len(words) != expected:
            raise ScanError(
                f"the kernel takes a tree of {expected} numbers, found {len(words)}"
            )
        return words


_AGAIN = 3  # of Tree in slots.c


def _waves(
    stages: Sequence[Sequence[Unit]], blocks: int, *, backwards: bool = False
) -> Iterator[list[Words]]:
    """Yield spans of blocks and units that do not depend on each other, in order.

    While some work on a block, those that come after them work on the one before: what
    they need of it is there.
    """
    if len(stages) == 1:
        yield [_span(0, blocks, unit) for unit in stages[0]]
        return
    for wave in range(blocks + len(stages) - 1):
        spans = []
        for stage, units in enumerate(stages):
            if 0 <= (at := wave - stage) < blocks:
                b = blocks - 1 - at if backwards else at
                spans += [_span(b, b + 1, unit) for unit in units]
        yield spans


def _span(first: int, last: int, unit: Unit) -> Words:
    """Return blocks and a unit as the kernel takes them; see ``Span`` in slots.c."""
    chunks = (unit.first_chunk, unit.last_chunk)
    return np.array([first, last, *chunks, unit.first_place, unit.last_place], np.int64)


def _share(
    call: Callable[[int], int], spans: Sequence[Words], threads: int
) -> list[int]:
    """Run spans that do not depend on each other; return what each answers."""

    def run(span: Words) -> int:
        return call(span.ctypes.data)

    if threads < 2 or len(spans) < 2:
        answers = [run(span) for span in spans]
    else:
        # ctypes releases the interpreter lock during the call.
        answers = list(pool(threads).map(run, spans))
    if NO_MEMORY in answers:
        raise MemoryError("no memory for what a kernel works on")
    return answers


def tree_step(
    program: Program,
    links: Mapping[str, str],
    scale: Mapping[str, float],
    downstream: Words,
    arrays: Mapping[str, Numbers],
) -> Callable[[], int] | None:
    """Return a function that advances a tree by one step, over arrays that stay.

    Parameters
    ----------
    program : Program
        One step of a place.
    links : mapping of str to str
        What the places upstream make, by the forcing that it is summed up for: output
        and input names of the program.
    scale : mapping of str to float
        Factor of each link, by forcing.
    downstream : ndarray of int
        (place,) position of the place below each place, -1 at outlets.
    arrays : mapping of str to ndarray
        (place,) or (place, 1) float64 by input and output name of the program, for all
        inputs but linked forcings; entries of a variable one by one.

    Returns
    -------
    callable or None
        It answers what is false if every number was finite. None where there is no
        kernel; why is said once.
    """
    kernel = _kernel(program, links, arrays)
    if kernel is None:
        return None
    layout = kernel.layout
    names = [name for name in layout.forcings if name in arrays]
    passage = Passage(
        layout, schedule(downstream), 1, kernel.fixed, "float64", names, layout.outputs,
        scale=[scale[name] for name, _ in layout.links],
    )  # fmt: skip
    block = _block(layout, 1, len(downstream), arrays, {})
    unit = passage.schedule.whole
    span = np.array([0, 1, 0, unit.last_chunk, 0, unit.last_place], np.int64)
    arguments = (block.pack(layout), kernel.packed(passage), span)
    addresses = [x.ctypes.data for x in arguments]

    def step(references: Any = (arguments, passage, arrays)) -> int:
        # What the kernel points into stays as long as the function does.
        answer: int = kernel.library.forward(*addresses)
        return answer

    return step


def tree_steps(
    program: Program,
    links: Mapping[str, str],
    scale: Mapping[str, float],
    downstream: Words,
    arrays: Mapping[str, Numbers],
) -> Callable[[Mapping[str, Numbers], Mapping[str, Numbers], int], bool] | None:
    """Return a function that advances a tree by many steps in one call.

    Parameters
    ----------
    program, links, scale, downstream, arrays
        As of :func:`tree_step`; of forcings and outputs alone the names count.

    Returns
    -------
    callable or None
        From (step, place) arrays of all forcings, such arrays that are to receive
        outputs, and a number of threads, to what is false if every number was finite.
        The states go on from what they are.
    """
    kernel = _kernel(program, links, arrays)
    if kernel is None:
        return None
    layout = kernel.layout
    names = [name for name in layout.forcings if name in arrays]
    linked = [scale[name] for name, _ in layout.links]

    def advance(
        forcing: Mapping[str, Numbers], output: Mapping[str, Numbers], threads: int
    ) -> bool:
        steps = len(next(iter(forcing.values())))
        outputs = [name for name in layout.outputs if name in output]
        units = units_for(threads, len(downstream), steps)
        passage = Passage(
            layout, schedule(downstream, units=units), steps, kernel.fixed, "float64",
            names, outputs, scale=linked,
        )  # fmt: skip
        series = {**forcing, **output}
        block = _block(layout, steps, len(downstream), arrays, series)
        return not kernel.forward(block, passage, threads)

    return advance


def _kernel(
    program: Program, links: Mapping[str, str], arrays: Mapping[str, Numbers]
) -> TreeKernel | None:
    """Return the kernel of the steps of a place; None where there is none."""
    outputs = tuple(name for name in program.fluxes if name in arrays)
    layout = Layout.of(program, outputs, links=links)
    text = source(layout, program, None, double=True, fixed=layout.parameters)
    library = kernel_of(text)
    return None if library is None else TreeKernel(library, layout)


def _block(
    layout: Layout,
    steps: int,
    places: int,
    arrays: Mapping[str, Numbers],
    series: Mapping[str, Numbers],
) -> Block:
    """Return the arguments of some steps; with series, there is no other output."""

    def views(names: Sequence[str]) -> list[View]:
        return [_view(arrays[n]) if n in arrays else ABSENT for n in names]

    def changing(names: Sequence[str]) -> list[View]:
        if not series:
            return views(names)
        return [_view_of_series(series[n]) if n in series else ABSENT for n in names]

    states = views(layout.states)
    return Block(
        steps=steps, locations=places, members=1, average=False, state=states,
        forcing=changing(layout.forcings), parameter=views(layout.parameters),
        final=states, output=changing(layout.outputs),
    )  # fmt: skip


def _view(array: Numbers) -> View:
    return (_address(array), 0, array.strides[0] // array.itemsize, 0, 0)


def _view_of_series(array: Numbers) -> View:
    time, place = (stride // array.itemsize for stride in array.strides)
    return (_address(array), time, place, 0, 0)
