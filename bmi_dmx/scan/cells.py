"""The compiled backend: kernels generated from ``step``, behind PyTorch's autograd."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import Module

from ..errors import ScanError
from ..kernels import build
from ..kernels.call import Block, Kernel, View, history_interval
from ..kernels.print_c import LANES, Layout, source
from ..process import Cells, Process
from ..program import Program
from ..program.trace import named, trace_adjoint, trace_step
from .arguments import Arguments

__all__ = ["kernel_of", "refuses", "run"]


def refuses(process: Process, a: Arguments) -> str | None:
    """Return why no kernel runs this, if none does."""
    if not isinstance(process.coupling, Cells):
        return (
            f"{a.process}: backend 'cells' runs places that do not see each other, "
            f"found coupling {type(process.coupling).__name__}"
        )
    if a.device.type != "cpu" or a.dtype not in (torch.float32, torch.float64):
        return (
            f"{a.process}: backend 'cells' runs float32 and float64 on a CPU, found "
            f"{a.dtype} on {a.device}"
        )
    if torch._C._are_functorch_transforms_active():
        return (
            f"{a.process}: kernels are differentiated by autograd, and not by the "
            "transforms of torch.func; backend='reference' is"
        )
    kernel = _kernel_for(process, a)
    return kernel if isinstance(kernel, str) else None


def run(process: Process, a: Arguments) -> tuple[list[Tensor], list[Tensor]]:
    """Run the loop in a compiled kernel; same contract as the reference."""
    kernel = _kernel_for(process, a)
    assert isinstance(kernel, Kernel)
    results: tuple[Tensor, ...] = _Scan.apply(  # type: ignore[no-untyped-call]
        kernel, a, a.differentiated, _needs_forcing(a), *a.tensors()
    )
    states = len(kernel.layout.states)
    return list(results[:states]), list(results[states:])


def _needs_forcing(a: Arguments) -> bool:
    return a.differentiated and any(x.requires_grad for x in a.forcing.values())


def _kernel_for(process: Process, a: Arguments) -> Kernel | str:
    return kernel_of(
        process, a.outputs, double=a.dtype == torch.float64,
        adjoint=a.differentiated, forcing_gradient=_needs_forcing(a),
    )  # fmt: skip


def kernel_of(
    process: Process,
    outputs: Sequence[str],
    *,
    double: bool,
    adjoint: bool = False,
    forcing_gradient: bool = False,
) -> Kernel | str:
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
    """
    try:
        key = _Key(process)
    except ScanError as error:
        return str(error)
    return _kernel(key, tuple(outputs), double, adjoint, forcing_gradient)


class _Key:
    """Makes equal processes share programs and kernels."""

    def __init__(self, process: Process) -> None:
        self.process = process
        settings = dict(vars(process))
        space = settings.pop("space", None)
        self.identity = (
            type(process),
            tuple(sorted(settings.items())),
            None if space is None else space.fingerprint,
            _constants(type(process)),
        )
        # Once for all that is looked up by it.
        try:
            self._hash = hash(self.identity)
            if any(isinstance(x, (Tensor, Module)) for x in settings.values()):
                raise TypeError  # equal to itself whatever it holds
        except TypeError:
            raise ScanError(
                f"{process.name}: attributes must not be changeable, such as lists, "
                "arrays or tensors, for a kernel is made of them; found "
                f"{vars(process)!r:.200}"
            ) from None

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.identity == other.identity


def _constants(kind: type) -> Hashable:
    """Return the numbers that a class and its bases hold, which a trace bakes in."""
    plain = (int, float, str)
    return tuple(
        (name, value)
        for base in kind.__mro__
        for name, value in vars(base).items()
        if isinstance(value, plain)
        or (isinstance(value, tuple) and all(isinstance(x, plain) for x in value))
    )


@lru_cache(maxsize=64)
def _step(key: _Key, dtype: torch.dtype) -> Program:
    return trace_step(key.process, dtype)


@lru_cache(maxsize=64)
def _adjoint(key: _Key, fluxes: tuple[str, ...], dtype: torch.dtype) -> Program:
    return trace_adjoint(key.process, fluxes, dtype)


@lru_cache(maxsize=256)
def _kernel(
    key: _Key, outputs: tuple[str, ...], double: bool, adjoint: bool, forcing: bool
) -> Kernel | str:
    dtype = torch.float64 if double else torch.float32
    fluxes = tuple(o for o in outputs if o.startswith("q."))
    try:
        step = _step(key, dtype)
        backward = _adjoint(key, fluxes, dtype) if adjoint else None
        layout = Layout.of(step, outputs)
        with named(key.process):
            text = source(
                layout, step, backward, double=double, forcing_gradient=forcing
            )
    except ScanError as error:
        return str(error)
    library = build.library(text)
    if isinstance(library, str):
        return f"{key.process.name}: {library}"
    return Kernel(library, layout)


