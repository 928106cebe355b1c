"""The backend of GPUs: kernels generated from ``step``, behind PyTorch's autograd."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from functools import cache, lru_cache
from operator import index

import torch
from torch import Tensor

from ..errors import ScanError
from ..kernels import driver
from ..kernels.call import Block
from ..kernels.driver import Module
from ..kernels.geometry import geometry
from ..kernels.layout import Layout
from ..kernels.print_cuda import by_value, cuda_source
from ..process import Cells, Process, Upstream
from ..program.trace import named
from .arguments import Arguments, optional_entries
from .entries import CellEntry
from .operator import Entry, Sizes, operate, refused
from .programs import Key, adjoint_of, step_of

__all__ = ["DEVICE", "CudaEntry", "module_on", "passed", "refuses", "run", "stream_of"]

DEVICE = "cuda"
"""Where its tensors are."""


def refuses(process: Process, a: Arguments) -> str | None:
    """Return why no kernel runs this, if none does."""
    if not isinstance(process.coupling, (Cells, Upstream)):
        return (
            f"{a.process}: backend 'cuda' runs places that do not see each other, or "
            f"those upstream, found coupling {type(process.coupling).__name__}"
        )
    reason = refused(a, "cuda", DEVICE)
    if reason is not None:
        return reason
    entry = _entry_for(process, a)
    return entry if isinstance(entry, str) else None


def run(process: Process, a: Arguments) -> tuple[list[Tensor], list[Tensor]]:
    """Run the loop in a compiled kernel; same contract as the reference."""
    if isinstance(process.coupling, Upstream):
        from .cuda_tree import run_tree

        return run_tree(process, a)
    entry = _entry_for(process, a)
    assert isinstance(entry, Entry)
    places, members = a.shape
    sizes = Sizes(
        a.steps, a.warmup, places, members,
        a.average, a.gradient, a.forcing_gradient,
    )  # fmt: skip
    return operate(entry, sizes, list(a.tensors()))


def _entry_for(process: Process, a: Arguments) -> Entry | str:
    number = index(a.device.index or 0)
    double = a.dtype == torch.float64
    if isinstance(process.coupling, Upstream):
        from .cuda_tree import tree_entry

        linked: Entry | str = tree_entry(
            process, a.outputs, tuple(a.forcing),
            double=double, adjoint=a.gradient, number=number,
        )  # fmt: skip
        return linked
    entry: Entry | str = _entry_of(
        process, a.outputs, double=double, adjoint=a.gradient,
        forcing=a.forcing_gradient, number=number,
    )  # fmt: skip
    return entry


# What compiles the function around a scan is to find the kernel, not how it is made.
@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _entry_of(
    process: Process,
    outputs: Sequence[str],
    *,
    double: bool,
    adjoint: bool,
    forcing: bool,
    number: int,
) -> Entry | str:
    try:
        key = Key(process)
    except ScanError as error:
        return str(error)
    return _entry(key, tuple(outputs), double, adjoint, forcing, number)


@lru_cache(maxsize=256)
def _entry(
    key: Key,
    outputs: tuple[str, ...],
    double: bool,
    adjoint: bool,
    forcing: bool,
    number: int,
) -> Entry | str:
    dtype = torch.float64 if double else torch.float32
    fluxes = tuple(o for o in outputs if o.startswith("q."))
    try:
        step = step_of(key, dtype)
        backward = adjoint_of(key, fluxes, dtype) if adjoint else None
        layout = Layout.of(step, outputs)
        with named(key.process):
            text = cuda_source(
                layout, step, backward, double=double, forcing_gradient=forcing
            )
        module = module_on(key.process, text, number)
    except ScanError as error:
        return str(error)
    return CudaEntry(key.process, layout, module)


def module_on(process: Process, source: str, number: int) -> Module:
    """Return a compiled source on a GPU; messages name the process."""
    try:
        return _module(source, number)
    except ScanError as error:
        raise ScanError(f"{process.name}: {error}") from None


@cache
def _module(source: str, number: int) -> Module:
    return Module(driver.device(number), source)


def stream_of(tensor: Tensor) -> int:
    """Return the address of the stream that PyTorch gives its own work to."""
    return int(torch.cuda.current_stream(tensor.device).cuda_stream)


def passed(
    block: Block, layout: Layout, like: Tensor
) -> tuple[driver.Argument, Tensor | None]:
    """Return a block as the first argument of a kernel, and what it points to.

    Blocks of many views do not come with the launch; they lie on the GPU.
    """
    words = block.pack(layout, adjoint=True)
    if by_value(layout):
        return (ctypes.c_int64 * len(words)).from_buffer(words.data), None
    there = torch.from_numpy(words).to(like.device)
    return ctypes.c_void_p(there.data_ptr()), there


class CudaEntry(CellEntry):
    """The kernel of cells that do not see each other, one thread each."""

    def __init__(self, process: Process, layout: Layout, module: Module) -> None:
        super().__init__(process.name, layout, optional_entries(process))
        self.module = module

    def interval(self, sizes: Sizes, like: Tensor) -> int:
        """Return the number of steps between the states that are kept.

        Their root: what is kept and what is computed again are then of one size.
        """
        return max(1, math.isqrt(sizes.steps - sizes.warmup))

    def tape_size(self, sizes: Sizes, tensors: Sequence[Tensor]) -> int:
        """Return how many numbers are kept: states, some steps apart."""
        recorded = sizes.steps - sizes.warmup
        segments = -(-recorded // self.interval(sizes, tensors[0]))
        return segments * self._row(sizes)

    def _row(self, sizes: Sizes) -> int:
        return len(self.layout.states) * sizes.places * sizes.members

    def series(self, sizes: Sizes, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Return a new tensor for what is recorded, all of which is written."""
        return like.new_empty(shape)

    def _launch(self, name: str, sizes: Sizes, block: Block, other: Tensor) -> None:
        blocks, threads = geometry(
            sizes.places, sizes.members, self.module.device.processors
        )
        # Until the launch is given to the stream, what it points to has to be there.
        first, _there = passed(block, self.layout, other)
        second = ctypes.c_void_p(other.data_ptr())
        self.module.launch(name, blocks, threads, stream_of(other), [first, second])

    def forward(
        self, sizes: Sizes, tensors: Sequence[Tensor], results: Sequence[Tensor]
    ) -> bool:
        """Run the loop."""
        block = self.block_of_results(sizes, tensors, results)
        bad = tensors[0].new_zeros(1, dtype=torch.int32)
        self._launch("forward", sizes, block, bad)
        return not bad.item()

    def backward(
        self,
        sizes: Sizes,
        tensors: Sequence[Tensor],
        tape: Tensor,
        cotangents: Sequence[Tensor],
        gradients: Sequence[Tensor],
    ) -> None:
        """Run the adjoint."""
        block = self.block_of_gradients(sizes, tensors, tape, cotangents, gradients)
        history = tape.new_empty(max(1, block.interval * self._row(sizes)))
        self._launch("backward", sizes, block, history)
