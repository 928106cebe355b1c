"""From PyTorch to programs: trace a time step, its adjoint, or a network.

The function is traced to core ATen operations by ``make_fx``; vector-Jacobian products
are PyTorch's own, so gradients have its conventions at ties and kinks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch._decomp import core_aten_decompositions
from torch.fx.experimental.proxy_tensor import make_fx

from ..errors import ScanError
from ..process import Process
from .program import Arg, Builder, Program, entry_names, input_names

__all__ = ["BATCH", "namespaces", "trace", "trace_adjoint", "trace_step"]

BATCH = 1_000_003
"""Batch size during tracing; where it appears in a shape, any batch size will do."""

_Translate = Callable[..., Arg]


def namespaces(process: Process, values: Mapping[str, Tensor]) -> list[SimpleNamespace]:
    """Return the (s, f, p) a step receives from values named ``s.…``, ``f.…``, ``p.…``."""

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
        collect("p", process.parameters),
    ]


def call_step(process: Process, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Run one step on values named ``s.…``, ``f.…``, ``p.…``; return ``s.…``, ``q.…``."""
    state, fluxes = process.step(*namespaces(process, values))
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
    return result


def trace_step(process: Process) -> Program:
    """Trace one time step: ``s.*, f.*, p.*`` to new ``s.*`` and fluxes ``q.*``."""
    examples = {n: torch.rand(2, dtype=torch.float64) for n in input_names(process)}
    return trace(lambda values: call_step(process, values), examples)


