"""Programs of processes, traced once for all that are equal."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import Module

from ..errors import ScanError
from ..process import Process
from ..program import Program
from ..program.trace import trace_adjoint, trace_step
from .traces import cached

__all__ = ["Key", "adjoint_of", "step_of"]


class Key:
    """Makes equal processes share programs and kernels."""

    def __init__(self, process: Process) -> None:
        self.process = process
        settings = dict(vars(process))
        space = settings.pop("space", None)
        # A process inside another one is made anew for every length of a step.
        inner = {n: x for n, x in settings.items() if isinstance(x, Process)}
        settings |= {name: Key(x).identity for name, x in inner.items()}
        self.identity: tuple[Hashable, ...] = (
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
        return isinstance(other, Key) and self.identity == other.identity


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
def step_of(key: Key, dtype: torch.dtype) -> Program:
    """Return the program of a step."""
    return cached(
        key.process,
        key.identity,
        f"step in {dtype}",
        lambda: trace_step(key.process, dtype),
    )


@lru_cache(maxsize=64)
def adjoint_of(
    key: Key,
    fluxes: tuple[str, ...],
    dtype: torch.dtype,
    without: tuple[str, ...] = (),
) -> Program:
    """Return the program of the vector-Jacobian product of a step for some fluxes.

    Cotangents of state entries ``without`` count as zero.
    """
    suffix = f" without {', '.join(without)}" if without else ""
    return cached(
        key.process,
        key.identity,
        f"adjoint of {', '.join(fluxes)} in {dtype}{suffix}",
        lambda: trace_adjoint(key.process, fluxes, dtype, without=without),
    )
