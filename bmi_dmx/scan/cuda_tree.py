"""Trees on a GPU: places run blocks of steps, in waves from the top to the outlet."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..errors import ScanError
from ..kernels.call import ABSENT, Block, View
from ..kernels.driver import Module
from ..kernels.layout import Layout
from ..kernels.print_cuda import THREADS, cuda_source
from ..kernels.waves import block_steps, waves
from ..process import Process
from ..program.trace import named
from .arguments import Arguments, optional_entries
from .axes import tree_of
from .cuda import module_on, passed, stream_of
from .entries import LinkedEntry
from .operator import Sizes, operate, views, zeros
from .programs import Key, adjoint_of, step_of
from .upstream import passed_on

__all__ = ["CudaTreeEntry", "run_tree", "tree_entry"]


def run_tree(process: Process, a: Arguments) -> tuple[list[Tensor], list[Tensor]]:
    """Run a tree; same contract as the reference."""
    entry = tree_entry(
        process, a.outputs, tuple(a.forcing), double=a.dtype == torch.float64,
        adjoint=a.gradient, number=a.device.index or 0,
    )  # fmt: skip
    assert isinstance(entry, CudaTreeEntry)
    places, members = a.shape
    sizes = Sizes(
        a.steps, a.warmup, places, members,
        a.average, a.gradient, a.forcing_gradient,
        slots=waves(tree_of(process).downstream).levels,
    )  # fmt: skip
    # A tree may be of one batch alone, and kernels are for all.
    downstream = torch.from_numpy(tree_of(process).downstream.copy())
    return operate(entry, sizes, [*a.tensors(), downstream])


# What compiles the function around a scan is to find the kernel, not how it is made.
@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def tree_entry(
    process: Process,
    outputs: Sequence[str],
    forcings: Sequence[str],
    *,
    double: bool,
    adjoint: bool,
    number: int,
) -> CudaTreeEntry | str:
    """Return the compiled kernel of a process, or why there is none."""
    # One step of a place does not depend on the tree around it.
    try:
        key = Key(process.on(None))
    except ScanError as error:
        return str(error)
    return _entry(key, tuple(outputs), tuple(forcings), double, adjoint, number)


@lru_cache(maxsize=256)
def _entry(
    key: Key,
    outputs: tuple[str, ...],
    forcings: tuple[str, ...],
    double: bool,
    adjoint: bool,
    number: int,
) -> CudaTreeEntry | str:
    dtype = torch.float64 if double else torch.float32
    try:
        step = step_of(key, dtype)
        layout = Layout.of(step, outputs, links=passed_on(key.process))
        fluxes = tuple(name for name in layout.outputs if name.startswith("q."))
        backward = adjoint_of(key, fluxes, dtype) if adjoint else None
        with named(key.process):
            text = cuda_source(layout, step, backward, double=double)
        module = module_on(key.process, text, number)
    except ScanError as error:
        return str(error)
    return CudaTreeEntry(key.process, layout, module, len(outputs), forcings)


@dataclass
class _Memory:
    """What lies on the GPU for the waves of a run, beside its arguments."""

    checkpoints: Tensor
    passed: Tensor
    arriving: Tensor | None = None
    history: Tensor | None = None
    d_state: Tensor | None = None


class CudaTreeEntry(LinkedEntry):
    """The kernel of places that see those upstream, of one thread a cell.

    Parameters
    ----------
    process : Process
        The physics, without a space.
    layout : Layout
        Order of the variables.
    module : Module
        What runs it.
    recorded : int
        How many of the outputs are recorded; the others are passed on alone.
    forcings : tuple of str
        Forcings that are among the inputs; those that are linked need not be.
    """

    def __init__(
        self,
        process: Process,
        layout: Layout,
        module: Module,
        recorded: int,
        forcings: tuple[str, ...],
    ) -> None:
        super().__init__(process.name, layout, optional_entries(process))
        self.module, self.recorded, self.forcings = module, recorded, forcings

    def series(self, sizes: Sizes, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Return a new tensor for what is recorded, all of which is written."""
        return like.new_empty(shape)

    def _length(self, sizes: Sizes, steps: int) -> int:
        """Return the steps of a block; of a tree, ``slots`` are its levels."""
        return block_steps(steps, sizes.slots)

    def _blocks(self, sizes: Sizes, steps: int) -> int:
        return -(-steps // self._length(sizes, steps))

    def _row(self, sizes: Sizes) -> int:
        return len(self.layout.states) * sizes.places * sizes.members

    def _carried(self, sizes: Sizes, steps: int) -> int:
        """Return how many numbers are passed on in some steps."""
        return len(self.layout.links) * steps * sizes.places * sizes.members

    def tape_size(self, sizes: Sizes, tensors: Sequence[Tensor]) -> int:
        """Return how many numbers are kept: states, and what is passed on."""
        steps = sizes.steps - sizes.warmup
        states = self._blocks(sizes, steps) * self._row(sizes)
        return states + self._carried(sizes, steps)

    def _memory(self, sizes: Sizes, tape: Tensor) -> _Memory:
        """Return what is kept for the way back."""
        carried = self._carried(sizes, sizes.steps - sizes.warmup)
        states = len(tape) - carried
        return _Memory(tape[:states], tape[states:])

    def _scratch(self, sizes: Sizes, steps: int, like: Tensor) -> _Memory:
        """Return the same where there is no way back: the states of one block."""
        return _Memory(
            like.new_empty(max(1, self._row(sizes))),
            like.new_empty(self._carried(sizes, steps)),
        )

    def block(
        self,
        sizes: Sizes,
        tensors: Sequence[Tensor],
        span: tuple[int, int],
        state: Sequence[Tensor],
    ) -> Block:
        """Return the arguments of a run; averages are made of what it records."""
        block = super().block(sizes, tensors, span, state)
        block.interval = self._length(sizes, block.steps)
        return block

    def _waves(
        self,
        name: str,
        sizes: Sizes,
        block: Block,
        memory: _Memory,
        downstream: Tensor,
        more: Iterable[Tensor] = (),
    ) -> None:
        """Launch all waves of a run."""
        like = memory.passed
        order = _order(downstream.numpy().tobytes(), like.device)
        blocks = self._blocks(sizes, block.steps)
        block.checkpoints = memory.checkpoints.data_ptr()
        all_kept = int(len(memory.checkpoints) >= blocks * self._row(sizes))
        buffers = (memory.passed, memory.arriving, memory.history, memory.d_state)
        addresses = [0 if x is None else x.data_ptr() for x in buffers]
        words = [x.data_ptr() for x in order] + addresses
        words += [sizes.slots, blocks, all_kept]
        tree = (ctypes.c_int64 * len(words))(*words)
        # Until the last launch is given to the stream, all they point to is there.
        first, _there = passed(block, self.layout, like)
        rest = [ctypes.c_void_p(x.data_ptr()) for x in more]
        grid = -(-sizes.places * sizes.members // THREADS)
        stream = stream_of(like)
        for wave in range(blocks + sizes.slots - 1):
            arguments = [first, tree, ctypes.c_int64(wave), *rest]
            self.module.launch(name, grid, THREADS, stream, arguments)

    def forward(
        self, sizes: Sizes, tensors: Sequence[Tensor], results: Sequence[Tensor]
    ) -> bool:
        """Run the loop."""
        count, like = len(self.layout.states), tensors[0]
        state, final = self.split(tensors)[0], results[:count]
        bad = like.new_zeros(1, dtype=torch.int32)
        if sizes.warmup:
            warm = [torch.empty_like(x) for x in final]
            block = self.block(sizes, tensors, (0, sizes.warmup), state)
            block.final, block.output = views(warm), self._no_outputs()
            scratch = self._scratch(sizes, sizes.warmup, like)
            self._waves("forward", sizes, block, scratch, tensors[-1], [bad])
            state = warm
        steps = sizes.steps - sizes.warmup
        series = results[count : count + self.recorded]
        members = self._with_members(sizes, series)
        block = self.block(sizes, tensors, (sizes.warmup, sizes.steps), state)
        block.final, block.output = views(final), self.views_of_outputs(members)
        memory = (
            self._memory(sizes, results[-1])
            if sizes.kept
            else self._scratch(sizes, steps, like)
        )
        self._waves("forward", sizes, block, memory, tensors[-1], [bad])
        if sizes.average:
            for mean, x in zip(series, members, strict=True):
                torch.mean(x, -1, out=mean)
        return not bad.item()

    def _no_outputs(self) -> list[View]:
        return [ABSENT] * len(self.layout.outputs)

    def _with_members(self, sizes: Sizes, series: Sequence[Tensor]) -> Sequence[Tensor]:
        """Return where all members are recorded; averages are made of it."""
        if not sizes.average:
            return series
        return [x.new_empty((*x.shape, sizes.members)) for x in series]

    def backward(
        self,
        sizes: Sizes,
        tensors: Sequence[Tensor],
        tape: Tensor,
        cotangents: Sequence[Tensor],
        gradients: Sequence[Tensor],
    ) -> None:
        """Run the adjoint."""
        states, forcing, parameters = self.split(tensors)
        count, steps = len(states), sizes.steps - sizes.warmup
        block = self.block(sizes, tensors, (sizes.warmup, sizes.steps), states)
        series = cotangents[count:]
        if sizes.average:
            series = [x / sizes.members for x in series]
        block.d_final, block.d_output = (
            views(cotangents[:count]),
            self.views_of_outputs(series),
        )
        # Of what comes before the warm-up is over nothing is differentiated.
        first = [zeros(x) for x in gradients[:count]] if sizes.warmup else gradients
        block.g_state = views(first[:count])
        late = [x[sizes.warmup :] if x.ndim == 3 else x for x in gradients[count:]]
        whole = [self._own(sizes, x) for x in late]
        block.g_forcing = [ABSENT] * len(self.layout.forcings)
        if sizes.forcing:
            block.g_forcing = self.views_of_forcings(whole[: len(forcing)])
        block.g_parameter = views(whole[len(whole) - len(parameters) :])
        memory = self._memory(sizes, tape)
        length = block.interval
        memory.arriving = tape.new_empty(self._carried(sizes, steps))
        memory.history = tape.new_empty(max(1, length * self._row(sizes)))
        memory.d_state = tape.new_empty(max(1, self._row(sizes)))
        self._waves("backward", sizes, block, memory, tensors[-1])
        for mine, x in zip(late, whole, strict=True):
            if mine is not x:
                torch.sum(x, -1, keepdim=True, out=mine)

    @staticmethod
    def _own(sizes: Sizes, x: Tensor) -> Tensor:
        """Return where every member has a gradient of its own, to be summed up."""
        if x.shape[-1] == sizes.members:
            return x
        return x.new_empty((*x.shape[:-1], sizes.members))


@lru_cache(maxsize=32)
def _order(downstream: bytes, device: torch.device) -> tuple[Tensor, ...]:
    """Return the slots of a tree on a GPU, in the order of ``Tree`` in tree.cu."""
    slots = waves(np.frombuffer(downstream, np.int64))
    arrays = (slots.place, slots.level, slots.edge, slots.giver, slots.below)
    return tuple(torch.from_numpy(array.copy()).to(device) for array in arrays)