def trace_adjoint(process: Process, outputs: Sequence[str]) -> Program:
    """Trace the vector-Jacobian product of one time step.

    Parameters
    ----------
    process : Process
        The physics.
    outputs : sequence of str
        Fluxes (``q.…``) whose cotangents are given; others count as zero.

    Returns
    -------
    Program
        From the step's inputs and cotangents ``d.s.*``, ``d.q.*`` to gradients
        ``g.s.*``, ``g.f.*``, ``g.p.*``.
    """
    primals = input_names(process)
    kept = [n for state in process.states for n in entry_names("s", state)]
    kept += list(outputs)

    def vjp(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        def forward(*args: Tensor) -> tuple[Tensor, ...]:
            result = call_step(process, dict(zip(primals, args, strict=True)))
            # Outputs that are an input itself need a node of their own.
            return tuple(result[n] * 1.0 for n in kept)

        _, pull = torch.func.vjp(forward, *(values[n] for n in primals))
        gradients = pull(tuple(values[f"d.{n}"] for n in kept))
        return {f"g.{n}": g for n, g in zip(primals, gradients, strict=True)}

    names = [*primals, *(f"d.{n}" for n in kept)]
    return trace(vjp, {n: torch.rand(2, dtype=torch.float64) for n in names})


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
    names = list(examples)
    outputs: list[str] = []

    def flat(*args: Tensor) -> tuple[Tensor, ...]:
        result = function(dict(zip(names, args, strict=True)))
        outputs[:] = list(result)
        return tuple(result.values())

    fake = any(BATCH in tensor.shape for tensor in examples.values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = make_fx(
            torch.func.functionalize(flat, remove="mutations"),
            decomposition_table=core_aten_decompositions(),
            tracing_mode="fake" if fake else "real",
        )(*examples.values()).graph
    return _translate(graph, names, outputs)


def _translate(graph: torch.fx.Graph, names: list[str], outputs: list[str]) -> Program:
    builder = Builder()
    values: dict[torch.fx.Node, Any] = {}
    pending = iter(names)

    def resolve(arg: Any) -> Any:
        if isinstance(arg, torch.fx.Node):
            return values[arg]
        if isinstance(arg, (list, tuple)):
            return [resolve(a) for a in arg]
        return arg

    for node in graph.nodes:
        if node.op == "placeholder":
            values[node] = builder.input(next(pending))
        elif node.op == "output":
            results = resolve(node.args[0])
        elif node.op == "call_function":
            values[node] = _emit(builder, node, resolve)
        else:
            raise ScanError(f"the traced function holds a constant tensor ({node.name})")
    return builder.build(dict(zip(outputs, results, strict=True)))


def _emit(builder: Builder, node: torch.fx.Node, resolve: Callable[[Any], Any]) -> Any:
    if node.target.__class__.__name__ == "builtin_function_or_method":  # getitem
        sequence, index = resolve(node.args[0]), node.args[1]
        return sequence[index]
    name = node.target._overloadpacket.__name__  # type: ignore[union-attr]
    translate = _TRANSLATIONS.get(name)
    if translate is None:
        raise ScanError(
            f"operation {name!r} cannot be compiled; write the step with arithmetic, "
            f"comparisons, torch.where, minimum, maximum, clamp, exp, log or **"
        )
    args = [resolve(a) for a in node.args]
    kwargs = {key: resolve(value) for key, value in node.kwargs.items()}
    meta = node.meta["val"] if "val" in node.meta else node.meta.get("tensor_meta")
    return translate(builder, meta, *args, **kwargs)


def _any_batch(sizes: Sequence[int]) -> list[int]:
    return [-1 if size == BATCH else size for size in sizes]


def _plain(op: str) -> _Translate:
    return lambda b, meta, *args, **kw: b.emit(op, *_numbers(args))


def _numbers(args: Sequence[Any]) -> list[Any]:
    return [float(a) if isinstance(a, (bool, int)) else a for a in args]


def _same(b: Builder, meta: Any, x: Arg, *args: Any, **kwargs: Any) -> Arg:
    return x


def _to_copy(b: Builder, meta: Any, x: Arg, *, dtype: Any = None, **kw: Any) -> Arg:
    # The only type change in traced arithmetic is a mask used as a number.
    made = next((i for i in b.instructions if i.out == x), None)
    from .ops import OPS

    is_mask = made is not None and OPS[made.op].boolean
    return b.emit("where", x, 1.0, 0.0) if is_mask and dtype != torch.bool else x


def _scaled(op: str) -> _Translate:
    def translate(b: Builder, meta: Any, x: Arg, y: Arg, alpha: float = 1) -> Arg:
        if alpha != 1:
            y = b.emit("mul", y, float(alpha))
        return b.emit(op, *_numbers((x, y)))

    return translate


def _power(b: Builder, meta: Any, x: Arg, y: Arg) -> Arg:
    """Small constant exponents by products; others as exp(y log x), for x >= 0."""
    if isinstance(y, (int, float)):
        if y in (2, 3):
            square = b.emit("mul", x, x)
            return square if y == 2 else b.emit("mul", square, x)
        special = {0.5: ("sqrt", x), 1: None, 0: None, -1: ("div", 1.0, x)}
        if y in special:
            op = special[y]
            return b.emit(*op) if op else (x if y == 1 else 1.0)
    logarithm = b.emit("log", x)
    return b.emit("exp", b.emit("mul", y, logarithm))


def _clamp(b: Builder, meta: Any, x: Arg, low: Any = None, high: Any = None) -> Arg:
    low, high = _numbers((low, high))
    if low is not None:
        x = b.emit("maximum", x, low)
    return x if high is None else b.emit("minimum", x, high)


def _filled(b: Builder, meta: Any, like: Any, value: float, **kw: Any) -> Arg:
    return float(value)


def _full(value: float) -> _Translate:
    return lambda b, meta, *args, **kw: value


def _addmm(b: Builder, meta: Any, bias: Arg, x: Arg, w: Arg) -> Arg:
    return b.emit("add", b.emit("matmul", x, w), bias)


def _masked_fill(b: Builder, meta: Any, x: Arg, mask: Arg, value: Arg) -> Arg:
    return b.emit("where", mask, *_numbers((value, x)))


def _reshape(b: Builder, meta: Any, x: Arg, sizes: Sequence[int]) -> Arg:
    return b.emit("reshape", x, _any_batch(sizes))


def _expand(b: Builder, meta: Any, x: Arg, sizes: Sequence[int], **kw: Any) -> Arg:
    if list(sizes) == [2] or (isinstance(x, float)):
        return x  # elementwise programs carry no shapes
    return b.emit("expand", x, _any_batch(sizes))


def _slice(b: Builder, meta: Any, x: Arg, dim: int = 0, start: Any = None,
           end: Any = None, step: int = 1) -> Arg:  # fmt: skip
    return b.emit("slice", x, dim, start or 0, min(end or BATCH, BATCH), step)


def _split(b: Builder, meta: Any, x: Arg, sizes: Any, dim: int = 0) -> list[Arg]:
    if isinstance(sizes, int):
        sizes = [part.shape[dim] for part in meta]
    bounds = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
    return [
        b.emit("slice", x, dim, start, stop, 1)
        for start, stop in zip(bounds, bounds[1:], strict=False)
    ]


def _reduction(op: str) -> _Translate:
    def translate(b: Builder, meta: Any, x: Arg, axes: Any = (), keep: bool = False,
                  **kw: Any) -> Arg:  # fmt: skip
        return b.emit(op, x, list(axes), int(keep))

    return translate


def _transpose(b: Builder, meta: Any, x: Arg, axes: Any = (1, 0)) -> Arg:
    return b.emit("transpose", x, list(axes))


_TRANSLATIONS: dict[str, _Translate] = {
    **{op: _plain(op) for op in (
        "mul", "div", "neg", "abs", "exp", "log", "log1p", "expm1", "sqrt", "sin",
        "cos", "tan", "acos", "tanh", "sigmoid", "maximum", "minimum", "where", "gt",
        "ge", "lt", "le", "eq", "ne",
    )},
    "add": _scaled("add"),
    "sub": _scaled("sub"),
    "rsub": lambda b, meta, x, y, alpha=1: b.emit("sub", *_numbers((y, x))),
    "pow": _power,
    "square": lambda b, meta, x: b.emit("mul", x, x),
    "reciprocal": lambda b, meta, x: b.emit("div", 1.0, x),
    "rsqrt": lambda b, meta, x: b.emit("div", 1.0, b.emit("sqrt", x)),
    "relu": lambda b, meta, x: b.emit("maximum", x, 0.0),
    "clamp": _clamp,
    "clamp_min": lambda b, meta, x, low: _clamp(b, meta, x, low),
    "clamp_max": lambda b, meta, x, high: _clamp(b, meta, x, None, high),
    "sign": lambda b, meta, x: b.emit(
        "sub",
        b.emit("where", b.emit("gt", x, 0.0), 1.0, 0.0),
        b.emit("where", b.emit("lt", x, 0.0), 1.0, 0.0),
    ),
    "logical_and": _plain("and"),
    "bitwise_and": _plain("and"),
    "logical_or": _plain("or"),
    "bitwise_or": _plain("or"),
    "logical_not": _plain("not"),
    "bitwise_not": _plain("not"),
    "masked_fill": _masked_fill,
    "_to_copy": _to_copy,
    "clone": _same,
    "detach": _same,
    "alias": _same,
    "lift_fresh_copy": _same,
    "scalar_tensor": lambda b, meta, value, **kw: float(value),
    "full": _filled,
    "full_like": _filled,
    "zeros_like": _full(0.0),
    "ones_like": _full(1.0),
    "new_zeros": _full(0.0),
    "new_ones": _full(1.0),
    "mm": lambda b, meta, x, y: b.emit("matmul", x, y),
    "bmm": lambda b, meta, x, y: b.emit("matmul", x, y),
    "addmm": _addmm,
    "t": _transpose,
    "permute": _transpose,
    "view": _reshape,
    "_unsafe_view": _reshape,
    "expand": _expand,
    "unsqueeze": lambda b, meta, x, dim: b.emit("expand_dims", x, dim),
    "squeeze": lambda b, meta, x, dim: b.emit("squeeze", x, dim),
    "cat": lambda b, meta, arrays, dim=0: b.emit("cat", list(arrays), dim),
    "slice": _slice,
    "split": _split,
    "split_with_sizes": _split,
    "select": lambda b, meta, x, dim, index: b.emit("take", x, dim, index),
    "sum": _reduction("sum"),
    "amax": _reduction("amax"),
}  # fmt: skip
