"""What each core ATen operation of a traced function becomes in a program."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch

from ..errors import ScanError
from .ops import OPS
from .program import Arg, Builder

__all__ = ["BATCH", "translate"]

BATCH = 1_000_003
"""Batch size during tracing; where it appears in a shape, any batch size will do."""

_Translate = Callable[..., Arg]


def translate(
    builder: Builder, node: torch.fx.Node, resolve: Callable[[Any], Any]
) -> Any:
    """Emit what a node of the graph computes; return its value.

    Raises
    ------
    ScanError
        When programs have no such operation.
    """
    if node.target.__class__.__name__ == "builtin_function_or_method":  # getitem
        sequence, index = resolve(node.args[0]), node.args[1]
        return sequence[index]
    name = node.target._overloadpacket.__name__  # type: ignore[union-attr]
    emit = _TRANSLATIONS.get(name)
    if emit is None:
        raise ScanError(_IN_PLACE[name]) if name in _IN_PLACE else _refused(repr(name))
    if name == "expand" and _shape(node) == _shape(node.args[0]):
        return resolve(node.args[0])
    args = [resolve(a) for a in node.args]
    if name in _RESHAPING and isinstance(args[0], float):
        return args[0]  # a number takes any shape
    if name in _ALONG:
        (args[0],) = _arrays(builder, node.args[:1], args[:1])
    if name == "cat":
        args[0] = _arrays(builder, node.args[0], args[0])
    kwargs = {key: resolve(value) for key, value in node.kwargs.items()}
    meta = node.meta["val"] if "val" in node.meta else node.meta.get("tensor_meta")
    return emit(builder, meta, *args, **kwargs)


_IN_PLACE = {
    "copy_": "what the step is given cannot be changed in place; write x = x + y, not "
    "x += y",
    "index_put": "parts of a tensor cannot be changed; write x = torch.where(mask, y, "
    "x), not x[mask] = y",
}
"""What is said of operations that nobody wrote by these names."""


_RESHAPING = frozenset({
    "expand", "permute", "roll", "select", "slice", "squeeze", "t", "unsqueeze", "view",
    "_unsafe_view",
})  # fmt: skip
"""What leaves a field of one number such a field."""

_ALONG = frozenset({"amax", "cumsum", "mean", "sum"})
"""What needs an axis to go along."""


def _arrays(b: Builder, nodes: Any, args: Sequence[Arg]) -> list[Arg]:
    """Return fields: numbers that stand for them get their shapes."""
    return [
        b.emit("expand", x, _any_batch(_shape(node))) if isinstance(x, float) else x
        for node, x in zip(nodes, args, strict=True)
    ]


def _refused(what: str) -> ScanError:
    return ScanError(
        f"operation {what} cannot be compiled; write the step with arithmetic, "
        f"comparisons, torch.where, minimum, maximum, clamp, exp, log or **"
    )


def _shape(node: Any) -> list[int]:
    """Return the shape of what a node of the graph computes."""
    meta = node.meta["val"] if "val" in node.meta else node.meta["tensor_meta"]
    return list(meta.shape)


def _any_batch(sizes: Sequence[int]) -> list[int]:
    return [-1 if size == BATCH else size for size in sizes]


def _plain(op: str) -> _Translate:
    def translate(b: Builder, meta: Any, *args: Any, **kw: Any) -> Arg:
        for key, value in kw.items():
            # Such as a division that rounds.
            raise _refused(f"{op!r} with {key}={value!r}")
        return b.emit(op, *_numbers(args))

    return translate


def _logical(op: str) -> _Translate:
    return lambda b, meta, *args: b.emit(op, *(_mask(b, x) for x in args))


def _is_mask(b: Builder, x: Arg) -> bool:
    instruction = b.instruction_of(x)
    return instruction is not None and OPS[instruction.op].boolean


def _mask(b: Builder, x: Arg) -> Arg:
    """Return a mask of what counts as true, such as every number but 0."""
    return x if _is_mask(b, x) else b.emit("ne", *_numbers((x, 0)))


def _gives_mask(meta: Any) -> bool:
    return getattr(meta, "dtype", None) == torch.bool


def _numbers(args: Sequence[Any]) -> list[Any]:
    return [float(a) if isinstance(a, (bool, int)) else a for a in args]


def _same(b: Builder, meta: Any, x: Arg, *args: Any, **kwargs: Any) -> Arg:
    return x


def _to_copy(b: Builder, meta: Any, x: Arg, *, dtype: Any = None, **kw: Any) -> Arg:
    if dtype is None:
        return x
    if dtype == torch.bool:
        return _mask(b, x)
    instruction = b.instruction_of(x)
    if dtype == torch.int64 and instruction is not None and instruction.op == "trunc":
        return x  # an index, whole already
    # Of the floating-point types there is one in a run, but it has at least 32 bits.
    if not dtype.is_floating_point or dtype.itemsize < 4:
        raise ScanError(f"numbers cannot be made {dtype} in a compiled step")
    return b.emit("where", x, 1.0, 0.0) if _is_mask(b, x) else x


def _where(b: Builder, meta: Any, mask: Arg, x: Arg, y: Arg) -> Arg:
    if not _gives_mask(meta):
        return b.emit("where", mask, *_numbers((x, y)))
    mask, x, y = (_mask(b, part) for part in (mask, x, y))
    other = b.emit("and", b.emit("not", mask), y)
    return b.emit("or", b.emit("and", mask, x), other)


def _multiplied(b: Builder, meta: Any, x: Arg, y: Arg) -> Arg:
    if _gives_mask(meta):
        return _logical("and")(b, meta, x, y)
    return b.emit("mul", *_numbers((x, y)))


def _scaled(op: str) -> _Translate:
    def translate(b: Builder, meta: Any, x: Arg, y: Arg, alpha: float = 1) -> Arg:
        if _gives_mask(meta):
            return _logical("or")(b, meta, x, y)
        if alpha != 1:
            y = b.emit("mul", y, float(alpha))
        return b.emit(op, *_numbers((x, y)))

    return translate


_MOST_FACTORS = 1024


def _power(b: Builder, meta: Any, x: Arg, y: Arg) -> Arg:
    """Whole constant exponents by products; others as exp(y log x), for x >= 0."""
    if isinstance(y, (int, float)):
        if y == 0.5:
            return b.emit("sqrt", x)
        if float(y).is_integer() and abs(y) <= _MOST_FACTORS:
            product = _product(b, x, abs(int(y)))
            return product if y >= 0 else b.emit("div", 1.0, product)
    power = b.emit("exp", b.emit("mul", y, b.emit("log", x)))
    if isinstance(y, (int, float)) or _is_positive(b, x):
        return power
    # The logarithm of 0, 0 times, is no number; but anything to the power of 0 is 1.
    return b.emit("where", b.emit("eq", y, 0.0), 1.0, power)


def _product(b: Builder, x: Arg, factors: int) -> Arg:
    """Return x multiplied with itself, by squares."""
    product: Arg = 1.0
    while factors:
        if factors % 2:
            product = b.emit("mul", product, x)
        factors //= 2
        x = b.emit("mul", x, x) if factors else x
    return product


def _is_positive(b: Builder, x: Arg) -> bool:
    """Return whether a value is known to be above 0, because it was clamped."""
    if isinstance(x, (int, float)):
        return x > 0.0
    instruction = b.instruction_of(x)
    if instruction is None or instruction.op not in ("maximum", "minimum"):
        return False
    positive = (_is_positive(b, arg) for arg in instruction.args)
    return any(positive) if instruction.op == "maximum" else all(positive)


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


def _arange(
    b: Builder, meta: Any, start: Arg, stop: Arg, step: Arg = 1, **kw: Any
) -> Arg:
    return b.emit("arange", start, stop, step)


def _softmax(b: Builder, meta: Any, x: Arg, dim: int, half: bool) -> Arg:
    # Less the largest, so that no exponential overflows.
    powers = b.emit("exp", b.emit("sub", x, b.emit("amax", x, [dim], 1)))
    return b.emit("div", powers, b.emit("sum", powers, [dim], 1))


def _gelu(b: Builder, meta: Any, x: Arg, approximate: str = "none") -> Arg:
    if approximate != "tanh":
        raise ScanError("gelu cannot be compiled but with approximate='tanh'")
    cube = b.emit("mul", b.emit("mul", b.emit("mul", x, x), x), 0.044715)
    inner = b.emit("mul", b.emit("add", x, cube), math.sqrt(2.0 / math.pi))
    gate = b.emit("add", b.emit("tanh", inner), 1.0)
    return b.emit("mul", b.emit("mul", x, 0.5), gate)


def _squeeze(b: Builder, meta: Any, x: Arg, dims: Any) -> Arg:
    for dim in sorted([dims] if isinstance(dims, int) else dims, reverse=True):
        x = b.emit("squeeze", x, dim)
    return x


def _masked_fill(b: Builder, meta: Any, x: Arg, mask: Arg, value: Arg) -> Arg:
    return b.emit("where", mask, *_numbers((value, x)))


def _reshape(b: Builder, meta: Any, x: Arg, sizes: Sequence[int]) -> Arg:
    return b.emit("reshape", x, _any_batch(sizes))


def _expand(b: Builder, meta: Any, x: Arg, sizes: Sequence[int], **kw: Any) -> Arg:
    return b.emit("expand", x, _any_batch(sizes))


def _slice(b: Builder, meta: Any, x: Arg, dim: int = 0, start: Any = None,
           end: Any = None, step: int = 1) -> Arg:  # fmt: skip
    stop = BATCH if end is None else min(end, BATCH)
    return b.emit("slice", x, dim, start or 0, stop, step)


def _split(b: Builder, meta: Any, x: Arg, sizes: Any, dim: int = 0) -> list[Arg]:
    if isinstance(sizes, int):
        sizes = [part.shape[dim] for part in meta]
    bounds = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
    return [b.emit("slice", x, dim, start, stop, 1) for start, stop in pairwise(bounds)]


def _reduction(op: str) -> _Translate:
    def translate(b: Builder, meta: Any, x: Arg, axes: Any = (), keep: bool = False,
                  **kw: Any) -> Arg:  # fmt: skip
        return b.emit(op, x, list(axes), int(keep))

    return translate


def _roll(b: Builder, meta: Any, x: Arg, shifts: Any, dims: Any = ()) -> Arg:
    if not dims:
        raise ScanError("roll cannot be compiled without the axes it is along")
    return b.emit("roll", x, list(shifts), list(dims))


def _convolution(
    b: Builder, meta: Any, x: Arg, weight: Arg, bias: Arg | None, stride: Any,
    padding: Any, dilation: Any, transposed: bool, output_padding: Any, groups: int,
) -> Arg:  # fmt: skip
    if transposed or groups != 1 or {*stride, *dilation} != {1}:
        raise ScanError(
            "convolutions cannot be compiled with strides, dilation, groups or "
            "transposed"
        )
    correlation = b.emit("convolution", x, weight, list(padding))
    if bias is None:
        return correlation
    return b.emit(
        "add", correlation, b.emit("reshape", bias, [-1, *(1 for _ in padding)])
    )


def _transpose(b: Builder, meta: Any, x: Arg, axes: Any = (1, 0)) -> Arg:
    return b.emit("transpose", x, list(axes))


_TRANSLATIONS: dict[str, _Translate] = {
    **{op: _plain(op) for op in (
        "div", "neg", "abs", "exp", "log", "log1p", "expm1", "sqrt", "sin",
        "cos", "tan", "acos", "tanh", "sigmoid", "maximum", "minimum", "gt",
        "ge", "lt", "le", "eq", "ne", "trunc",
    )},
    "add": _scaled("add"),
    "mul": _multiplied,
    "where": _where,
    "sub": _scaled("sub"),
    "rsub": lambda b, meta, x, y, alpha=1: _scaled("sub")(b, meta, y, x, alpha),
    "pow": _power,
    "cumsum": lambda b, meta, x, dim, **kw: b.emit("cumsum", x, dim),
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
    "logical_and": _logical("and"),
    "bitwise_and": _logical("and"),
    "logical_or": _logical("or"),
    "bitwise_or": _logical("or"),
    "logical_not": _logical("not"),
    "bitwise_not": _logical("not"),
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
    # Never read: decompositions ask for tensors to be like.
    "empty": _full(math.nan),
    "empty_permuted": _full(math.nan),
    "mm": lambda b, meta, x, y: b.emit("matmul", x, y),
    "bmm": lambda b, meta, x, y: b.emit("matmul", x, y),
    "addmm": _addmm,
    "arange": _arange,
    "_softmax": _softmax,
    "roll": _roll,
    "convolution": _convolution,
    "gelu": _gelu,
    "t": _transpose,
    "permute": _transpose,
    "view": _reshape,
    "_unsafe_view": _reshape,
    "expand": _expand,
    "unsqueeze": lambda b, meta, x, dim: b.emit("expand_dims", x, dim),
    "squeeze": _squeeze,
    "embedding": lambda b, meta, table, index, *unused: b.emit("rows", table, index),
    "cat": lambda b, meta, arrays, dim=0: b.emit("cat", list(arrays), dim),
    "slice": _slice,
    "split": _split,
    "split_with_sizes": _split,
    "select": lambda b, meta, x, dim, index: b.emit("take", x, dim, index),
    "sum": _reduction("sum"),
    "mean": _reduction("mean"),
    "amax": _reduction("amax"),
}  # fmt: skip
