"""Compiled kernels as operators of PyTorch, which traces and exports see as one call.

An operator takes tensors and integers alone. A kernel is given by its number among
those that were entered here, which means something in this process only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.library import Library

from ..errors import ScanError
from ..kernels.call import Block, Kernel, View, history_interval
from ..kernels.print_c import LANES
from .arguments import refuse_not_finite

__all__ = ["Entry", "Sizes", "enter", "operate"]


class Sizes(NamedTuple):
    """What a run is like beside its tensors, all of it integers.

    ``average`` tells whether members are averaged, ``kept`` whether what the way back
    needs is kept, and ``forcing`` whether the gradient of the forcing is wanted.
    """

    steps: int
    warmup: int
    places: int
    members: int
    average: int
    kept: int
    forcing: int


@dataclass(frozen=True)
class Entry:
    """A kernel, and what messages say of it."""

    process: str
    kernel: Kernel
    optional: tuple[str, ...]
    number: int

    def split(self, tensors: Sequence[Tensor]) -> tuple[Sequence[Tensor], ...]:
        """Return states, forcings and parameters of the inputs."""
        layout = self.kernel.layout
        first = len(layout.states)
        second = first + len(layout.forcings)
        return tensors[:first], tensors[first:second], tensors[second:]

    def interval(self, sizes: Sizes, like: Tensor) -> int:
        """Return the number of steps between the states that are kept."""
        states, itemsize = len(self.kernel.layout.states), like.element_size()
        return history_interval(sizes.steps - sizes.warmup, states, itemsize)


_entries: list[Entry] = []


def enter(process: str, kernel: Kernel, optional: tuple[str, ...]) -> Entry:
    """Give a kernel a number.

    Parameters
    ----------
    process : str
        Name of the process.
    kernel : Kernel
        What runs it.
    optional : tuple of str
        Parameters that may be NaN.
    """
    _entries.append(Entry(process, kernel, optional, len(_entries)))
    return _entries[-1]


def operate(
    entry: Entry, sizes: Sizes, tensors: Sequence[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """Run a kernel, differentiably; return the final state and the series."""
    results = _forward_op(tensors, entry.number, sizes)
    states, outputs = len(entry.kernel.layout.states), len(entry.kernel.layout.outputs)
    return results[:states], results[states : states + outputs]


def _results(entry: Entry, sizes: Sizes, like: Tensor) -> list[Tensor]:
    """Return new tensors: final states, series, and one of what is kept."""
    layout = entry.kernel.layout
    grid = (sizes.places, sizes.members)
    recorded = sizes.steps - sizes.warmup
    final = [like.new_empty(grid) for _ in layout.states]
    shape = (recorded, sizes.places) if sizes.average else (recorded, *grid)
    # Averages are accumulated chunk by chunk.
    make = like.new_zeros if sizes.average else like.new_empty
    series = [make(shape) for _ in layout.outputs]
    if not sizes.kept:
        return [*final, *series]
    segments = -(-recorded // entry.interval(sizes, like))
    chunks = -(-sizes.places * sizes.members // LANES)
    kept = like.new_empty(chunks * segments * len(layout.states) * LANES)
    return [*final, *series, kept]


def _block(
    entry: Entry, sizes: Sizes, tensors: Sequence[Tensor], final: Sequence[Tensor]
) -> Block:
    states, forcing, parameters = entry.split(tensors)
    return Block(
        steps=sizes.steps, warmup=sizes.warmup,
        locations=sizes.places, members=sizes.members,
        interval=entry.interval(sizes, tensors[0]), average=bool(sizes.average),
        state=_views(states), forcing=_views(forcing), parameter=_views(parameters),
        final=_views(final), output=(),
    )  # fmt: skip


def _views(tensors: Sequence[Tensor]) -> list[View]:
    """Return views of (place, member) or (time, place, member) tensors."""
    views = []
    for x in tensors:
        shape, strides = x.shape, x.stride()
        time = 0
        if len(shape) == 3:
            # What has an axis of time changes with it, were it of one step.
            time = strides[0] if shape[0] > 1 else shape[1] * shape[2]
        # An axis of size 1 repeats along the run's axis of that name.
        place = strides[-2] if shape[-2] > 1 else 0
        member = strides[-1] if shape[-1] > 1 else 0
        views.append((x.data_ptr(), time, place, member, 0))
    return views


def _series_views(series: Sequence[Tensor]) -> list[View]:
    """Return views of (time, place) or (time, place, member) series."""
    return _views([x.unsqueeze(-1) if x.ndim == 2 else x for x in series])


def _forward(tensors: list[Tensor], number: int, sizes: list[int]) -> list[Tensor]:
    """Run the loop; return what :func:`_results` makes."""
    entry, run = _entries[number], Sizes(*sizes)
    layout = entry.kernel.layout
    results = _results(entry, run, tensors[0])
    states, outputs = len(layout.states), len(layout.outputs)
    block = _block(entry, run, tensors, results[:states])
    block.output = _series_views(results[states : states + outputs])
    if run.kept:
        block.checkpoints = results[-1].data_ptr()
    if not entry.kernel.forward(block.pack(layout), torch.get_num_threads()):
        _refuse(entry, tensors, results[:states])
    return results


def _refuse(entry: Entry, tensors: list[Tensor], final: list[Tensor]) -> None:
    """Say what was not finite, unless it may be."""
    layout = entry.kernel.layout
    states, forcing, parameters = entry.split(tensors)
    refuse_not_finite(
        entry.process,
        dict(zip(layout.states, states, strict=True)),
        dict(zip(layout.forcings, forcing, strict=True)),
        dict(zip(layout.parameters, parameters, strict=True)),
        optional=entry.optional,
    )
    if not all(bool(x.isfinite().all()) for x in final):
        raise ScanError(
            f"{entry.process}: the step made a state that is not finite of inputs that "
            "are"
        )


def _forward_fake(tensors: list[Tensor], number: int, sizes: list[int]) -> list[Tensor]:
    return _results(_entries[number], Sizes(*sizes), tensors[0])


def _gradients(entry: Entry, sizes: Sizes, tensors: list[Tensor]) -> list[Tensor]:
    """Return zeros for the gradients of all inputs, of forcings where wanted."""
    states, forcing, parameters = entry.split(tensors)
    wanted = [*states, *(forcing if sizes.forcing else ()), *parameters]
    return [torch.zeros(x.shape, dtype=x.dtype, device=x.device) for x in wanted]


def _backward(
    cotangents: list[Tensor],
    kept: Tensor,
    tensors: list[Tensor],
    number: int,
    sizes: list[int],
) -> list[Tensor]:
    """Run the adjoint; the states between checkpoints are computed again."""
    entry, run = _entries[number], Sizes(*sizes)
    states, forcing, _ = entry.split(tensors)
    gradients = _gradients(entry, run, tensors)
    count = len(states)
    block = _block(entry, run, tensors, states)
    block.checkpoints = kept.data_ptr()
    block.d_final = _views(cotangents[:count])
    block.d_output = _series_views(cotangents[count:])
    block.g_state = _views(gradients[:count])
    rest = gradients[count:]
    if run.forcing:
        block.g_forcing, rest = _views(rest[: len(forcing)]), rest[len(forcing) :]
    block.g_parameter = _views(rest)
    words = block.pack(entry.kernel.layout, adjoint=True)
    entry.kernel.backward(words, torch.get_num_threads())
    return gradients


def _backward_fake(
    cotangents: list[Tensor],
    kept: Tensor,
    tensors: list[Tensor],
    number: int,
    sizes: list[int],
) -> list[Tensor]:
    return _gradients(_entries[number], Sizes(*sizes), tensors)


class _Once(torch.autograd.Function):
    """The forward operator and its derivative."""

    @staticmethod
    def forward(
        ctx: Any, number: int, sizes: list[int], *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        with torch._C._AutoDispatchBelowAutograd():
            results = _forward_op(tensors, number, sizes)
        ctx.save_for_backward(results[-1], *tensors)
        ctx.mark_non_differentiable(results[-1])
        ctx.number, ctx.sizes = number, sizes
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        kept, *tensors = ctx.saved_tensors
        found = _backward_op(cotangents[:-1], kept, tensors, ctx.number, ctx.sizes)
        sizes, entry = Sizes(*ctx.sizes), _entries[ctx.number]
        gradients: list[Tensor | None] = list(found)
        if not sizes.forcing:
            layout = entry.kernel.layout
            at = len(layout.states)
            gradients[at:at] = [None] * len(layout.forcings)
        return (None, None, *gradients)


class _Twice(torch.autograd.Function):
    """The backward operator, whose derivative is refused and not left out."""

    @staticmethod
    def forward(
        ctx: Any, number: int, sizes: list[int], given: int, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.process = _entries[number].process
        cotangents, kept, *inputs = tensors[:given], *tensors[given:]
        return tuple(_backward_op(cotangents, kept, inputs, number, sizes))

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        raise ScanError(
            f"{ctx.process}: kernels are differentiated once; backend='reference' can "
            "be twice"
        )


def _forward_autograd(
    tensors: list[Tensor], number: int, sizes: list[int]
) -> list[Tensor]:
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        made: tuple[Tensor, ...] = _Once.apply(number, sizes, *tensors)  # type: ignore[no-untyped-call]
        return list(made)
    with torch._C._AutoDispatchBelowAutograd():
        results: list[Tensor] = _forward_op(tensors, number, sizes)
    return results


def _backward_autograd(
    cotangents: list[Tensor],
    kept: Tensor,
    tensors: list[Tensor],
    number: int,
    sizes: list[int],
) -> list[Tensor]:
    if torch.is_grad_enabled():
        made: tuple[Tensor, ...] = _Twice.apply(  # type: ignore[no-untyped-call]
            number, sizes, len(cotangents), *cotangents, kept, *tensors
        )
        return list(made)
    with torch._C._AutoDispatchBelowAutograd():
        gradients: list[Tensor] = _backward_op(cotangents, kept, tensors, number, sizes)
    return gradients


# Defined by hand, and not by torch.library.custom_op, whose wrapping of lists of
# tensors costs more than a short run.
_library: Any = Library("bmi_dmx", "FRAGMENT")  # type: ignore[no-untyped-call]
_library.define("cells(Tensor[] inputs, int kernel, int[] sizes) -> Tensor[]")
_library.define(
    "cells_backward(Tensor[] cotangents, Tensor kept, Tensor[] inputs, int kernel, "
    "int[] sizes) -> Tensor[]"
)
for _name, _run, _fake, _autograd in (
    ("cells", _forward, _forward_fake, _forward_autograd),
    ("cells_backward", _backward, _backward_fake, _backward_autograd),
):
    _library.impl(_name, _run, "CPU")
    _library.impl(_name, _autograd, "Autograd")
    torch.library.register_fake(f"bmi_dmx::{_name}", _fake, lib=_library)
_forward_op = torch.ops.bmi_dmx.cells.default
_backward_op = torch.ops.bmi_dmx.cells_backward.default
