"""Run compiled kernels on a GPU through its driver, in memory that others own."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from ..errors import ScanError
from .nvrtc import Capability, image

__all__ = ["Device", "Module", "device"]

_MULTIPROCESSORS, _MAJOR, _MINOR = 16, 75, 76
"""Of ``CUdevice_attribute`` in cuda.h."""

Argument = ctypes.c_int64 | ctypes.c_void_p | ctypes.Array[ctypes.c_int64]
"""What a kernel takes: a number, an address, or a struct of numbers of 64 bits."""


class Device:
    """A GPU.

    Parameters
    ----------
    number : int
        Among those that the driver shows, from 0.

    Attributes
    ----------
    capability : Capability
        What it understands.
    processors : int
        How many multiprocessors it has.

    Raises
    ------
    ScanError
        When there is no driver, or no such GPU.
    """

    def __init__(self, number: int) -> None:
        library = _library()
        if isinstance(library, str):
            raise ScanError(library)
        self.library = library
        handle = ctypes.c_int()
        self.check("cuInit", library.cuInit(0))
        self.check("cuDeviceGet", library.cuDeviceGet(ctypes.byref(handle), number))
        self._handle = handle
        self.capability = Capability(self._attribute(_MAJOR), self._attribute(_MINOR))
        self.processors = self._attribute(_MULTIPROCESSORS)
        # The one that PyTorch uses as well.
        self._context = ctypes.c_void_p()
        code = library.cuDevicePrimaryCtxRetain(ctypes.byref(self._context), handle)
        self.check("cuDevicePrimaryCtxRetain", code)

    def _attribute(self, which: int) -> int:
        value = ctypes.c_int()
        code = self.library.cuDeviceGetAttribute(
            ctypes.byref(value), which, self._handle
        )
        self.check("cuDeviceGetAttribute", code)
        return value.value

    def check(self, function: str, code: int) -> None:
        """Raise :class:`ScanError` where a function of the driver did not succeed."""
        if not code:
            return
        text = ctypes.c_char_p()
        self.library.cuGetErrorString(code, ctypes.byref(text))
        reason = (text.value or b"unknown error").decode()
        raise ScanError(f"the driver of the GPU: {function}: {reason} ({code})")

    @contextmanager
    def current(self) -> Iterator[None]:
        """Let the functions of the driver be about this GPU, in this thread."""
        self.check("cuCtxPushCurrent", self.library.cuCtxPushCurrent_v2(self._context))
        try:
            yield
        finally:
            before = ctypes.c_void_p()
            self.library.cuCtxPopCurrent_v2(ctypes.byref(before))


class Module:
    """A compiled source on a GPU.

    Parameters
    ----------
    device : Device
        Where.
    source : str
        CUDA text.

    Raises
    ------
    ScanError
        When it cannot be compiled, or the driver does not take it.
    """

    def __init__(self, device: Device, source: str) -> None:
        self.device = device
        self._module = ctypes.c_void_p()
        content = image(source, device.capability)
        with device.current():
            code = device.library.cuModuleLoadData(ctypes.byref(self._module), content)
            device.check("cuModuleLoadData", code)
        self._functions: dict[str, ctypes.c_void_p] = {}

    def _function(self, name: str) -> ctypes.c_void_p:
        if name not in self._functions:
            function = ctypes.c_void_p()
            code = self.device.library.cuModuleGetFunction(
                ctypes.byref(function), self._module, name.encode()
            )
            self.device.check(f"cuModuleGetFunction {name}", code)
            self._functions[name] = function
        return self._functions[name]

    def launch(
        self,
        name: str,
        blocks: int,
        threads: int,
        stream: int,
        arguments: Sequence[Argument],
    ) -> None:
        """Start a kernel; it runs after what the stream was given before.

        Parameters
        ----------
        name : str
            Of the kernel.
        blocks, threads : int
            How many blocks, of how many threads.
        stream : int
            Address of the stream.
        arguments : sequence
            In the order of the kernel.
        """
        pointers: list[Any] = [ctypes.addressof(argument) for argument in arguments]
        addresses = (ctypes.c_void_p * len(pointers))(*pointers)
        with self.device.current():
            code = self.device.library.cuLaunchKernel(
                self._function(name), blocks, 1, 1, threads, 1, 1, 0,
                ctypes.c_void_p(stream), addresses, None,
            )  # fmt: skip
            self.device.check(f"cuLaunchKernel {name}", code)


@cache
def device(number: int) -> Device:
    """Return a GPU by its number."""
    return Device(number)


@cache
def _library() -> ctypes.CDLL | str:
    """Return the driver, or why there is none."""
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        return f"there is no GPU here: its driver was not found ({error})"
