"""Programs tried out: evaluated as long as they ask for no more than a trial may."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import BundleError
from .evaluate import evaluate
from .program import Program

__all__ = ["tried"]

Array = np.ndarray[Any, np.dtype[Any]]

_LARGEST, _IN_ALL = 1 << 22, 1 << 28
"""Most numbers that one operation may make, and all together, beside a share for each
number of the largest input."""

_SHARE, _SHARE_IN_ALL = 64, 1 << 11
Size = Callable[..., float | tuple[int, int]]

_FREE = 32
"""Multiplications that take as long as making a number."""


def tried(
    program: Program, inputs: Mapping[str, Array], source: str
) -> dict[str, Array]:
    """Return the outputs of a program that nobody has run yet.

    Sizes are found before each operation is done, so that nothing is made of what would
    take more memory or time than a trial is worth.

    Parameters
    ----------
    program, inputs
        As for :func:`~.evaluate.evaluate`.
    source : str
        What messages begin with.

    Raises
    ------
    BundleError
        When an operation asks for too much, or its arguments do not fit it.
    """
    try:
        return evaluate(program, inputs, _Allowance(inputs).spend)
    except BundleError as error:
        raise BundleError(f"{source}: {error}") from None
    except Exception as error:
        # Whatever arithmetic on arrays that do not fit may raise.
        raise BundleError(f"{source}: cannot be run: {error}") from None


class _Allowance:
    """What is left of what a trial may take."""

    def __init__(self, inputs: Mapping[str, Array]) -> None:
        largest = max((x.size for x in inputs.values()), default=1)
        self._largest = _LARGEST + _SHARE * largest
        self._left: float = _IN_ALL + _SHARE_IN_ALL * largest

    def spend(self, op: str, arguments: Sequence[Any]) -> None:
        """Take off what an operation makes, and refuse it where it is too much."""
        size: Size = _SIZES.get(op, _broadcast)
        cost = size(*arguments)
        numbers, work = cost if isinstance(cost, tuple) else (cost, 0)
        if numbers > self._largest:
            raise BundleError(
                f"operation {op!r} makes {numbers:.3g} numbers in a trial, expected "
                f"at most {self._largest:.3g}"
            )
        self._left -= numbers + work // _FREE
        if self._left < 0:
            raise BundleError(
                f"operation {op!r} is one too many: all that came before make more "
                "numbers in a trial than models do"
            )


def _broadcast(*arguments: Any) -> int:
    """Return the size of an elementwise result."""
    shapes = {x.shape for x in arguments if isinstance(x, np.ndarray)}
    return math.prod(np.broadcast_shapes(*shapes))


def _size(x: Any, *others: Any) -> int:
    return int(np.size(x))


def _arange(start: float, stop: float, step: float) -> float:
    return (stop - start) / step


def _expand(x: Any, shape: Sequence[int]) -> int:
    shapes = (1,) * (len(shape) - np.ndim(x)) + np.shape(x)
    sizes = zip(shape, shapes, strict=True)
    return int(math.prod(length if size == -1 else size for size, length in sizes))


def _cat(arrays: Sequence[Any], axis: int) -> int:
    return sum(_size(x) for x in arrays)


def _take(x: Any, axis: int, index: Sequence[int]) -> int:
    return _size(x) // max(1, int(np.shape(x)[axis])) * _size(index)


def _rows(table: Any, index: Any) -> int:
    return _size(index) * _size(table) // max(1, int(np.shape(table)[0]))


def _matmul(x: Any, y: Any) -> tuple[int, int]:
    first, second = np.shape(x), np.shape(y)
    inner = first[-1]
    batch = math.prod(np.broadcast_shapes(first[:-2], second[:-2]))
    rows = first[-2] if len(first) > 1 else 1
    columns = second[-1] if len(second) > 1 else 1
    numbers = batch * rows * columns
    return numbers, numbers * inner


def _convolution(x: Any, weight: Any, padding: Sequence[int]) -> tuple[int, int]:
    n, channels, *field = np.shape(x)
    outputs, _, *kernel = np.shape(weight)
    sizes = zip(field, kernel, padding, strict=True)
    cells = math.prod(max(0, f + 2 * p - k + 1) for f, k, p in sizes)
    windows = n * channels * cells * math.prod(kernel)
    return max(windows, n * outputs * cells), windows * outputs


_SIZES: dict[str, Size] = {
    "arange": _arange,
    "matmul": _matmul,
    "transpose": _size,
    "reshape": _size,
    "expand": _expand,
    "expand_dims": _size,
    "squeeze": _size,
    "cat": _cat,
    "slice": _size,
    "take": _take,
    "sum": _size,
    "mean": _size,
    "amax": _size,
    "roll": _size,
    "cumsum": _size,
    "rows": _rows,
    "trunc": _size,
    "convolution": _convolution,
}
"""How many numbers operations on shapes make, and how many multiplications that takes
where they are more."""
