"""The compiled backend of trees: kernels that run every place after those upstream."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from operator import index
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import ScanError
from ..kernels import build
from ..kernels.call import Block
from ..kernels.layout import LANES, Layout
from ..kernels.print_c import source
from ..kernels.schedule import Schedule, schedule
from ..kernels.tree import Passage, TreeKernel, units_for
from ..process import Process, Upstream
from ..program import Program
from ..program.trace import named
from .arguments import Arguments, optional_entries
from .axes import tree_of
from .entries import LinkedEntry
from .operator import (
    Sizes,
    new_flat,
    operate,
    refused,
    views,
    zeros,
)
from .programs import Key, adjoint_of, step_of
from .upstream import passed_on

__all__ = ["refuses", "run"]

_BUSHY = 128
"""Cells a level from which on two registers of them are worked on at once.

What one waits for the other fills in; of a narrow tree most of a chunk would be empty.
"""

_KEPT_BYTES = 1 << 30
"""Most that is kept of what places pass on; what is more is computed again."""


def refuses(process: Process, a: Arguments) -> str | None:
    """Return why no kernel runs this, if none does."""
    if not isinstance(process.coupling, Upstream):
        return (
            f"{a.process}: backend 'tree' runs places that see those upstream, found "
            f"coupling {type(process.coupling).__name__}"
        )
    reason = refused(a, "tree")
    if reason is not None:
        return reason
    entry = _entry_of(process, a)
    return entry if isinstance(entry, str) else None


def run(process: Process, a: Arguments) -> tuple[list[Tensor], list[Tensor]]:
    """Run the loop in a compiled kernel; same contract as the reference."""
    entry = _entry_of(process, a)
    assert isinstance(entry, TreeEntry)
    places, members = a.shape
    units, slots = _parts(process, index(members), index(a.steps), entry.request.lanes)
    sizes = Sizes(
        a.steps, a.warmup, places, members,
        a.average, a.gradient, a.forcing_gradient, units, slots,
    )  # fmt: skip
    # A tree may be of one batch alone, and kernels are for all.
    downstream = torch.from_numpy(tree_of(process).downstream.copy())
    return operate(entry, sizes, [*a.tensors(), downstream])


def _entry_of(process: Process, a: Arguments) -> TreeEntry | str:
    entry: TreeEntry | str = _entry_for(
        process, index(a.shape[1]), a.outputs, tuple(a.forcing), a.varying,
        tuple(a.factors.items()), double=a.dtype == torch.float64, adjoint=a.gradient,
    )  # fmt: skip
    return entry


# What compiles the function around a scan is to find the kernel, not how it is made.
@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _entry_for(
    process: Process,
    members: int,
    outputs: Sequence[str],
    forcings: Sequence[str],
    varying: Sequence[str],
    factors: Sequence[tuple[str, float]],
    *,
    double: bool,
    adjoint: bool,
) -> TreeEntry | str:
    # One step of a place does not depend on the tree around it.
    try:
        key = Key(process.on(None))
    except ScanError as error:
        return str(error)
    tree = tree_of(process)
    wide = len(tree) * members >= _BUSHY * len(tree.levels)
    request = _Request(
        key, 2 * LANES if wide else LANES, tuple(outputs), tuple(forcings),
        tuple(varying), double, adjoint, tuple(factors),
    )  # fmt: skip
    return _entry(request)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _parts(process: Process, members: int, steps: int, lanes: int) -> tuple[int, int]:
    """Return in how many units a tree is worked on, and how many slots that makes."""
    downstream = tree_of(process).downstream
    units = units_for(torch.get_num_threads(), len(downstream) * members, steps)
    return units, schedule(downstream, members, units, lanes).slots


class _Request(NamedTuple):
    """What decides the kernel of a run, whatever the tree."""

    key: Key
    lanes: int
    outputs: tuple[str, ...]
    forcings: tuple[str, ...]
    varying: tuple[str, ...]
    double: bool
    adjoint: bool
    factors: tuple[tuple[str, float], ...]


def _dtype(request: _Request) -> torch.dtype:
    return torch.float64 if request.double else torch.float32


@lru_cache(maxsize=256)
def _entry(request: _Request) -> TreeEntry | str:
    kernel = _kernel(request, apart=True)
    return kernel if isinstance(kernel, str) else TreeEntry(request, kernel)


@lru_cache(maxsize=256)
def _kernel(request: _Request, *, apart: bool) -> TreeKernel | str:
    """Return a kernel; states that nothing depends on have no gradient if ``apart``."""
    key = request.key
    dtype = _dtype(request)
    links = passed_on(key.process)
    try:
        step = step_of(key, dtype)
        layout = Layout.of(step, request.outputs, links=links)
        backward = None
        if request.adjoint:
            fluxes = tuple(name for name in layout.outputs if name.startswith("q."))
            sinks = _sinks(step, layout) if apart else ()
            backward = adjoint_of(key, fluxes, dtype, sinks)
        with named(key.process):
            text = source(
                layout, step, backward,
                double=request.double, forcing_gradient=True, lanes=request.lanes,
                fixed=set(layout.parameters) - set(request.varying),
            )  # fmt: skip
    except ScanError as error:
        return str(error)
    library = build.library(text)
    if isinstance(library, str):
        return f"{key.process.name}: {library}"
    return TreeKernel(library, layout)


def _sinks(step: Program, layout: Layout) -> tuple[str, ...]:
    """Return the states that nothing depends on but they themselves."""
    names = dict.fromkeys((*layout.states, *layout.outputs))
    return tuple(
        state
        for state in layout.states
        if state not in layout.outputs
        and state not in step.read_for(name for name in names if name != state)
    )


class TreeEntry(LinkedEntry):
    """The kernel of places that see those upstream, in vectors of cells.

    Parameters
    ----------
    request : _Request
        What it was made for; forcings that are linked need not be given.
    kernel : TreeKernel
        What runs it.
    """

    def __init__(self, request: _Request, kernel: TreeKernel) -> None:
        process = request.key.process
        super().__init__(process.name, kernel.layout, optional_entries(process))
        self.request, self.kernel = request, kernel
        self.outputs, self.forcings = request.outputs, request.forcings
        self.recorded = len(self.outputs)

    def series(self, sizes: Sizes, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Return a new series; those of places lie side by side, as they are made."""
        if sizes.members == 1:
            return _side_by_side(like, shape)
        return new_flat(like, math.prod(shape)).reshape(shape)

    def gradients(self, sizes: Sizes, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return new tensors for the gradients; zeros where they are added up."""
        inputs = self.differentiable(sizes, tensors)
        once = self._once(sizes, inputs)
        return [
            _side_by_side(x, tuple(x.shape)) if once and x.ndim == 3 else zeros(x)
            for x in inputs
        ]

    @staticmethod
    def _once(sizes: Sizes, inputs: Sequence[Tensor]) -> bool:
        """Return whether every number of all series has a gradient of its own."""
        series = (x for x in inputs if x.ndim == 3)
        return not sizes.warmup and all(x.shape[-1] == sizes.members for x in series)

    def keeping(self, size: int, like: Tensor) -> Tensor:
        """Return a tensor for what is kept."""
        return new_flat(like, size)

    def _direct(self, sizes: Sizes, series: Sequence[Tensor]) -> tuple[str, ...]:
        """Return what is passed on and stands in the record as it does on its way."""
        linked = {output for _, output in self.layout.links}
        pairs = zip(self.outputs, series, strict=True)
        side_by_side = (n for n, x in pairs if sizes.members == 1 and x.stride(0) == 1)
        return tuple(n for n in side_by_side if n in linked)

    def tape_size(self, sizes: Sizes, tensors: Sequence[Tensor]) -> int:
        """Return how many numbers are kept: states, and what is passed on."""
        steps, whole = sizes.steps - sizes.warmup, self._whole(sizes)
        return sum(Passage.size_kept(self.layout, sizes.slots, steps, whole))

    def _order(self, sizes: Sizes, tensors: Sequence[Tensor]) -> Schedule:
        order = schedule(
            tensors[-1].numpy(), sizes.members, sizes.units, self.request.lanes
        )
        if order.slots != sizes.slots:
            raise ScanError(
                f"{self.process}: a run of {sizes.slots} slots was asked for, its tree "
                f"has {order.slots}"
            )
        return order

    def _whole(self, sizes: Sizes) -> bool:
        numbers = sizes.steps * sizes.places * sizes.members * len(self.layout.links)
        return bool(sizes.kept) and numbers * 4 <= _KEPT_BYTES

    def _passage(
        self,
        sizes: Sizes,
        tensors: Sequence[Tensor],
        steps: int,
        tape: Tensor | None = None,
    ) -> Passage:
        varying = self._varying(self.split(tensors)[2])
        return Passage(
            self.layout, self._order(sizes, tensors), steps, self.kernel.fixed,
            "float64" if tensors[0].dtype == torch.float64 else "float32",
            (*self.forcings, *varying), self.outputs,
            checkpoint=None if tape is None else tape.detach().numpy(),
            whole=tape is not None and self._whole(sizes),
            factor=dict(self.request.factors),
        )  # fmt: skip

    def _varying(self, parameters: Sequence[Tensor]) -> tuple[str, ...]:
        pairs = zip(self.layout.parameters, parameters, strict=True)
        return tuple(name for name, x in pairs if x.ndim == 3)

    def block(
        self,
        sizes: Sizes,
        tensors: Sequence[Tensor],
        span: tuple[int, int],
        state: Sequence[Tensor],
    ) -> Block:
        """Return the arguments of a run, which averages as it records."""
        block = super().block(sizes, tensors, span, state)
        block.average = bool(sizes.average)
        return block

    def forward(
        self, sizes: Sizes, tensors: Sequence[Tensor], results: Sequence[Tensor]
    ) -> bool:
        """Run the loop."""
        count, threads = len(self.layout.states), torch.get_num_threads()
        state, final = self.split(tensors)[0], results[:count]
        finite = True
        if sizes.warmup:
            warm = [torch.empty_like(x) for x in final]
            block = self.block(sizes, tensors, (0, sizes.warmup), state)
            block.final = views(warm)
            passage = replace(self._passage(sizes, tensors, sizes.warmup), outputs=())
            # What may be NaN is no reason to stop.
            finite = self.kernel.forward(block, passage, threads)
            state = warm
        block = self.block(sizes, tensors, (sizes.warmup, sizes.steps), state)
        block.final = views(final)
        block.output = self.views_of_outputs(results[count : count + self.recorded])
        tape = results[-1] if sizes.kept else None
        steps = sizes.steps - sizes.warmup
        passage = self._passage(sizes, tensors, steps, tape)
        passage.direct = self._direct(sizes, results[count : count + self.recorded])
        return self.kernel.forward(block, passage, threads) and finite

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
        count, threads = len(states), torch.get_num_threads()
        block = self.block(sizes, tensors, (sizes.warmup, sizes.steps), states)
        block.d_final = views(cotangents[:count])
        block.d_output = self.views_of_outputs(cotangents[count:])
        # Of what comes before the warm-up is over nothing is differentiated.
        first = [torch.zeros_like(x) for x in gradients[:count]]
        block.g_state = views(first if sizes.warmup else gradients[:count])
        rest = gradients[count:]
        late = [x[sizes.warmup :] if x.ndim == 3 else x for x in rest]
        names = self._varying(parameters)
        if sizes.forcing:
            block.g_forcing = self.views_of_forcings(late[: len(forcing)])
            late = late[len(forcing) :]
            names = (*self.forcings, *names)
        block.g_parameter = views(late)
        passage = self._passage(sizes, tensors, sizes.steps - sizes.warmup, tape)
        kernel = self._way_back(cotangents[:count])
        passage.fixed = kernel.fixed
        passage.once = self._once(sizes, gradients)
        passage.direct = self._direct(sizes, cotangents[count:])
        kernel.backward(block, passage, names, threads)

    def _way_back(self, final: Sequence[Tensor]) -> TreeKernel:
        """Return the kernel for cotangents of the final state.

        Most ask nothing of what no other number depends on, such as a sum of what came
        in, and then a shorter way back does.
        """
        step = step_of(self.request.key, _dtype(self.request))
        cotangents = dict(zip(self.layout.states, final, strict=True))
        if not any(bool(cotangents[name].any()) for name in _sinks(step, self.layout)):
            return self.kernel
        whole = _kernel(self.request, apart=False)
        if isinstance(whole, str):
            raise ScanError(whole)
        return whole


def _side_by_side(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return a new series, (time, place, …), whose steps of a place stand together."""
    turned = (*shape[1:], shape[0])
    return new_flat(like, math.prod(turned)).reshape(turned).movedim(-1, 0)
