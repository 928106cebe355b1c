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
import logging
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from ..errors import ScanError, SlowerWarning
from ..files import cache_folder
from .kernel_files import intact, refuse_of_others, write_sealed
from .processor import LEVELS, features, levels

__all__ = ["compile_for", "compile_missing", "compiler", "library", "load"]

_log = logging.getLogger(__name__)

_FLAGS = (
    "-O3", "-std=gnu11", "-shared", "-fPIC", "-fno-math-errno", "-fno-trapping-math",
    "-fno-signed-zeros", "-ffp-contract=fast",
)  # fmt: skip
_FASTER = (
    "-fopenmp-simd",
    # Both move arithmetic into branches, which then cannot become vector selects.
    "-fno-tree-pre", "-fno-tree-sink",
)  # fmt: skip
"""Flags that not every compiler knows."""

_WIDE = "-mprefer-vector-width=512"
"""The same, of GCC on x86."""

_VECTOR_MATH = (True, False)
"""Tried in this order: it comes with glibc alone, elsewhere exp and log are scalar."""

_PATIENCE = 300.0
"""Seconds that a compiler is given for one kernel; usual ones take one."""

_NO_COMPILER = "no C compiler was found (cc, gcc or clang, or set CC)"


def _no_compiler() -> str:
    """Return why there is none."""
    setting = os.environ.get("CC", "").strip()
    return f"CC is {setting!r}, which names no program" if setting else _NO_COMPILER


def compiler() -> list[str] | None:
    """Return the C compiler: ``$CC``, else the first of cc, gcc, clang on the path.

    Returns
    -------
    list of str or None
        The program and its first arguments, as ``CC`` may have some.
    """
    try:
        command = shlex.split(os.environ.get("CC", ""))
    except ValueError:  # a quotation mark that is not closed
        return None
    if command:
        program = shutil.which(command[0])
        return [program, *command[1:]] if program else None
    first = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    return [first] if first else None


def _march() -> str:
    return os.environ.get("BMI_DMX_MARCH", "native")


def _name(source: str, march: str) -> str:
    """Return the file name of a kernel."""
    target = f"{features()} {_libc()}" if march == "native" else march
    text = "\0".join(
        (
            source,
            *_FLAGS,
            *_FASTER,
            _WIDE,
            platform.system(),
            platform.machine(),
            target,
        )
    )
    return f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.so"


def _libc() -> str:
    """Return the version of the C library, which kernels made here call."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, OSError, ValueError):
        return ""


def _command(
    cc: list[str], march: str, vector_math: bool, faster: bool = True
) -> list[str]:
    command = [*cc, *_FLAGS, *(_FASTER if faster else ())]
    if platform.machine() in ("x86_64", "AMD64"):
        command += [f"-march={march}"]
        if faster and not any(
            "clang" in Path(os.path.realpath(word)).name for word in cc
        ):
            command += [_WIDE]
    return [*command, "-DVECTOR_MATH"] if vector_math else command


def _compile(cc: list[str], source: str, march: str, target: Path) -> None:
    write_sealed(target, _compiled(cc, source, march))


@contextmanager
def _workplace(source: str) -> Iterator[Path]:
    """Give a folder with the text of a kernel in it, for the compiler."""
    try:
        folder = tempfile.TemporaryDirectory()
        text = Path(folder.name, "kernel.c")
        text.write_text(source, encoding="utf-8")
    except OSError as error:
        where = tempfile.tempdir or "any folder of temporary files"
        raise ScanError(
            f"kernels cannot be compiled in {where} ({error.strerror or error}); "
            "TMPDIR names another folder"
        ) from None
    with folder:
        yield text


def _compiled(cc: list[str], source: str, march: str) -> bytes:
    """Return what the compiler makes of a kernel, in a folder of its own."""
    with _workplace(source) as text:
        library = text.with_suffix(".so")
        # Flags that a compiler does not know fail as wrong source does.
        for faster, vector_math in product((True, False), _VECTOR_MATH):
            libraries = ["-lmvec", "-lm"] if vector_math else ["-lm"]
            command = [
                *_command(cc, march, vector_math, faster),
                str(text),
                "-o",
                str(library),
                *libraries,
            ]
            try:
                process = subprocess.run(
                    command, capture_output=True, text=True, check=False,
                    timeout=_PATIENCE, env={**os.environ, "TMPDIR": str(text.parent)},
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                raise ScanError(
                    f"{shlex.join(cc)} was stopped: it worked on a kernel of "
                    f"{len(source)} characters for more than {_PATIENCE:g} s"
                ) from None
            if process.returncode == 0:
                return library.read_bytes()
    raise ScanError(
        f"{shlex.join(cc)} could not compile a kernel:\n{process.stderr.strip()[:2000]}"
    )


def compile_for(level: str, source: str, folder: Path) -> None:
    """Compile a kernel for a portable instruction set, unless it is there already.

    Parameters
    ----------
    level : str
        One of :data:`bmi_dmx.kernels.processor.LEVELS`; it becomes a folder of its own.
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
        raise ScanError(f"kernels cannot be compiled: {_no_compiler()}")
    path = folder / level / _name(source, level)
    if not intact(path):
        _compile(cc, source, level, path)


