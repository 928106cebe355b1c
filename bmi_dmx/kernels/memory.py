"""Memory that is used again.

A large new array costs a fault for each of its pages, which for what kernels work on is
as much time as the work. What is given back waits for who needs as much.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

__all__ = ["borrowed", "forget", "given_back", "lent", "retained"]

Array = np.ndarray[Any, np.dtype[Any]]

_MOST = 1 << 29
"""Bytes that wait at most; what is more goes back to the system."""

_LEAST = 1 << 16
"""Bytes of the smallest array that is worth it."""

# As mallopt(3) of the GNU C library numbers them: bytes from which an array is mapped
# by itself, and bytes at the end of its memory from which they are given back.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1

# Without a lock: arrays also come back while memory is cleared up, which may be at any
# time, in whatever holds one. To put into a list and to take out are of one piece.
_waiting: dict[int, list[Array]] = {}


def _capacity(size: int) -> int:
    """Return the bytes set aside for some: few sizes, so that arrays fit again."""
    power = 1 << max(size - 1, 1).bit_length()
    return power * 3 // 4 if size <= power * 3 // 4 else power


def borrowed(size: int, dtype: str) -> Array:
    """Return a flat array with any numbers in it.

    Parameters
    ----------
    size : int
        Numbers.
    dtype : str
        Their type.
    """
    kind = np.dtype(dtype)
    capacity = _capacity(max(size * kind.itemsize, 1))
    try:
        whole = _waiting.setdefault(capacity, []).pop()
    except IndexError:
        whole = np.empty(capacity, np.uint8)
    return whole[: size * kind.itemsize].view(kind)


def given_back(array: Array) -> None:
    """Take back what :func:`borrowed` returned, which nobody reads any more."""
    whole = array
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    if whole.nbytes >= _LEAST:
        _wait(whole)


def forget() -> None:
    """Let the system have what waits."""
    _waiting.clear()


def lent(size: int, dtype: str) -> Array:
    """Return a flat array that comes back by itself when nothing refers to it."""
    array = borrowed(size, dtype)
    whole: Any = array
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    shown = np.frombuffer(memoryview(whole)[: array.nbytes], array.dtype)
    if whole.nbytes >= _LEAST:
        weakref.finalize(shown, _wait, whole).atexit = False
    return shown


@contextmanager
def retained() -> Iterator[None]:
    """Let the C library hold what is freed, to be used again.

    By itself it gives large arrays back to the system at once. A loop that makes the
    same ones over and over, as training does, then spends its time on faults of pages.
    Where the library is not GNU's, nothing changes.
    """
    try:
        library = ctypes.CDLL(None)
        choose, trim = library.mallopt, library.malloc_trim
    except (OSError, AttributeError, TypeError):
        yield
        return
    choose(_MMAP_THRESHOLD, (1 << 31) - 1)
    choose(_TRIM_THRESHOLD, -1)
    try:
        yield
    finally:
        # It cannot tell what was; these are what it comes to after large arrays.
        choose(_MMAP_THRESHOLD, 32 << 20)
        choose(_TRIM_THRESHOLD, 64 << 20)
        trim(0)


def _wait(whole: Array) -> None:
    waiting = sum(size * len(arrays) for size, arrays in tuple(_waiting.items()))
    if waiting + whole.nbytes <= _MOST:
        _waiting.setdefault(whole.nbytes, []).append(whole)