def _views(tensors: Sequence[Tensor]) -> list[View]:
    """Return views of (location, member) or (time, location, member) tensors."""
    views = []
    for x in tensors:
        # An axis of size 1 repeats along the run's axis of that name.
        strides = [0 if n == 1 else s for n, s in zip(x.shape, x.stride(), strict=True)]
        if x.ndim == 3 and x.shape[0] == 1:
            strides[0] = x.shape[1] * x.shape[2]
        time = strides[0] if x.ndim == 3 else 0
        views.append((x.data_ptr(), time, strides[-2], strides[-1], 0))
    return views


class _Scan(torch.autograd.Function):
    """Runs a kernel; the states between checkpoints are recomputed on the way back."""

    @staticmethod
    def forward(
        ctx: Any,
        kernel: Kernel,
        a: Arguments,
        differentiate: bool,
        needs_forcing: bool,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        layout = kernel.layout
        states, forcing, parameters = _split(layout, tensors)
        locations, members = a.shape
        recorded = a.steps - a.warmup
        like = tensors[0]
        final = [like.new_empty(a.shape) for _ in states]
        shape = (recorded, locations) if a.average else (recorded, *a.shape)
        # Averages are accumulated chunk by chunk.
        make = like.new_zeros if a.average else like.new_empty
        series = [make(shape) for _ in layout.outputs]
        block = Block(
            steps=a.steps, warmup=a.warmup, locations=locations, members=members,
            interval=history_interval(recorded, len(states), like.element_size()),
            average=a.average,
            state=_views(states), forcing=_views(forcing), parameter=_views(parameters),
            final=_views(final), output=_series_views(series),
        )  # fmt: skip
        if differentiate:
            segments = -(-recorded // block.interval)
            size = kernel.chunks(block.pack(layout)) * segments * len(states)
            checkpoints = like.new_empty(size * LANES)
            block.checkpoints = checkpoints.data_ptr()
            ctx.save_for_backward(checkpoints, *tensors)
            # Sizes alone: hooks may keep the tensors elsewhere until then.
            ctx.kernel, ctx.sizes = kernel, replace(block, checkpoints=0)
            ctx.needs_forcing = needs_forcing
        if not kernel.forward(block.pack(layout), torch.get_num_threads()):
            a.refuse_not_finite()
            if not all(bool(x.isfinite().all()) for x in final):
                raise ScanError(
                    f"{a.process}: the step made a state that is not finite of inputs "
                    "that are"
                )
        return (*final, *series)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        kernel = ctx.kernel
        layout = kernel.layout
        checkpoints, *tensors = ctx.saved_tensors
        states, forcing, parameters = _split(layout, tensors)
        block = replace(
            ctx.sizes,
            checkpoints=checkpoints.data_ptr(),
            state=_views(states), forcing=_views(forcing), parameter=_views(parameters),
            final=_views(states), output=(),
        )  # fmt: skip
        # The kernel does not see that a tensor stands for its negative.
        given = [d.resolve_neg() for d in cotangents]
        d_final, d_output = given[: len(states)], given[len(states) :]
        g_state = [torch.zeros(x.shape, dtype=x.dtype) for x in states]
        g_forcing = [
            torch.zeros(x.shape, dtype=x.dtype) if ctx.needs_forcing else x
            for x in forcing
        ]
        g_parameter = [torch.zeros(x.shape, dtype=x.dtype) for x in parameters]
        block.d_final, block.d_output = _views(d_final), _series_views(d_output)
        block.g_state, block.g_forcing = _views(g_state), _views(g_forcing)
        block.g_parameter = _views(g_parameter)
        kernel.backward(block.pack(layout, adjoint=True), torch.get_num_threads())
        gradients = [*g_state, *g_forcing, *g_parameter]
        needed = ctx.needs_input_grad[4:]
        return (
            None, None, None, None,
            *(g if n else None for g, n in zip(gradients, needed, strict=True)),
        )  # fmt: skip


def _series_views(series: Sequence[Tensor]) -> list[View]:
    """Return views of (time, location) or (time, location, member) series."""
    return _views([x.unsqueeze(-1) if x.ndim == 2 else x for x in series])


def _split(layout: Layout, tensors: Sequence[Tensor]) -> tuple[Sequence[Tensor], ...]:
    first, second = len(layout.states), len(layout.states) + len(layout.forcings)
    return tensors[:first], tensors[first:second], tensors[second:]
