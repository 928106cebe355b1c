"""What the processor is, and which portable instruction sets it runs."""

from __future__ import annotations

import platform
from functools import cache

__all__ = ["DEFAULT_LEVEL", "LEVELS", "features", "levels"]

# The x86-64 psABI's levels, the highest first, by the features each adds to the next,
# as the Linux kernel calls them.
_ADDED = {
    "x86-64-v4": "avx512f avx512bw avx512cd avx512dq avx512vl",
    "x86-64-v3": "abm avx avx2 bmi1 bmi2 f16c fma movbe xsave",
    "x86-64-v2": "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3",
    "x86-64": "",
}

_IS_X86 = platform.machine() in ("x86_64", "AMD64")

LEVELS: tuple[str, ...] = tuple(_ADDED) if _IS_X86 else (platform.machine(),)
"""Instruction sets that kernels can be compiled for elsewhere, the highest first.

Processors that are not x86-64 have one, their compiler's own choice.
"""

DEFAULT_LEVEL = "x86-64-v3" if _IS_X86 else LEVELS[0]
"""The level of every server of the last decade."""


@cache
def features() -> str:
    """Return what identifies this processor's instruction set."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith(("flags", "Features")):
                    return line
    except OSError:
        pass
    return platform.processor() or platform.machine()


def levels() -> tuple[str, ...]:
    """Return those of :data:`LEVELS` that this processor runs, the highest first."""
    if not _IS_X86:
        return LEVELS
    flags = set(features().split())
    runs: list[str] = []
    for level in reversed(LEVELS):
        if not flags.issuperset(_ADDED[level].split()):
            break
        runs.insert(0, level)
    return tuple(runs)
