"""Inverse roots of many small matrices, each applied to one vector, in a kernel."""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..errors import SlowerWarning
from .build import library
from .print_c import text_of

__all__ = ["applied_roots", "sources", "terms", "triangle"]

Array = np.ndarray[Any, np.dtype[Any]]

_WIDTH = 64
"""Bytes of a vector; where registers are narrower, the compiler takes several."""

_VAGUE = 1e-2
"""Error of eigenvalues from which on roots of I + G are not to be relied on."""

_TYPES = {"float64": ("double", "sqrt"), "float32": ("float", "sqrtf")}


def applied_roots(matrix: Array, vector: Array, other: Array) -> Array | None:
    """Return (I + G)^(−1/2)a + aᵀ(I + G)⁻¹b of every case.

    None where there is no kernel, which is said once, or where G is so large that 1 is
    but rounding beside it.

    Parameters
    ----------
    matrix : ndarray
        (…, m (m + 1)/2) the lower triangle of G, row by row; it is symmetric with no
        eigenvalue below 0, and m is 2 or more.
    vector, other : ndarray
        (…, m) a and b.

    Returns
    -------
    ndarray or None
        (…, m); the scalar product is added to all entries.
    """
    kernel = _kernel(matrix.dtype.name)
    if kernel is None:
        return None
    members = vector.shape[-1]
    matrix, vector, other = map(np.ascontiguousarray, (matrix, vector, other))
    # The trace is no less than any eigenvalue.
    row, column = triangle(members)
    largest = matrix[..., row == column].sum(-1).max(initial=0.0)
    kind = matrix.dtype
    if not largest * np.finfo(kind).eps < _VAGUE:
        return None
    shift, weight = (x.astype(kind) for x in terms(_rounded(largest), kind.name))
    result = np.empty_like(vector)
    count = vector.size // members
    pointers = [x.ctypes.data for x in (matrix, vector, other)]
    if kernel(
        count, members, *pointers, len(shift), shift.ctypes.data, weight.ctypes.data,
        result.ctypes.data,
    ):  # fmt: skip
        raise MemoryError("no memory for local analyses")
    return result


@cache
def triangle(members: int) -> tuple[Array, Array]:
    """Return the rows and columns of a lower triangle, row by row."""
    row, column = np.tril_indices(members)
    return row, column


def sources() -> list[str]:
    """Return the C text of the kernels of all types of floats."""
    return [_source(kind) for kind in _TYPES]


def _source(kind: str) -> str:
    real, root = _TYPES[kind]
    lanes = _WIDTH // np.dtype(kind).itemsize
    heading = f"#define real {real}\n#define ROOT {root}\n#define LANES {lanes}\n"
    return heading + text_of("roots.c")


@cache
def _kernel(kind: str) -> Callable[..., int] | None:
    """Return the compiled function for a type of floats."""
    binary = library(_source(kind))
    if isinstance(binary, str):
        warnings.warn(
            f"{binary}; local analyses are made without a kernel, which is slower",
            SlowerWarning,
            stacklevel=4,
        )
        return None
    function = binary.roots
    integer, pointer = ctypes.c_int64, ctypes.c_void_p
    function.argtypes = [integer, integer, *[pointer] * 3, integer, *[pointer] * 3]
    function.restype = ctypes.c_int
    return function


def _rounded(largest: float) -> float:
    """Return a bound of eigenvalues that few different ones share."""
    return float(2.0 ** np.ceil(np.log2(max(float(largest), 1.0))))


@cache
def terms(largest: float, kind: str) -> tuple[Array, Array]:
    """Return shifts s and weights w with Σ w/(x + s) = x^(−1/2) to rounding.

    The third method of Hale, Higham and Trefethen (2008), doi:10.1137/070700607, with
    as many terms as it takes.

    Parameters
    ----------
    largest : float
        For x from 1 to 1 + largest.
    kind : str
        Type of floats whose rounding is meant.
    """
    tried = np.geomspace(1.0, 1.0 + largest, 500)
    rounding = 4.0 * np.finfo(kind).eps
    best: tuple[Array, Array] | None = None
    least = np.inf
    # With more terms than it takes, rounding in them has the last word.
    for count in range(2, 100):
        rule = _quadrature(1.0 + largest, count)
        approximation = (rule[1] / (tried[:, None] + rule[0])).sum(-1)
        error = np.abs(approximation * np.sqrt(tried) - 1.0).max()
        if error < least:
            best, least = rule, error
        if error < rounding:
            break
    assert best is not None
    return best


def _quadrature(largest: float, count: int) -> tuple[Array, Array]:
    """Return shifts and weights of the midpoint rule in elliptic coordinates.

    Shifts lie symmetrically about the root of the largest x, so that those of one half
    and their functions give the other.
    """
    complement = 1.0 / np.sqrt(largest)
    period = np.pi / 2.0 / _means(complement)[-1][0]
    at = (np.arange((count + 1) // 2) + 0.5) * period / count
    cotangent, dn = _elliptic(at, complement)
    step = 2.0 * period / (np.pi * count)
    square = cotangent**2
    low, high = 1.0 / square, largest * square
    weight = step * dn * (1.0 + square)
    mirrored = slice(count // 2 - 1, None, -1)
    above = (np.sqrt(largest) * weight)[mirrored]
    return (
        np.concatenate([low, high[mirrored]]),
        np.concatenate([weight * low, above]),
    )


def _means(complement: float) -> list[tuple[float, float]]:
    """Return arithmetic and geometric means of 1 and a number, until they agree."""
    means = [(1.0, complement)]
    while abs(means[-1][0] - means[-1][1]) > 1e-15 * means[-1][0]:
        a, b = means[-1]
        means.append(((a + b) / 2.0, float(np.sqrt(a * b))))
    return means


def _elliptic(u: Array, complement: float) -> tuple[Array, Array]:
    """Return cn/sn and dn of Jacobi with a complementary modulus k', for u below K/2.

    By descending means with ratios alone, which keep all digits however small the
    complement is (Bulirsch 1965, doi:10.1007/BF01397975).
    """
    means = _means(complement)
    angle = means[-1][0] * u
    ratio = 1.0 / np.tan(angle)
    cotangent, dn = means[-1][0] * ratio, np.ones_like(u)
    for a, b in reversed(means[:-1]):
        ratio = ratio * cotangent
        cotangent = cotangent * dn
        dn = (b + ratio) / (a + ratio)
        ratio = cotangent / a
    return cotangent, dn
