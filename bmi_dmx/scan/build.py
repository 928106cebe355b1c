"""Compile C kernels and keep them in a cache on disk.

A kernel is named by a hash of everything that decides its code: source, flags and the
instruction set it was compiled for. Any number of processes may build the same kernel
at once; the last rename wins and all of them are equal.

Kernels may as well be compiled beforehand, for an instruction set that many processors
have, so that no compiler is needed where they run: see :func:`compile_for`.
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
from .processor import features, levels

__all__ = ["cache_folder", "compile_for", "compiler", "load"]

_FLAGS = (
    "-O3", "-std=gnu11", "-shared", "-fPIC", "-fopenmp-simd", "-fno-math-errno",
    "-fno-trapping-math", "-fno-signed-zeros", "-ffp-contract=fast",
    # Both move arithmetic into branches, which then cannot become vector selects.
    "-fno-tree-pre", "-fno-tree-sink",
)  # fmt: skip

_NO_COMPILER = "no C compiler was found (cc, gcc or clang, or set CC)"


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


def _name(source: str, march: str) -> str:
    """Return the file name of a kernel."""
    target = features() if march == "native" else march
    text = "\0".join((source, *_FLAGS, platform.system(), platform.machine(), target))
    return f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.so"


def _command(cc: str, march: str, vector_math: bool) -> list[str]:
    command = [cc, *_FLAGS]
    if platform.machine() in ("x86_64", "AMD64"):
        command += [f"-march={march}"]
        if "clang" not in Path(os.path.realpath(cc)).name:
            command += ["-mprefer-vector-width=512"]
    return [*command, "-DVECTOR_MATH"] if vector_math else command


def _compile(cc: str, source: str, march: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        text, made = Path(folder, "kernel.c"), Path(folder, "kernel.so")
        text.write_text(source, encoding="utf-8")
        # Vector math comes with glibc alone; elsewhere exp and log are scalar.
        for vector_math in (True, False):
            libraries = ["-lmvec", "-lm"] if vector_math else ["-lm"]
            command = [
                *_command(cc, march, vector_math),
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


def compile_for(level: str, source: str, folder: Path) -> None:
    """Compile a kernel for a portable instruction set, unless it is there already.

    Parameters
    ----------
    level : str
        One of :data:`bmi_dmx.scan.processor.LEVELS`; it becomes a folder of its own.
    source : str
        C text.
    folder : Path
        What ``BMI_DMX_KERNELS`` will name where the kernel is to be used.

    Raises
    ------
    ScanError
        When there is no compiler, or it fails.
    """
    cc = compiler()
    if cc is None:
        raise ScanError(f"kernels cannot be compiled: {_NO_COMPILER}")
    path = folder / level / _name(source, level)
    if not path.is_file():
        _compile(cc, source, level, path)


def _prebuilt(source: str) -> Path | None:
    """Return a kernel that was compiled beforehand for a set this processor runs."""
    named = os.environ.get("BMI_DMX_KERNELS")
    if named:
        for level in levels():
            path = Path(named, level, _name(source, level))
            if path.is_file():
                return path
    return None


@cache
def load(source: str) -> ctypes.CDLL | None:
    """Return the compiled kernel, or None where it cannot be made.

    Looks in memory, among the prebuilt kernels (``BMI_DMX_KERNELS``), in the cache
    folder, then compiles. Without a compiler, or without a writable cache folder, a
    warning says so once.
    """
    march = _march()
    path = _prebuilt(source) or cache_folder() / _name(source, march)
    if path.is_file():
        return _open(path)
    cc = compiler()
    if cc is None:
        _warn_once(_NO_COMPILER)
        return None
    try:
        _compile(cc, source, march, path)
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
