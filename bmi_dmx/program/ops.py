"""The closed table of operations a program may use, and their meaning.

Each operation has a NumPy function and, if it is elementwise, a C expression. Masks
(``boolean=True``) never become C variables: their expressions are repeated where they
are used, which lets the compiler keep them in mask registers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

__all__ = ["OPS", "Op", "fold"]


@dataclass(frozen=True)
class Op:
    """One operation.

    Parameters
    ----------
    numpy : callable
        Its value on arrays.
    c : str or None
        Its C expression over ``{0}, {1} …``; None for operations on shapes.
    boolean : bool
        Whether the result is a mask.
    shaped : (int, int)
        Least and largest number of arguments of an operation on shapes.
    """

    numpy: Callable[..., Any]
    c: str | None = None
    boolean: bool = False
    shaped: tuple[int, int] = (0, 0)

    @property
    def arguments(self) -> tuple[int, int]:
        """Least and largest number of arguments."""
        if self.c is None:
            return self.shaped
        count = len(set(re.findall(r"{(\d)}", self.c)))
        return count, count


def _sigmoid(x: Any) -> Any:
    # Written so that neither branch overflows.
    e = np.exp(-np.abs(x))
    return np.where(np.asarray(x) >= 0, 1.0, e) / (1.0 + e)


def _squeeze(x: Any, axis: int) -> Any:
    return np.squeeze(x, axis) if x.shape[axis] == 1 else x


def _expand(x: Any, shape: list[int]) -> Any:
    sizes = (1,) * (len(shape) - np.ndim(x)) + np.shape(x)
    target = [k if s == -1 else s for s, k in zip(shape, sizes, strict=True)]
    return np.broadcast_to(x, target)


def _slice(x: Any, axis: int, start: int, stop: int, step: int = 1) -> Any:
    index = [slice(None)] * x.ndim
    index[axis] = slice(start, stop, step)
    return x[tuple(index)]


def _matmul(a: Any, b: Any) -> Any:
    # Row by row: libraries round the rows at the end of a table in another way, so that
    # numbers of a place would depend on how many there are and where it stands.
    if np.ndim(a) == 2 and np.ndim(b) == 2:
        return np.matmul(a[:, None, :], b)[:, 0]
    return np.matmul(a, b)


def _sum(x: Any, axes: list[int], keep: int) -> Any:
    # As in PyTorch, no axes are all of them; to NumPy an empty tuple is none.
    return np.sum(x, axis=tuple(axes) or None, keepdims=bool(keep))


def _amax(x: Any, axes: list[int], keep: int) -> Any:
    return np.max(x, axis=tuple(axes) or None, keepdims=bool(keep))


def _mean(x: Any, axes: list[int], keep: int) -> Any:
    return np.mean(x, axis=tuple(axes) or None, keepdims=bool(keep))


def _rows(table: Any, index: Any) -> Any:
    # No index is out of the table but those of a damaged program.
    return np.take(table, np.asarray(index).astype(np.intp), axis=0, mode="clip")


def _roll(x: Any, shifts: list[int], axes: list[int]) -> Any:
    # Two pieces in the other order; NumPy's own takes longer over small fields.
    for shift, axis in zip(shifts, axes, strict=True):
        size = x.shape[axis]
        at = -shift % size if size else 0
        if at:
            pieces = (_slice(x, axis, at, size), _slice(x, axis, 0, at))
            x = np.concatenate(pieces, axis)
    return x


def _convolution(x: Any, weight: Any, padding: list[int]) -> Any:
    """Return the cross-correlation of (N, C, *field) with (O, C, *kernel)."""
    edges = [(0, 0), (0, 0), *((width, width) for width in padding)]
    axes = tuple(range(2, np.ndim(x)))
    windows = sliding_window_view(np.pad(x, edges), weight.shape[2:], axes)
    kernel = tuple(range(-len(axes), 0))
    # Channels and the places of the kernel are summed over.
    correlation = np.tensordot(windows, weight, ((1, *kernel), (1, *axes)))
    return np.moveaxis(correlation, -1, 1)


_ELEMENTWISE: dict[str, Op] = {
    "add": Op(np.add, "({0} + {1})"),
    "sub": Op(np.subtract, "({0} - {1})"),
    "mul": Op(np.multiply, "({0} * {1})"),
    "div": Op(np.divide, "({0} / {1})"),
    "neg": Op(np.negative, "(-{0})"),
    "abs": Op(np.abs, "FABS({0})"),
    "exp": Op(np.exp, "EXP({0})"),
    "log": Op(np.log, "LOG({0})"),
    "log1p": Op(np.log1p, "LOG1P({0})"),
    "expm1": Op(np.expm1, "EXPM1({0})"),
    "sqrt": Op(np.sqrt, "SQRT({0})"),
    "sin": Op(np.sin, "SIN({0})"),
    "cos": Op(np.cos, "COS({0})"),
    "tan": Op(np.tan, "TAN({0})"),
    "acos": Op(np.arccos, "ACOS({0})"),
    "tanh": Op(np.tanh, "TANH({0})"),
    "sigmoid": Op(_sigmoid, "(ONE / (ONE + EXP(-{0})))"),
    "maximum": Op(np.maximum, "MAXIMUM({0}, {1})"),
    "minimum": Op(np.minimum, "MINIMUM({0}, {1})"),
    "where": Op(np.where, "({0} ? {1} : {2})"),
    "gt": Op(np.greater, "({0} > {1})", boolean=True),
    "ge": Op(np.greater_equal, "({0} >= {1})", boolean=True),
    "lt": Op(np.less, "({0} < {1})", boolean=True),
    "le": Op(np.less_equal, "({0} <= {1})", boolean=True),
    "eq": Op(np.equal, "({0} == {1})", boolean=True),
    "ne": Op(np.not_equal, "({0} != {1})", boolean=True),
    "and": Op(np.logical_and, "({0} & {1})", boolean=True),
    "or": Op(np.logical_or, "({0} | {1})", boolean=True),
    "not": Op(np.logical_not, "(!{0})", boolean=True),
}

_SHAPED: dict[str, Op] = {
    "arange": Op(
        lambda start, stop, step: np.arange(start, stop, step, dtype=float),
        shaped=(3, 3),
    ),
    "matmul": Op(_matmul, shaped=(2, 2)),
    "transpose": Op(np.transpose, shaped=(2, 2)),
    "reshape": Op(np.reshape, shaped=(2, 2)),
    "expand": Op(_expand, shaped=(2, 2)),
    "expand_dims": Op(np.expand_dims, shaped=(2, 2)),
    "squeeze": Op(_squeeze, shaped=(2, 2)),
    "cat": Op(lambda arrays, axis: np.concatenate(arrays, axis), shaped=(2, 2)),
    "slice": Op(_slice, shaped=(4, 5)),
    "take": Op(lambda x, axis, index: np.take(x, index, axis), shaped=(3, 3)),
    "sum": Op(_sum, shaped=(3, 3)),
    "mean": Op(_mean, shaped=(3, 3)),
    "amax": Op(_amax, shaped=(3, 3)),
    "roll": Op(_roll, shaped=(3, 3)),
    "cumsum": Op(np.cumsum, shaped=(2, 2)),
    "rows": Op(_rows, shaped=(2, 2)),
    "trunc": Op(np.trunc, shaped=(1, 1)),
    "convolution": Op(_convolution, shaped=(3, 3)),
}

OPS: dict[str, Op] = {**_ELEMENTWISE, **_SHAPED}


def fold(op: str, args: tuple[Any, ...]) -> Any:
    """Return the constant or argument that ``op(*args)`` reduces to, else None.

    Only reductions that are exact in floating point are made; ``x * 0`` is not one of
    them for a NaN or infinite ``x``, but programs run on finite numbers only.
    """
    if op in _SHAPED:
        return None
    if all(isinstance(a, (int, float)) for a in args) and not OPS[op].boolean:
        with np.errstate(all="ignore"):
            value = float(OPS[op].numpy(*args))
        return value if math.isfinite(value) else None
    match op, args:
        case ("add", (0.0, x)) | ("add", (x, 0.0)) | ("sub", (x, 0.0)):
            return x
        case ("mul", (1.0, x)) | ("mul", (x, 1.0)) | ("div", (x, 1.0)):
            return x
        case ("mul", (0.0, _)) | ("mul", (_, 0.0)):
            return 0.0
        case ("where", (_, x, y)) if x == y:
            return x
    return None
