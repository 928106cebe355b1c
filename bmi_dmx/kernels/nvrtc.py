"""Compile CUDA kernels at run time by NVIDIA's NVRTC, which needs no GPU.

Its library comes with PyTorch for CUDA, with the package ``nvidia-cuda-nvrtc-cu12``, or
with a CUDA toolkit. What was compiled is kept in the cache folder, under a hash of
source, options and the GPU's capability, and then NVRTC is not needed any more.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Iterator, Sequence
from ctypes.util import find_library
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from ..errors import ScanError
from ..files import cache_folder
from .kernel_files import content_of, refuse_of_others, write_sealed

__all__ = ["Capability", "compiled", "image"]

_OPTIONS = ("--std=c++17", "--ftz=true")
"""Denormal numbers are flushed, as kernels of processors do."""

_PACKAGES = (
    ("nvidia.cuda_nvrtc", "lib"), ("nvidia.cu13", "lib"), ("nvidia", "cu13/lib"),
    ("torch", "lib"),
)  # fmt: skip
_CURE = "install nvidia-cuda-nvrtc-cu12, or PyTorch for CUDA"

_LONGEST_LOG = 2000


class Capability(NamedTuple):
    """What a GPU understands: 9.0 is that of an H100 or H200."""

    major: int
    minor: int

    @property
    def number(self) -> int:
        """As NVRTC counts them: 90."""
        return 10 * self.major + self.minor


def image(source: str, capability: Capability) -> bytes:
    """Return a compiled kernel, from the cache folder or compiled here.

    Parameters
    ----------
    source : str
        CUDA text without headers.
    capability : Capability
        Of the GPU that is to run it.

    Raises
    ------
    ScanError
        When there is no NVRTC, or it does not compile the source.
    """
    key = "\0".join((source, *_OPTIONS, str(capability.number)))
    name = f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.cubin"
    try:
        path = cache_folder() / name
        for place in (path.parent, path):
            if place.exists():
                refuse_of_others(place)
        content = content_of(path)
        if content is None:
            content = compiled(source, capability)
            write_sealed(path, content)
    except (OSError, RuntimeError) as error:
        # RuntimeError: there is no home folder.
        raise ScanError(f"the kernel cache is not usable ({error})") from None
    return content


def compiled(source: str, capability: Capability) -> bytes:
    """Compile a kernel.

    A GPU that is newer than NVRTC is given what its own driver finishes.

    Raises
    ------
    ScanError
        As for :func:`image`.
    """
    library = _library()
    if isinstance(library, str):
        raise ScanError(library)
    numbers = _known(library)
    if capability.number in numbers:
        return _compile(library, source, f"sm_{capability.number}", "CUBIN")
    older = [number for number in numbers if number < capability.number]
    if not older:
        raise ScanError(
            f"a GPU of capability {capability.major}.{capability.minor} is older than "
            f"any that NVRTC {_version(library)} compiles for"
        )
    return _compile(library, source, f"compute_{max(older)}", "PTX")


def _compile(library: ctypes.CDLL, source: str, target: str, kind: str) -> bytes:
    program = ctypes.c_void_p()
    text = source.encode()
    _check(
        library,
        library.nvrtcCreateProgram(
            ctypes.byref(program), text, b"kernel.cu", 0, None, None
        ),
    )
    try:
        options = [f"--gpu-architecture={target}", *_OPTIONS]
        arguments = (ctypes.c_char_p * len(options))(*(o.encode() for o in options))
        code = library.nvrtcCompileProgram(program, len(options), arguments)
        if code:
            log = _text(library, program, "ProgramLog").decode(errors="replace")
            log = log.strip("\0").strip()[:_LONGEST_LOG]
            raise ScanError(
                f"NVRTC {_version(library)} could not compile a kernel for {target} "
                f"({_reason(library, code)}):\n{log}"
            )
        return _text(library, program, kind)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _text(library: ctypes.CDLL, program: ctypes.c_void_p, kind: str) -> bytes:
    """Return what a program has of a kind: ``CUBIN``, ``PTX`` or ``ProgramLog``."""
    size = ctypes.c_size_t()
    code = getattr(library, f"nvrtcGet{kind}Size")(program, ctypes.byref(size))
    _check(library, code)
    content = ctypes.create_string_buffer(size.value)
    _check(library, getattr(library, f"nvrtcGet{kind}")(program, content))
    return content.raw


def _check(library: ctypes.CDLL, code: int) -> None:
    if code:
        raise ScanError(f"NVRTC {_version(library)}: {_reason(library, code)}")


def _reason(library: ctypes.CDLL, code: int) -> str:
    reason: bytes = library.nvrtcGetErrorString(code)
    return reason.decode()


def _version(library: ctypes.CDLL) -> str:
    major, minor = ctypes.c_int(), ctypes.c_int()
    library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    return f"{major.value}.{minor.value}"


def _known(library: ctypes.CDLL) -> Sequence[int]:
    """Return the capabilities that are compiled for, such as 90."""
    count = ctypes.c_int()
    _check(library, library.nvrtcGetNumSupportedArchs(ctypes.byref(count)))
    numbers = (ctypes.c_int * count.value)()
    _check(library, library.nvrtcGetSupportedArchs(numbers))
    return list(numbers)


@cache
def _library() -> ctypes.CDLL | str:
    """Return NVRTC, or why there is none."""
    tried = []
    for path in _candidates():
        try:
            library = ctypes.CDLL(path)
        except OSError as error:
            tried.append(f"{path}: {error}")
            continue
        library.nvrtcGetErrorString.restype = ctypes.c_char_p
        return library
    why = f" ({'; '.join(tried)})" if tried else ""
    return f"CUDA kernels cannot be compiled: NVRTC was not found{why}; {_CURE}"


def _candidates() -> Iterator[str]:
    """Yield where the library may be, the nearest to this environment first."""
    for package, folder in _PACKAGES:
        for place in _folders(package):
            paths = (place / folder).glob("libnvrtc.so*")
            yield from (str(path) for path in sorted(paths, reverse=True))
    found_by_system = find_library("nvrtc")
    if found_by_system:
        yield found_by_system


def _folders(package: str) -> Sequence[Path]:
    """Return the folders of a package without importing more than it stands in."""
    try:
        spec = find_spec(package)
    except ModuleNotFoundError:
        return ()
    folders = None if spec is None else spec.submodule_search_locations
    return [Path(folder) for folder in folders or ()]
