"""Kernels compiled to stop at the first fault, by each compiler that can."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O0",
)  # fmt: skip
"""Without optimisation every access of the text is made, and watched."""

LIBRARIES = {
    "gcc": ("libasan.so", ()),
    "clang": (f"libclang_rt.asan-{platform.machine()}.so", ("-shared-libasan",)),
}
"""What a compiler calls the library that has to be loaded before Python, and the flags
that make kernels look for it there."""


def library(compiler: str) -> Path | None:
    """Return the library that has to be loaded first, if there is one."""
    program = shutil.which(compiler)
    if program is None or sys.platform != "linux":
        return None
    command = [program, f"-print-file-name={LIBRARIES[compiler][0]}"]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    path = Path(os.path.realpath(output.strip()))
    return path if path.is_absolute() and path.is_file() else None


COMPILERS = [
    pytest.param(
        compiler,
        marks=pytest.mark.skipif(
            library(compiler) is None, reason=f"no sanitizers of {compiler}"
        ),
    )
    for compiler in LIBRARIES
]
"""Those that can, others being skipped."""


def sanitized(
    module: str, folder: Path, compiler: str, *faults: str
) -> subprocess.CompletedProcess[str]:
    """Run a module that runs kernels, compiled to stop at the first fault.

    Parameters
    ----------
    module : str
        Its name; it takes a folder with programs, and the faults that it is to make.
    folder : Path
        The programs.
    compiler : str
        One of :data:`LIBRARIES`.
    *faults : str
        None, where all is well.
    """
    environment = {
        **os.environ, "LD_PRELOAD": str(library(compiler)), "CC": compiler,
        "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", module, str(folder), *faults],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
