"""Traced programs of the package's own processes, kept on disk beside the kernels.

Tracing a step and its adjoint takes longer than starting a small training. Only what
the package ships is kept: of other processes nobody knows what else their steps call.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Callable, Hashable
from functools import cache
from pathlib import Path

import torch

from ..errors import BundleError
from ..files import atomic, cache_folder
from ..process import Process
from ..program import Program

__all__ = ["cached"]

_PACKAGE = __name__.partition(".")[0]


def cached(
    process: Process, identity: Hashable, what: str, traced: Callable[[], Program]
) -> Program:
    """Return a program from the cache folder, tracing it where it is not there whole.

    Parameters
    ----------
    process : Process
        Whose step is traced.
    identity : hashable
        The class, its constants and the settings of the process.
    what : str
        What is traced of it, such as ``step in float32``.
    traced : callable
        Traces the program.
    """
    try:
        path = _path(process, identity, what)
    except (TypeError, RuntimeError):  # cannot be named; no home folder, no sources
        return traced()
    program = _read(path)
    if program is None:
        program = traced()
        _write(path, program)
    return program


def _path(process: Process, identity: Hashable, what: str) -> Path:
    """Return the file of a program, named by all that decides what is in it."""
    kind = type(process)
    for base in kind.__mro__[: kind.__mro__.index(Process)]:
        _text(base)
    key = "\n".join([_sources(), torch.__version__, _text(identity), what])
    digest = hashlib.sha256(key.encode()).hexdigest()
    return cache_folder() / f"program-{digest[:32]}.json"


@cache
def _sources() -> str:
    """Return the hash of the package: any of its files may change what a step does."""
    folder = Path(__file__).parent.parent
    digest = hashlib.sha256()
    paths = sorted(folder.rglob("*.py"))
    if not paths:
        raise RuntimeError(f"{folder}: the sources of the package cannot be read")
    for path in paths:
        digest.update(f"{path.relative_to(folder)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _text(value: object) -> str:
    """Return text that differs for different plain values; refuse all others."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return f"{type(value).__name__}:{value!r}"
    if isinstance(value, type):
        if value.__module__.partition(".")[0] != _PACKAGE:
            raise TypeError(f"{value} is not of this package")
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))})"
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        entries = ((name, getattr(value, name)) for name in names)
        return f"{_text(type(value))}{_text(tuple(entries))}"
    raise TypeError(f"{value!r:.60} is not plain")


def _read(path: Path) -> Program | None:
    """Return a program that is whole, if it is."""
    with contextlib.suppress(OSError, ValueError, BundleError):
        digest, _, text = path.read_text(encoding="utf-8").partition("\n")
        if digest == hashlib.sha256(text.encode()).hexdigest():
            return Program.from_json(json.loads(text), str(path), trusted=True)
    return None


def _write(path: Path, program: Program) -> None:
    text = json.dumps(program.to_json())
    with contextlib.suppress(OSError, BundleError):
        # Infinite constants and lists of numbers do not come back as they were.
        if Program.from_json(json.loads(text), str(path), trusted=True) != program:
            return
        # Others may not write to the folder, or no kernel from it is run.
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with atomic(path) as temporary:
            digest = hashlib.sha256(text.encode()).hexdigest()
            temporary.write_text(f"{digest}\n{text}", encoding="utf-8")
