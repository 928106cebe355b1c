"""What a measurement is: timing, memory, and the records that results are kept in."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import process_time
from typing import Any, TypeVar

from ..describe import versions
from ..errors import DmxError
from ..files import atomic
from ..kernels.build import compiler
from ..kernels.memory import forget

__all__ = [
    "Effort",
    "Record",
    "Value",
    "compiler_seconds",
    "hardware",
    "in_new_process",
    "peak_growth",
    "resident",
    "seconds_of",
    "seconds_of_two",
    "write",
]

Result = TypeVar("Result")
Value = str | int | float | None
"""What a flat record holds."""

_BATCH_SECONDS = 2e-3


@dataclass(frozen=True)
class Effort:
    """How long to measure: until both are reached, but no longer than the limit.

    Parameters
    ----------
    repeats : int
        Least number of samples.
    seconds : float
        Least CPU seconds in all.
    limit : float
        CPU seconds after which no further sample is begun.
    """

    repeats: int = 5
    seconds: float = 0.5
    limit: float = 30.0


@dataclass(frozen=True, kw_only=True)
class Record:
    """One result.

    Parameters
    ----------
    case : str
        What was measured.
    implementation : str
        What did the work.
    sizes : mapping
        Sizes and settings of the case.
    forward_s, backward_s : float or None
        CPU seconds; of a component, ``forward_s`` is one update.
    memory_bytes : int or None
        What the case needs in memory.
    more : mapping
        Whatever else there is to say.
    """

    case: str
    implementation: str
    sizes: Mapping[str, Value] = field(default_factory=dict)
    forward_s: float | None = None
    backward_s: float | None = None
    memory_bytes: int | None = None
    more: Mapping[str, Value] = field(default_factory=dict)

    def flat(self) -> dict[str, Value]:
        """Return the record as one level of JSON values."""
        return {
            "case": self.case,
            "implementation": self.implementation,
            **self.sizes,
            "forward_s": self.forward_s,
            "backward_s": self.backward_s,
            "memory_bytes": self.memory_bytes,
            **self.more,
        }


def compiler_seconds() -> float:
    """Return the CPU seconds of all that this process has run and waited for."""
    children = getrusage(RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def seconds_of(function: Callable[[], object], effort: Effort) -> float:
    """Return the CPU seconds of one call, the median of samples after a first call.

    A sample of a short function is a loop of calls, so that reading the clock does not
    count.
    """
    function()
    calls = 1
    while (spent := _loop(function, calls)) < _BATCH_SECONDS:
        calls = max(2 * calls, round(0.8 * calls * _BATCH_SECONDS / max(spent, 1e-9)))
    (median,) = _medians(lambda: (_loop(function, calls),), effort)
    return median / calls


def _loop(function: Callable[[], object], calls: int) -> float:
    repeated = range(calls)
    start = process_time()
    for _ in repeated:
        function()
    return process_time() - start


def seconds_of_two(
    first: Callable[[], Result], second: Callable[[Result], object], effort: Effort
) -> tuple[float, float]:
    """Return the CPU seconds of a function, and of another on what the first returns.

    Both are medians of samples after a first call of each.
    """
    second(first())

    def sample() -> tuple[float, ...]:
        start = process_time()
        result = first()
        middle = process_time()
        second(result)
        return middle - start, process_time() - middle

    forward, backward = _medians(sample, effort)
    return forward, backward


def _medians(
    sample: Callable[[], tuple[float, ...]], effort: Effort
) -> tuple[float, ...]:
    samples: list[tuple[float, ...]] = []
    spent = 0.0
    while len(samples) < effort.repeats or spent < effort.seconds:
        samples.append(sample())
        spent += sum(samples[-1])
        if spent > effort.limit:
            break
    return tuple(map(statistics.median, zip(*samples, strict=True)))


def resident() -> int | None:
    """Return the resident memory of this process in bytes; None outside Linux."""
    return _status("VmRSS")


def _status(key: str) -> int | None:
    try:
        with open("/proc/self/status", encoding="utf-8") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name == key:
                    return int(value.split()[0]) * 1024
    except OSError:
        pass
    return None


def peak_growth(function: Callable[[], object]) -> int | None:
    """Return by how much resident memory grows at most during a call, in bytes.

    What the process holds but does not use is given back first, so that the call has to
    ask for all it needs. None where the system does not tell.
    """
    gc.collect()
    forget()
    try:
        ctypes.CDLL(None).malloc_trim(0)
        # Sets the recorded peak back to what is resident now.
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except (OSError, AttributeError):
        return None
    before = _status("VmRSS")
    function()
    peak = _status("VmHWM")
    return None if before is None or peak is None else max(0, peak - before)


def in_new_process(
    statement: str, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run Python in a new interpreter; return the JSON object it prints last.

    Parameters
    ----------
    statement : str
        The code.
    environment : mapping of str to str, optional
        Additional environment variables.

    Raises
    ------
    DmxError
        When it fails, with what it wrote to its error stream.
    """
    process = subprocess.run(
        [sys.executable, "-c", statement],
        capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
    )  # fmt: skip
    if process.returncode:
        raise DmxError(f"a measurement in a new process failed:\n{process.stderr}")
    result: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return result


def write(records: Sequence[Record], path: Path) -> None:
    """Write records as a JSON list of flat objects, each with date and machine."""
    around: dict[str, Value] = {
        "hardware": hardware(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": _versions(),
    }
    content = [record.flat() | around for record in records]
    with atomic(path) as temporary:
        text = json.dumps(content, indent=1, ensure_ascii=False)
        temporary.write_text(f"{text}\n", encoding="utf-8")


def hardware() -> str:
    """Return the name of the processor and how many of its cores may be used."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = [line for line in file if line.startswith("model name")]
        name = lines[0].partition(":")[2].strip() if lines else name
    except OSError:
        pass
    return f"{name}, {os.cpu_count()} cores"


@cache
def _versions() -> str:
    packages = versions(("torch", "numpy"))
    return ", ".join([*(f"{n} {v}" for n, v in packages.items()), _compiler()])


def _compiler() -> str:
    command = compiler()
    if command is None:
        return "no C compiler"
    process = subprocess.run(
        [*command, "--version"], capture_output=True, text=True, check=False
    )
    return process.stdout.partition("\n")[0]
