"""What is kept of an array: a hash of its bytes, and a few of its numbers."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

__all__ = [
    "Array",
    "Record",
    "Records",
    "condensed",
    "differences",
    "machine",
    "read_records",
    "record",
    "write_records",
]

Array = np.ndarray[Any, np.dtype[Any]]

_FEW = 3
_CHOICES = (
    "BMI_DMX_KERNELS", "BMI_DMX_MARCH", "MKL_CBWR", "NPY_DISABLE_CPU_FEATURES",
    "OPENBLAS_CORETYPE",
)  # fmt: skip
"""Environment variables that decide which instructions are used."""


@dataclass(frozen=True)
class Record:
    """What is kept of an array.

    Parameters
    ----------
    digest : int
        The first 8 bytes of the sha256 of its bytes.
    sample : ndarray
        A few of its numbers, evenly through it.
    """

    digest: int
    sample: Array


Records = dict[str, Record]


def record(content: bytes, numbers: Array, count: int = _FEW) -> Record:
    """Return the record of some bytes and of the numbers in them."""
    digest = int.from_bytes(hashlib.sha256(content).digest()[:8], "little")
    flat = np.asarray(numbers, dtype=np.float64).ravel()
    # One back for each that follows: where rows are of as many places, another place.
    at = {flat.size * k // count - 1 - (count - k) for k in range(1, count + 1)}
    return Record(digest, flat[sorted({max(0, n) for n in at}) if flat.size else []])


def condensed(arrays: Mapping[str, Array]) -> Records:
    """Return the records of arrays."""
    return {name: record(_content(array), array) for name, array in arrays.items()}


def _content(array: Array) -> bytes:
    if array.dtype.kind == "f":
        # There are many NaN, and which of them it is does not matter.
        array = np.where(np.isnan(array), np.array(np.nan, array.dtype), array)
    return array.tobytes()


def differences(
    expected: Records, actual: Records, *, bitwise: bool, rtol: float, atol: float
) -> list[str]:
    """Return what does not agree, a line each; what is new is no difference.

    Parameters
    ----------
    expected, actual : dict of str to Record
        By name.
    bitwise : bool
        Whether the hashes have to agree.
    rtol, atol : float
        What numbers may differ where they need not be the same bit for bit.
    """
    missing = [f"{name}: missing" for name in expected if name not in actual]
    return missing + [
        f"{name}: expected {expected[name].sample}, found {actual[name].sample}"
        for name in expected
        if name in actual
        and not _agree(expected[name], actual[name], bitwise, rtol, atol)
    ]


def _agree(a: Record, b: Record, bitwise: bool, rtol: float, atol: float) -> bool:
    if bitwise:
        return a.digest == b.digest
    if a.sample.shape != b.sample.shape:
        return False
    return np.allclose(b.sample, a.sample, rtol=rtol, atol=atol, equal_nan=True)


def write_records(path: Path, groups: Mapping[str, Records]) -> None:
    """Write groups of records, which are the same file whenever they are the same."""
    names = [f"{group}\t{name}" for group in groups for name in groups[group]]
    whole = [entry for records in groups.values() for entry in records.values()]
    np.savez_compressed(
        path,
        names=np.frombuffer("\n".join(names).encode(), dtype=np.uint8),
        digests=np.array([entry.digest for entry in whole], dtype=np.uint64),
        sizes=np.array([entry.sample.size for entry in whole], dtype=np.uint8),
        samples=np.concatenate([entry.sample for entry in whole]),
    )


def read_records(path: Path) -> dict[str, Records]:
    """Return what :func:`write_records` wrote."""
    groups: dict[str, Records] = {}
    with np.load(path, allow_pickle=False) as file:
        names = file["names"].tobytes().decode().split("\n")
        edges = np.cumsum(file["sizes"], dtype=np.int64)[:-1]
        samples = np.split(file["samples"], edges)
        for name, digest, sample in zip(names, file["digests"], samples, strict=True):
            group, _, short = name.partition("\t")
            groups.setdefault(group, {})[short] = Record(int(digest), sample)
    return groups


def machine() -> dict[str, str]:
    """Return all that decides the last digit of a number.

    Where it is the same, numbers are the same bit for bit.
    """
    return {
        "processor": hashlib.sha256(_features().encode()).hexdigest(),
        "libc": " ".join(platform.libc_ver()),
        "compiler": _compiler(),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "settings": " ".join(_settings()),
    }


def _features() -> str:
    """Return the instruction sets of the processor, as the kernel lists them."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith(("flags", "Features")):
                    return line
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _compiler() -> str:
    """Return the first line that the C compiler says of itself; empty without one."""
    words = shlex.split(os.environ.get("CC", ""))
    candidates = words[:1] or ["cc", "gcc", "clang"]
    program = next(filter(None, map(shutil.which, candidates)), None)
    if program is None:
        return ""
    command = [program, *words[1:], "--version"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    # How it was called may be any of its names.
    return process.stdout.partition("\n")[0].partition(" ")[2]


def _settings() -> Iterator[str]:
    for name in _CHOICES:
        if os.environ.get(name):
            yield f"{name}={os.environ[name]}"
