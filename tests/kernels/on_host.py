"""CUDA kernels compiled for a processor, and a driver that runs them there.

Only what is at the border is another: NVRTC, the driver's library, and where tensors
are. The text of the kernels, and all that prints, launches and calls them, is the same.
"""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from bmi_dmx.files import atomic, cache_folder
from bmi_dmx.kernels import driver
from bmi_dmx.kernels.nvrtc import Capability
from bmi_dmx.scan import cuda, cuda_tree

__all__ = ["forget", "needs_compiler", "put_on_host"]

FOLDER = Path(__file__).parent
HEADER = FOLDER / "on_host.h"
FLAGS = ("-O0", "-std=c++17", "-shared", "-fPIC", "-w", "-ffp-contract=fast")

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None, reason="there is no g++ to compile CUDA text for a CPU"
)


def built(text: str) -> Path:
    """Return the library of a C++ text, from the cache or compiled."""
    name = hashlib.sha256("\0".join((text, *FLAGS)).encode()).hexdigest()[:32]
    path = cache_folder() / f"on-host-{name}.so"
    if not path.exists():
        with atomic(path) as temporary:
            subprocess.run(
                ["g++", *FLAGS, "-x", "c++", "-", "-x", "none", "-ldl",
                 "-o", str(temporary)],
                input=text, text=True, check=True,
            )  # fmt: skip
    return path


def image(source: str, capability: Capability) -> bytes:
    """Return what the driver of the host takes for a kernel: its library's path."""
    assert capability == (9, 0)
    ends = ["ON_HOST(forward)", "#ifdef ADJOINT", "ON_HOST(backward)", "#endif", ""]
    text = "\n".join((HEADER.read_text(encoding="utf-8"), source, *ends))
    return str(built(text)).encode()


@cache
def library() -> ctypes.CDLL:
    """Return the driver on the host."""
    text = (FOLDER / "driver_on_host.cpp").read_text(encoding="utf-8")
    return ctypes.CDLL(str(built(text)))


def forget() -> None:
    """Forget all kernels and devices, so that those of one driver are not another's."""
    for memo in (cuda._entry, cuda._module, cuda_tree._entry, driver.device):
        memo.cache_clear()
    cuda_tree._order.cache_clear()


def put_on_host(patch: pytest.MonkeyPatch) -> None:
    """Let the backend of GPUs run tensors of the CPU on the driver of the host."""
    forget()
    patch.setattr(driver, "_library", library)
    patch.setattr(driver, "image", image)
    patch.setattr(cuda, "DEVICE", "cpu")
    patch.setattr(cuda, "stream_of", lambda tensor: 0)
    patch.setattr(cuda_tree, "stream_of", lambda tensor: 0)
