"""Compile C kernels and keep them in a cache on disk.

A kernel is named by a hash of everything that decides its code: source, flags and the
instruction set it was compiled for. Any number of processes may build the same kernel
at once; the last rename wins and all of them are equal.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import ScanError

__all__ = ["cache_folder", "compiler", "load"]

_FLAGS = (
    "-O3", "-std=gnu11", "-shared", "-fPIC", "-fopenmp-simd", "-fno-math-errno",
    "-fno-trapping-math", "-fno-signed-zeros", "-ffp-contract=fast",
    # Both move arithmetic into branches, which then cannot become vector selects.
    "-fno-tree-pre", "-fno-tree-sink",
)  # fmt: skip


def cache_folder() -> Path:
    """Return the folder of compiled kernels.

    ``BMI_DMX_CACHE`` names it; otherwise it is ``bmi_dmx`` in the user's cache folder.
    """
    named = os.environ.get("BMI_DMX_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "bmi_dmx"


def compiler() -> str | None:
    """Return the C compiler: ``$CC``, else the first of cc, gcc, clang on the path."""
    named = os.environ.get("CC")
    if named:
        return shutil.which(named)
    return next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


def _march() -> str:
    return os.environ.get("BMI_DMX_MARCH", "native")


@cache
def _processor() -> str:
    """Return what identifies this processor's instruction set."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith(("flags", "Features")):
                    return line
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _name(source: str) -> str:
    march = _march()
    target = _processor() if march == "native" else march
    text = "\0".join((source, *_FLAGS, platform.system(), platform.machine(), target))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _command(cc: str, vector_math: bool) -> list[str]:
    command = [cc, *_FLAGS]
    if platform.machine() in ("x86_64", "AMD64"):
        command += [f"-march={_march()}"]
        if "clang" not in Path(os.path.realpath(cc)).name:
            command += ["-mprefer-vector-width=512"]
    return [*command, "-DVECTOR_MATH"] if vector_math else command


def _compile(cc: str, source: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        text, made = Path(folder, "kernel.c"), Path(folder, "kernel.so")
        text.write_text(source, encoding="utf-8")
        # Vector math comes with glibc alone; elsewhere exp and log are scalar.
        for vector_math in (True, False):
            libraries = ["-lmvec", "-lm"] if vector_math else ["-lm"]
            command = [
                *_command(cc, vector_math),
                str(text),
                "-o",
                str(made),
                *libraries,
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                os.replace(made, target)
                return
    raise ScanError(f"{cc} could not compile a kernel:\n{done.stderr.strip()[:2000]}")


@cache
def load(source: str) -> ctypes.CDLL | None:
    """Return the compiled kernel, or None where it cannot be made.

    Looks in memory, then in the cache folder, then compiles. Without a compiler, or
    without a writable cache folder, a warning says so once.
    """
    path = cache_folder() / f"{_name(source)}.so"
    if path.is_file():
        return _open(path)
    cc = compiler()
    if cc is None:
        _warn_once("no C compiler was found (cc, gcc or clang, or set CC)")
        return None
    try:
        _compile(cc, source, path)
    except OSError as error:
        _warn_once(f"the kernel cache {path.parent} is not usable ({error})")
        return None
    return _open(path)


def _open(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    span: list[Any] = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
    library.forward.argtypes = span
    library.forward.restype = ctypes.c_int
    library.step.argtypes = [ctypes.c_void_p]
    library.step.restype = ctypes.c_int
    for name in ("groups", "chunks"):
        function = getattr(library, name)
        function.argtypes = [ctypes.c_void_p]
        function.restype = ctypes.c_int64
    if hasattr(library, "backward"):
        library.backward.argtypes = span
        library.backward.restype = ctypes.c_int
    return library


@cache
def _warn_once(reason: str) -> None:
    warnings.warn(
        f"{reason}; running the uncompiled time loop, which is much slower",
        RuntimeWarning,
        stacklevel=4,
    )
