"""From PyTorch to programs: trace a time step, its adjoint, or a network.

The function is traced to core ATen operations by ``make_fx``; vector-Jacobian products
are PyTorch's own, so gradients have its conventions at ties and kinks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch._decomp import core_aten_decompositions
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode

from ..errors import ScanError, suggestion
from ..process import Process
from ..variables import Variable
from .aten import BATCH, translate
from .ops import OPS
from .program import Builder, Program, entry_names, input_names

__all__ = ["BATCH", "named", "namespaces", "trace", "trace_adjoint", "trace_step"]


def namespaces(process: Process, values: Mapping[str, Tensor]) -> list[SimpleNamespace]:
    """Return the (s, f, p) of a step from values named ``s.…``, ``f.…``, ``p.…``."""

    def collect(prefix: str, variables: Sequence[Any]) -> SimpleNamespace:
        spaces: dict[str, Any] = {}
        for v in variables:
            if getattr(v, "size", 1) == 1:
                spaces[v.name] = values[f"{prefix}.{v.name}"]
            else:
                spaces[v.name] = tuple(values[n] for n in entry_names(prefix, v))
        return SimpleNamespace(**spaces)

    return [
        collect("s", process.states),
        collect("f", process.forcings),
        collect("p", process.step_parameters),
    ]


def call_step(process: Process, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Run one step on values by input name; return new ``s.…`` and ``q.…``."""
    state, fluxes = process.step(*namespaces(process, values))
    _refuse_unknown(process, "state", state, process.states)
    _refuse_unknown(process, "flux", fluxes, process.fluxes)
    result: dict[str, Tensor] = {}
    for variable in process.states:
        if variable.name not in state:
            raise ScanError(f"{process.name}.step returned no state {variable.name!r}")
        new = state[variable.name]
        entries = [new] if variable.size == 1 else list(new)
        names = entry_names("s", variable)
        if len(entries) != len(names):
            raise ScanError(
                f"{process.name}.step returned {len(entries)} entries of state "
                f"{variable.name!r}, declared size {variable.size}"
            )
        result.update(zip(names, entries, strict=True))
    for flux in process.fluxes:
        if flux.name not in fluxes:
            raise ScanError(f"{process.name}.step returned no flux {flux.name!r}")
        result[f"q.{flux.name}"] = fluxes[flux.name]
    for name, value in result.items():
        if not isinstance(value, Tensor):
            raise ScanError(
                f"{process.name}.step returned {value!r} for {name[2:]!r}, expected a "
                "tensor, such as torch.zeros_like of another"
            )
    return result


def _refuse_unknown(
    process: Process, kind: str, names: Iterable[str], declared: Sequence[Variable]
) -> None:
    allowed_names = [variable.name for variable in declared]
    for name in names:
        if name not in allowed_names:
            hint = suggestion(name, allowed_names)
            raise ScanError(
                f"{process.name}.step returned {kind} {name!r}, which is not "
                f"declared{hint}"
            )


def trace_step(process: Process, dtype: torch.dtype = torch.float64) -> Program:
    """Trace one time step: ``s.*, f.*, p.*`` to new ``s.*`` and fluxes ``q.*``.

    Parameters
    ----------
    process : Process
        The physics.
    dtype : torch.dtype
        Floating-point type of the tensors that ``step`` sees, which it may ask for.

    Raises
    ------
    ScanError
        When the step is not elementwise arithmetic on tensors.
    """

    def traced() -> Program:
        examples = _examples(input_names(process), dtype)
        program = _traced(lambda values: call_step(process, values), examples)
        # Operations that are not elementwise are refused by name, by whoever prints it.
        if all(OPS[i.op].c is not None for i in program.instructions):
            _refuse_sizes(process, examples)
        return program

    with named(process):
        return _apart(traced)


def _refuse_sizes(process: Process, examples: Mapping[str, Tensor]) -> None:
    """Refuse a step that gives a cell other numbers among more cells."""
    # In float64, whatever the run: rounding must not be taken for a difference.
    exact = {n: x.double() for n, x in examples.items()}
    with torch.no_grad():
        few = call_step(process, exact)
        more = call_step(process, {n: x.repeat(2) for n, x in exact.items()})
    for name, x in few.items():
        x, y = x.expand(2).repeat(2), more[name].expand(4)
        if not torch.allclose(x, y, rtol=1e-4, equal_nan=True):
            raise ScanError(
                f"{name[2:]!r} depends on how many cells there are: sizes of tensors "
                "cannot be taken for numbers in a compiled step"
            )


@contextmanager
def named(process: Process) -> Iterator[None]:
    """Say whose step cannot be compiled, and why in the words of PyTorch."""
    try:
        yield
    except ScanError as error:
        if str(error).startswith(process.name):
            raise
        raise ScanError(f"{process.name}.step: {error}") from None
    except RuntimeError as error:
        why = str(error).partition("\n")[0]
        raise ScanError(
            f"{process.name}.step cannot be compiled; it must be arithmetic on whole "
            f"tensors, with torch.where in place of if: {why}"
        ) from error


def _examples(names: Iterable[str], dtype: torch.dtype) -> dict[str, Tensor]:
    """Return some values to trace with; the caller's random numbers stay untouched."""
    generator = torch.Generator().manual_seed(0)
    return {n: torch.rand(2, dtype=dtype, generator=generator) for n in names}


