"""The compiled backend: kernels generated from ``step``, behind PyTorch's autograd."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import Module

from ..errors import ScanError
from ..kernels import build
from ..kernels.call import Kernel
from ..kernels.print_c import Layout, source
from ..process import Cells, Process
from ..program import Program
from ..program.trace import named, trace_adjoint, trace_step
from .arguments import Arguments, optional_entries
from .operator import Entry, Sizes, enter, operate
from .traces import kept

__all__ = ["entry_of", "refuses", "run"]


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
    )  # fmt: skip
    return entry


# What compiles the function around a scan is to find the kernel, not how it is made.
@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def entry_of(
    process: Process,
    outputs: Sequence[str],
    *,
    double: bool,
    adjoint: bool = False,
    forcing_gradient: bool = False,
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
    """
    try:
        key = _Key(process)
    except ScanError as error:
        return str(error)
    return _entry(key, tuple(outputs), double, adjoint, forcing_gradient)


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


_PLAIN = (int, float, str)


def _constants(kind: type) -> Hashable:
    """Return the numbers that a class and its bases hold, which a trace bakes in."""
    values = [vars(base)[name] for base, name in _attributes(kind)]
    return tuple(
        value
        for value in values
        if isinstance(value, _PLAIN)
        or (isinstance(value, tuple) and all(isinstance(x, _PLAIN) for x in value))
    )


@lru_cache(maxsize=256)
def _attributes(kind: type) -> tuple[tuple[type, str], ...]:
    """Return where a class and its bases hold something that is no function."""
    bases = kind.__mro__[: kind.__mro__.index(Process)]
    return tuple(
        (base, name)
        for base in bases
        for name, value in vars(base).items()
        if not (name.startswith("__") or hasattr(value, "__get__"))
    )


@lru_cache(maxsize=64)
def _step(key: _Key, dtype: torch.dtype) -> Program:
    return kept(
        key.process,
        key.identity,
        f"step in {dtype}",
        lambda: trace_step(key.process, dtype),
    )


@lru_cache(maxsize=64)
def _adjoint(key: _Key, fluxes: tuple[str, ...], dtype: torch.dtype) -> Program:
    return kept(
        key.process,
        key.identity,
        f"adjoint of {', '.join(fluxes)} in {dtype}",
        lambda: trace_adjoint(key.process, fluxes, dtype),
    )


@lru_cache(maxsize=256)
def _entry(
    key: _Key, outputs: tuple[str, ...], double: bool, adjoint: bool, forcing: bool
) -> Entry | str:
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
    return enter(
        key.process.name, Kernel(library, layout), optional_entries(key.process)
    )
