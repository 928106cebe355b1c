"""Compiled kernels as operators of PyTorch, which traces and exports see as one call.

An operator takes tensors and integers alone. A kernel is given by its number among
those that were entered here, which means something in this process only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from threading import Lock
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.library import Library

from ..errors import ScanError
from ..kernels.call import View
from ..kernels.layout import Layout
from ..kernels.memory import lent
from .arguments import Arguments, refuse_not_finite

__all__ = [
    "Entry",
    "Sizes",
    "new_flat",
    "operate",
    "refused",
    "series_views",
    "views",
    "zeros",
]


class Sizes(NamedTuple):
    """What a run is like beside its tensors, all of it integers.

    ``average`` tells whether members are averaged, ``kept`` whether what the way back
    needs is kept, and ``forcing`` whether the gradient of the forcing is wanted. Of
    places that see each other, ``units`` are about the parts that threads share, and
    ``slots`` the cells that are worked on with those to spare: way there and way back
    have to agree on them, whatever the number of threads is by then.
    """

    steps: int
    warmup: int
    places: int
    members: int
    average: int
    kept: int
    forcing: int
    units: int = 1
    slots: int = 0


class Entry(ABC):
    """A kernel, how it is called, and what messages say of it.

    Parameters
    ----------
    process : str
        Name of the process.
    layout : Layout
        Order of the variables.
    optional : tuple of str
        Parameters that may be NaN.

    Attributes
    ----------
    recorded : int
        Number of outputs that are recorded.
    number : int
        By which the operator finds it.
    """

    def __init__(self, process: str, layout: Layout, optional: tuple[str, ...]) -> None:
        self.process, self.layout, self.optional = process, layout, optional
        self.recorded = len(layout.outputs)
        with _entering:
            self.number = len(_entries)
            _entries.append(self)

    def split(self, tensors: Sequence[Tensor]) -> tuple[Sequence[Tensor], ...]:
        """Return states, forcings and parameters of the inputs."""
        first = len(self.layout.states)
        second = first + len(self.layout.forcings)
        return tensors[:first], tensors[first:second], tensors[second:]

    @abstractmethod
    def tape_size(self, sizes: Sizes, tensors: Sequence[Tensor]) -> int:
        """Return how many numbers are kept for the way back."""

    @abstractmethod
    def forward(
        self, sizes: Sizes, tensors: Sequence[Tensor], results: Sequence[Tensor]
    ) -> bool:
        """Fill in what :meth:`results` returns; answer if every input was finite."""

    @abstractmethod
    def backward(
        self,
        sizes: Sizes,
        tensors: Sequence[Tensor],
        tape: Tensor,
        cotangents: Sequence[Tensor],
        gradients: Sequence[Tensor],
    ) -> None:
        """Fill in what :meth:`gradients` returns."""

    def results(self, sizes: Sizes, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return new tensors: final states, series, and one of what is kept."""
        like = tensors[0]
        grid = (sizes.places, sizes.members)
        recorded = sizes.steps - sizes.warmup
        final = [like.new_empty(grid) for _ in self.layout.states]
        shape = (recorded, sizes.places) if sizes.average else (recorded, *grid)
        series = [self.series(sizes, shape, like) for _ in range(self.recorded)]
        if not sizes.kept:
            return [*final, *series]
        return [*final, *series, self.keeping(self.tape_size(sizes, tensors), like)]

    def series(self, sizes: Sizes, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Return a new tensor for what is recorded."""
        # Averages are accumulated chunk by chunk.
        return like.new_zeros(shape) if sizes.average else like.new_empty(shape)

    def keeping(self, size: int, like: Tensor) -> Tensor:
        """Return a new tensor for what is kept."""
        return like.new_empty(size)

    def gradients(self, sizes: Sizes, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return new tensors for the gradients of what is wanted, to be added to."""
        return [zeros(x) for x in self.differentiable(sizes, tensors)]

    def differentiable(self, sizes: Sizes, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return the inputs whose gradient is wanted: all, of forcings if asked for."""
        states, forcing, parameters = self.split(tensors)
        return [*states, *(forcing if sizes.forcing else ()), *parameters]

    def refuse(self, tensors: Sequence[Tensor], final: Sequence[Tensor]) -> None:
        """Say what was not finite, unless it may be."""
        states, forcing, parameters = self.split(tensors)
        layout = self.layout
        forcings = [n for n in layout.forcings if self.gives(n)]
        refuse_not_finite(
            self.process,
            dict(zip(layout.states, states, strict=True)),
            dict(zip(forcings, forcing, strict=True)),
            dict(zip(layout.parameters, parameters, strict=False)),
            optional=self.optional,
        )
        if not all(bool(x.isfinite().all()) for x in final):
            raise ScanError(
                f"{self.process}: the step made a state that is not finite of inputs "
                "that are"
            )

    def gives(self, forcing: str) -> bool:
        """Return whether a forcing is among the inputs."""
        return True


def zeros(x: Tensor) -> Tensor:
    """Return zeros of the shape and type of a tensor."""
    # Not as x lies in memory, where some of its numbers may be one.
    return torch.zeros(x.shape, dtype=x.dtype, device=x.device)


def new_flat(like: Tensor, size: int) -> Tensor:
    """Return a flat tensor with any numbers in it, in memory that is used again."""
    if type(like) is not Tensor:  # one that holds no numbers
        return like.new_empty(size)
    return torch.from_numpy(lent(size, str(like.dtype).rpartition(".")[2]))


_entries: list[Entry] = []
_entering = Lock()
"""Threads that make kernels at once must not be given one number."""


def operate(
    entry: Entry, sizes: Sizes, tensors: Sequence[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """Run a kernel, differentiably; return the final state and the series."""
    results = _forward_op(tensors, entry.number, sizes)
    states = len(entry.layout.states)
    return results[:states], results[states : states + entry.recorded]


def views(tensors: Sequence[Tensor]) -> list[View]:
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


def series_views(series: Sequence[Tensor]) -> list[View]:
    """Return views of (time, place) or (time, place, member) series."""
    return views([x.unsqueeze(-1) if x.ndim == 2 else x for x in series])


def _forward(tensors: list[Tensor], number: int, sizes: list[int]) -> list[Tensor]:
    """Run the loop; return what :meth:`Entry.results` makes."""
    entry, run = _entries[number], Sizes(*sizes)
    results = entry.results(run, tensors)
    if not entry.forward(run, tensors, results):
        entry.refuse(tensors, results[: len(entry.layout.states)])
    return results


def _forward_fake(tensors: list[Tensor], number: int, sizes: list[int]) -> list[Tensor]:
    return _entries[number].results(Sizes(*sizes), tensors)


def _backward(
    cotangents: list[Tensor],
    tape: Tensor,
    tensors: list[Tensor],
    number: int,
    sizes: list[int],
) -> list[Tensor]:
    """Run the adjoint; the states between those that are kept are computed again."""
    entry, run = _entries[number], Sizes(*sizes)
    gradients = entry.gradients(run, tensors)
    entry.backward(run, tensors, tape, cotangents, gradients)
    return gradients


def _backward_fake(
    cotangents: list[Tensor],
    tape: Tensor,
    tensors: list[Tensor],
    number: int,
    sizes: list[int],
) -> list[Tensor]:
    return _entries[number].gradients(Sizes(*sizes), tensors)


def refused(a: Arguments, backend: str, device: str = "cpu") -> str | None:
    """Return why no kernel runs what is given, whatever the process."""
    if a.device.type != device or a.dtype not in (torch.float32, torch.float64):
        where = "a CPU" if device == "cpu" else "a GPU of NVIDIA"
        return (
            f"{a.process}: backend {backend!r} runs float32 and float64 on {where}, "
            f"found {a.dtype} on {a.device}"
        )
    if torch._C._are_functorch_transforms_active():
        return (
            f"{a.process}: kernels are differentiated by autograd, and not by the "
            "transforms of torch.func; backend='reference' is"
        )
    return None


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
        # Zeros for what nobody asks of would be as large as what is kept.
        ctx.set_materialize_grads(False)
        ctx.shapes = [x.shape for x in results[:-1]]
        ctx.number, ctx.sizes = number, sizes
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:
        tape, *tensors = ctx.saved_tensors
        zero = tape.new_zeros(())
        filled = [
            zero.expand(shape) if x is None else x
            for x, shape in zip(cotangents[:-1], ctx.shapes, strict=True)
        ]
        products = _backward_op(filled, tape, tensors, ctx.number, ctx.sizes)
        sizes, entry = Sizes(*ctx.sizes), _entries[ctx.number]
        gradients: list[Tensor | None] = list(products)
        if not sizes.forcing:
            states, forcing, _ = entry.split(tensors)
            gradients[len(states) : len(states)] = [None] * len(forcing)
        gradients += [None] * (len(tensors) - len(gradients))
        return (None, None, *gradients)


class _Twice(torch.autograd.Function):
    """The backward operator, whose derivative is refused and not left out."""

    @staticmethod
    def forward(
        ctx: Any, number: int, sizes: list[int], count: int, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.process = _entries[number].process
        cotangents, tape, *inputs = tensors[:count], *tensors[count:]
        return tuple(_backward_op(cotangents, tape, inputs, number, sizes))

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
        outputs: tuple[Tensor, ...] = _Once.apply(number, sizes, *tensors)  # type: ignore[no-untyped-call]
        return list(outputs)
    with torch._C._AutoDispatchBelowAutograd():
        results: list[Tensor] = _forward_op(tensors, number, sizes)
    return results


def _backward_autograd(
    cotangents: list[Tensor],
    tape: Tensor,
    tensors: list[Tensor],
    number: int,
    sizes: list[int],
) -> list[Tensor]:
    if torch.is_grad_enabled():
        products: tuple[Tensor, ...] = _Twice.apply(  # type: ignore[no-untyped-call]
            number, sizes, len(cotangents), *cotangents, tape, *tensors
        )
        return list(products)
    with torch._C._AutoDispatchBelowAutograd():
        gradients: list[Tensor] = _backward_op(cotangents, tape, tensors, number, sizes)
    return gradients


# Defined by hand, and not by torch.library.custom_op, whose wrapping of lists of
# tensors costs more than a short run.
_library: Any = Library("bmi_dmx", "FRAGMENT")  # type: ignore[no-untyped-call]
_library.define("run(Tensor[] inputs, int kernel, int[] sizes) -> Tensor[]")
_library.define(
    "run_backward(Tensor[] cotangents, Tensor kept, Tensor[] inputs, int kernel, "
    "int[] sizes) -> Tensor[]"
)
for _name, _run, _fake, _autograd in (
    ("run", _forward, _forward_fake, _forward_autograd),
    ("run_backward", _backward, _backward_fake, _backward_autograd),
):
    _library.impl(_name, _run, "CPU")
    _library.impl(_name, _run, "CUDA")
    _library.impl(_name, _autograd, "Autograd")
    torch.library.register_fake(f"bmi_dmx::{_name}", _fake, lib=_library)
_forward_op = torch.ops.bmi_dmx.run.default
_backward_op = torch.ops.bmi_dmx.run_backward.default