def _named_kernels() -> str:
    return os.path.expanduser(os.environ.get("BMI_DMX_KERNELS", ""))


def compile_missing(sources: Sequence[str], where: str) -> None:
    """Compile those of some kernels that are not there, several at a time.

    How many is told, as that takes about a second each. What cannot be compiled is for
    :func:`load` to say.

    Parameters
    ----------
    sources : sequence of str
        C texts.
    where : str
        What they are for, for the log.
    """
    try:
        missing = [s for s in sources if not (_prebuilt(s) or intact(_place(s)))]
    except (OSError, RuntimeError):
        return
    if missing and compiler() is not None:
        _tell_where()
        _log.info("%s: compiling %d of %d kernels", where, len(missing), len(sources))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(library, missing))


def _prebuilt(source: str) -> Path | None:
    """Return a kernel that was compiled beforehand for a set this processor runs."""
    folder = _named_kernels()
    if folder:
        for level in levels():
            path = Path(folder, level, _name(source, level))
            if intact(path):
                return path
    return None


def _why_not_prebuilt() -> str:
    """Return what ends a message that no kernel is there, if any was to be prebuilt."""
    folder = _named_kernels()
    if not folder:
        return ""
    where = f", and in {folder} (BMI_DMX_KERNELS) there is none"
    if not os.path.isdir(folder):
        return f"{where}: no such folder"
    prebuilt = [level for level in LEVELS if Path(folder, level).is_dir()]
    runs = levels()
    if prebuilt and not set(prebuilt) & set(runs):
        names = ", ".join(prebuilt)
        return f"{where} for {runs[0]}, the most this processor runs: found {names}"
    return f"{where} of this one, as this version of bmi_dmx makes it"


@cache
def library(source: str) -> ctypes.CDLL | str:
    """Return the compiled kernel, or why there is none.

    Looks in memory, among the prebuilt kernels (``BMI_DMX_KERNELS``), in the cache
    folder, then compiles.
    """
    try:
        path = _prebuilt(source) or _cached(source)
    except (OSError, RuntimeError) as error:
        return f"the kernel cache {_where_not(error)}"
    except ScanError as error:
        return str(error)
    try:
        return _open(path)
    except OSError as error:
        reason = str(error).removeprefix(f"{path}: ")
        return f"kernels in {path.parent} cannot be loaded ({reason})"


def _where_not(error: OSError | RuntimeError) -> str:
    """Return which folder is no cache and why, in the same words for every kernel."""
    remedy = "BMI_DMX_CACHE names another folder"
    if not isinstance(error, OSError):  # there is no home folder
        return f"is not usable ({error}); {remedy}"
    reason = error.strerror or error
    return f"{cache_folder()} is not usable ({reason}); {remedy}"


def load(source: str) -> ctypes.CDLL | None:
    """Return the compiled kernel, or None where there is none; why is said once."""
    kernel = library(source)
    if isinstance(kernel, str):
        _warn_once(kernel)
        return None
    return kernel


def _place(source: str) -> Path:
    return cache_folder() / _name(source, _march())


@cache
def _tell_where() -> None:
    """Say, once, that there is something to wait for."""
    _log.info("compiling kernels; they are kept in %s", cache_folder())


def _cached(source: str) -> Path:
    """Return the kernel in the cache folder, compiling it where it is not whole."""
    path = _place(source)
    for place in (path.parent, path):
        if place.exists():
            refuse_of_others(place)
    if not intact(path):
        cc = compiler()
        if cc is None:
            raise ScanError(f"{_no_compiler()}{_why_not_prebuilt()}")
        _tell_where()
        _compile(cc, source, _march(), path)
    return path


def _open(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    for name, (result, arguments) in _signatures(
        hasattr(library, "tree_words")
    ).items():
        # Not all kernels have a way back.
        if hasattr(library, name):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    return library


def _signatures(tree: bool) -> dict[str, tuple[Any, list[Any]]]:
    """Return what the functions of a kernel return and take."""
    address, number, answer = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    span = [address] * 3 if tree else [address, number, number]
    return {
        "forward": (answer, span),
        "backward": (answer, span),
        "prepare": (None, [address] * 2),
        "step": (answer, [address]),
        "answer": (answer, [address]),
        "call_words": (number, []),
        "groups": (number, [number] * 2),
        "scan_words": (number, []),
        "tree_words": (number, []),
        "fixed_numbers": (number, []),
    }


@cache
def _warn_once(reason: str) -> None:
    warnings.warn(
        f"{reason}; running the uncompiled time loop, which is much slower",
        SlowerWarning,
        stacklevel=4,
    )