def trace_adjoint(
    process: Process,
    outputs: Sequence[str],
    dtype: torch.dtype = torch.float64,
    *,
    without: Sequence[str] = (),
) -> Program:
    """Trace the vector-Jacobian product of one time step.

    Parameters
    ----------
    process : Process
        The physics.
    outputs : sequence of str
        Fluxes (``q.…``) whose cotangents are given; others count as zero.
    dtype : torch.dtype
        As for :func:`trace_step`.
    without : sequence of str
        State entries (``s.…``) whose cotangents count as zero.

    Returns
    -------
    Program
        From the step's inputs and cotangents ``d.s.*``, ``d.q.*`` to gradients
        ``g.s.*``, ``g.f.*``, ``g.p.*``.
    """
    primals = input_names(process)
    entries = [n for state in process.states for n in entry_names("s", state)]
    cotangents = [name for name in entries if name not in without]
    cotangents += list(outputs)

    def vjp(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        def forward(*args: Tensor) -> tuple[Tensor, ...]:
            result = call_step(process, dict(zip(primals, args, strict=True)))
            # Outputs that are an input itself need a node of their own.
            return tuple(result[n] * 1.0 for n in cotangents)

        pull = torch.func.vjp(forward, *(values[n] for n in primals))[1]
        gradients = pull(tuple(values[f"d.{n}"] for n in cotangents))
        return {f"g.{n}": g for n, g in zip(primals, gradients, strict=True)}

    names = [*primals, *(f"d.{n}" for n in cotangents)]
    with named(process):
        return _apart(lambda: _traced(vjp, _examples(names, dtype)))


def trace(
    function: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
    examples: Mapping[str, Tensor],
) -> Program:
    """Trace a function of named tensors to a program.

    Parameters
    ----------
    function : callable
        From a mapping of tensors to a mapping of tensors.
    examples : mapping of str to Tensor
        Tensors with the shapes and types to trace with; an axis of size :data:`BATCH`
        stands for any size.

    Raises
    ------
    ScanError
        When the function uses an operation that programs do not have.
    """
    return _apart(lambda: _traced(function, examples))


_tracing = Lock()


def _apart(function: Callable[[], Program]) -> Program:
    """Run what traces in a thread of its own, one at a time as PyTorch can.

    Modes and hooks of PyTorch belong to a thread: those of the caller would be traced
    as well, or refused.
    """
    with _tracing, warnings.catch_warnings(), ThreadPoolExecutor(1) as thread:
        warnings.simplefilter("ignore")
        return thread.submit(function).result()


def _traced(
    function: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
    examples: Mapping[str, Tensor],
) -> Program:
    names = list(examples)
    outputs: list[str] = []

    def flat(*args: Tensor) -> tuple[Tensor, ...]:
        with _NumberGuard():
            result = function(dict(zip(names, args, strict=True)))
        outputs[:] = list(result)
        return tuple(result.values())

    fake = any(BATCH in tensor.shape for tensor in examples.values())

    table = dict(core_aten_decompositions())
    # Programs have it, and what it would become needs whole numbers.
    table.pop(torch.ops.aten.roll.default, None)
    graph: torch.fx.GraphModule = make_fx(
        torch.func.functionalize(flat, remove="mutations"),
        decomposition_table=table,
        tracing_mode="fake" if fake else "real",
    )(*examples.values())
    # Decompositions leave tensors behind that nothing is made of.
    graph.graph.eliminate_dead_code()
    return _translate(graph, names, outputs)


class _NumberGuard(TorchFunctionMode):
    """Refuses to give the numbers of tensors away, which are not those of a run."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func in (Tensor.numpy, Tensor.__array__, Tensor.tolist):
            raise ScanError(
                f"numbers of a tensor cannot be taken out by {func.__name__}(); write "
                "all of it in PyTorch"
            )
        return func(*args, **(kwargs or {}))


def _translate(
    traced: torch.fx.GraphModule, names: list[str], outputs: list[str]
) -> Program:
    builder = Builder()
    values: dict[torch.fx.Node, Any] = {}
    pending = iter(names)

    def resolve(arg: Any) -> Any:
        if isinstance(arg, torch.fx.Node):
            return values[arg]
        if isinstance(arg, (list, tuple)):
            return [resolve(a) for a in arg]
        return arg

    for node in traced.graph.nodes:
        if node.op == "placeholder":
            values[node] = builder.input(next(pending))
        elif node.op == "output":
            results = resolve(node.args[0])
        elif node.op == "call_function":
            values[node] = translate(builder, node, resolve)
        else:
            values[node] = _constant(getattr(traced, str(node.target)))
    return builder.build(dict(zip(outputs, results, strict=True)))


def _constant(tensor: Tensor) -> float:
    """Return the number that a tensor made in the function holds."""
    if tensor.numel() != 1:
        raise ScanError(
            f"a constant tensor of shape {tuple(tensor.shape)} cannot be compiled, "
            "only single numbers"
        )
    if tensor.requires_grad:
        raise ScanError(
            "a tensor from outside the step has a gradient; declare it as a parameter"
        )
    return float(tensor)
