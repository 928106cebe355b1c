"""Counted instructions: steadier than time on a machine that others use, too."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Callable
from functools import cache

__all__ = ["instructions_of", "why_not_counted"]

_SYSTEM_CALL = {"x86_64": 298, "aarch64": 241}
"""Number of ``perf_event_open``, see its manual page."""

_SIZE = 112
_HARDWARE, _INSTRUCTIONS = 0, 1
_NOT_OF_THE_KERNEL = (1 << 5) | (1 << 6)
"""Instructions of the system are left out: to count them takes more rights."""

_CALLS = 200


@cache
def _counter() -> int | str:
    """Return a file that counts what this process runs, or why there is none."""
    number = _SYSTEM_CALL.get(platform.machine())
    if platform.system() != "Linux" or number is None:
        return f"no counter is known of {platform.system()} on {platform.machine()}"
    settings = bytearray(_SIZE)
    struct.pack_into("<IIQ", settings, 0, _HARDWARE, _SIZE, _INSTRUCTIONS)
    struct.pack_into("<Q", settings, 40, _NOT_OF_THE_KERNEL)
    buffer = (ctypes.c_char * _SIZE).from_buffer(settings)
    library = ctypes.CDLL(None, use_errno=True)
    descriptor = int(library.syscall(number, buffer, 0, -1, -1, 0))
    if descriptor < 0:
        return f"perf_event_open: {os.strerror(ctypes.get_errno())}"
    return descriptor


def why_not_counted() -> str | None:
    """Return why instructions cannot be counted here; None where they can."""
    counter = _counter()
    return counter if isinstance(counter, str) else None


def instructions_of(function: Callable[[], object]) -> float | None:
    """Return the instructions of one call, the mean of many after a first one.

    None where nothing counts them.
    """
    counter = _counter()
    if isinstance(counter, str):
        return None
    function()
    repeated = range(_CALLS)
    before = os.read(counter, 8)
    for _ in repeated:
        function()
    after = os.read(counter, 8)
    (begin,), (end,) = struct.unpack("<Q", before), struct.unpack("<Q", after)
    return float(end - begin) / _CALLS
