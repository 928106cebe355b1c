"""The compiled backend: kernels generated from ``step``, behind PyTorch's autograd."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from ..errors import ScanError
from ..kernels import build
from ..kernels.call import Kernel, history_interval
from ..kernels.layout import ABREAST, LANES, Layout
from ..kernels.print_c import source
from ..process import Cells, Process
from ..program.trace import named
from .arguments import Arguments, optional_entries
from .entries import CellEntry
from .operator import (
    Entry,
    Sizes,
    new_flat,
    operate,
    refused,
    zeros,
)
from .programs import Key, adjoint_of, step_of

__all__ = ["entry_of", "refuses", "run"]


def refuses(process: Process, a: Arguments) -> str | None:
    """Return why no kernel runs this, if none does."""
    if not isinstance(process.coupling, Cells):
        return (
            f"{a.process}: backend 'cells' runs places that do not see each other, "
            f"found coupling {type(process.coupling).__name__}"
        )
    reason = refused(a, "cells")
    if reason is not None:
        return reason
    entry = _entry_for(process, a)
    return entry if isinstance(entry, str) else None


def run(process: Process, a: Arguments) -> tuple[list[Tensor], list[Tensor]]:
    """Run the loop in a compiled kernel; same contract as the reference."""
    entry = _entry_for(process, a)
    assert isinstance(entry, Entry)
    places, members = a.shape
    sizes = Sizes(
        a.steps, a.warmup, places, members,
        a.average, a.gradient, a.forcing_gradient,
    )  # fmt: skip
    return operate(entry, sizes, list(a.tensors()))


def _entry_for(process: Process, a: Arguments) -> Entry | str:
    entry: Entry | str = entry_of(
        process, a.outputs, double=a.dtype == torch.float64,
        adjoint=a.gradient, forcing_gradient=a.forcing_gradient,
        abreast=_abreast(*a.shape),
    )  # fmt: skip
    return entry


def _abreast(places: int, members: int) -> int:
    """Return how many chunks take turns: as many as there are, and not too many."""
    chunks = -(-places * members // LANES)
    return next(n for n in ABREAST if n <= chunks)


# What compiles the function around a scan is to find the kernel, not how it is made.
@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def entry_of(
    process: Process,
    outputs: Sequence[str],
    *,
    double: bool,
    adjoint: bool = False,
    forcing_gradient: bool = False,
    abreast: int = 1,
) -> Entry | str:
    """Return the compiled kernel of a process, or why there is none.

    Parameters
    ----------
    process : Process
        The physics, at the length of its step.
    outputs : sequence of str
        What is recorded, ``q.<flux>`` or ``s.<state>``.
    double : bool
        float64, else float32.
    adjoint, forcing_gradient : bool
        Include the backward pass, and the gradient of the forcing.
    abreast : int
        How many chunks of cells take turns; one of :data:`ABREAST`. Numbers do not
        depend on it.
    """
    try:
        key = Key(process)
    except ScanError as error:
        return str(error)
    return _entry(key, tuple(outputs), double, adjoint, forcing_gradient, abreast)


@lru_cache(maxsize=256)
def _entry(
    key: Key,
    outputs: tuple[str, ...],
    double: bool,
    adjoint: bool,
    forcing: bool,
    abreast: int,
) -> Entry | str:
    dtype = torch.float64 if double else torch.float32
    fluxes = tuple(o for o in outputs if o.startswith("q."))
    try:
        step = step_of(key, dtype)
        backward = adjoint_of(key, fluxes, dtype) if adjoint else None
        layout = Layout.of(step, outputs)
        with named(key.process):
            text = source(
                layout, step, backward,
                double=double, forcing_gradient=forcing, abreast=abreast,
            )  # fmt: skip
    except ScanError as error:
        return str(error)
    library = build.library(text)
    if isinstance(library, str):
        return f"{key.process.name}: {library}"
    return CellsEntry(key.process, Kernel(library, layout), abreast)


def _unfilled(x: Tensor, sizes: Sizes) -> Tensor:
    """Return the gradient of a series before the kernel fills it in.

    Its steps lie in memory as those of the series do, where nobody writes over another.
    """
    steps, places, members = x.shape
    flat = new_flat(x, x.numel())
    if x.stride(0) < x.stride(1):
        new = flat.view(places, steps, members).transpose(0, 1)
    else:
        new = flat.view(steps, places, members)
    # The kernel leaves out steps without gradient.
    new[: sizes.warmup] = 0.0
    return new


class CellsEntry(CellEntry):
    """The kernel of cells that do not see each other."""

    def __init__(self, process: Process, kernel: Kernel, abreast: int) -> None:
        super().__init__(process.name, kernel.layout, optional_entries(process))
        self.kernel = kernel
        self.row = abreast * LANES

    def interval(self, sizes: Sizes, like: Tensor) -> int:
        """Return the number of steps between the states that are kept."""
        states, itemsize = len(self.layout.states), like.element_size()
        return history_interval(sizes.steps - sizes.warmup, states, itemsize)

    def tape_size(self, sizes: Sizes, tensors: Sequence[Tensor]) -> int:
        """Return how many numbers are kept: states, some steps apart."""
        recorded = sizes.steps - sizes.warmup
        segments = -(-recorded // self.interval(sizes, tensors[0]))
        rows = -(-sizes.places * sizes.members // self.row)
        return rows * segments * len(self.layout.states) * self.row

    def keeping(self, size: int, like: Tensor) -> Tensor:
        """Return a tensor for what is kept."""
        return new_flat(like, size)

    def gradients(self, sizes: Sizes, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return new tensors for the gradients; zeros where they are added up."""
        return [
            _unfilled(x, sizes) if x.ndim == 3 and self._own(x, sizes) else zeros(x)
            for x in self.differentiable(sizes, tensors)
        ]

    @staticmethod
    def _own(x: Tensor, sizes: Sizes) -> bool:
        """Return whether every cell has numbers of its own in a series."""
        return tuple(x.shape[1:]) == (sizes.places, sizes.members)

    def forward(
        self, sizes: Sizes, tensors: Sequence[Tensor], results: Sequence[Tensor]
    ) -> bool:
        """Run the loop."""
        block = self.block_of_results(sizes, tensors, results)
        return self.kernel.forward(block.pack(self.layout), torch.get_num_threads())

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
        words = block.pack(self.layout, adjoint=True)
        self.kernel.backward(words, torch.get_num_threads())
