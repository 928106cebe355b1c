"""What the driver of a GPU does not do is said in its words."""

from __future__ import annotations

import ctypes

import pytest
import torch

from bmi_dmx.errors import ScanError
from bmi_dmx.kernels import driver
from bmi_dmx.kernels.driver import Device, Module
from bmi_dmx.kernels.nvrtc import Capability

from .on_host import library, needs_compiler, put_on_host

COUNTING = """
typedef long long whole;
typedef struct { whole *target; whole add; } Given;
extern "C" __global__ void forward(const __grid_constant__ Given given, whole more)
{
    given.target[blockIdx.x * blockDim.x + threadIdx.x] = given.add + more;
}
"""


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_that_is_said() -> None:
    driver._library.cache_clear()
    with pytest.raises(
        ScanError, match=r"^there is no GPU here: its driver was not fo"
    ):
        Device(0)


@needs_compiler
class TestOnHost:
    @pytest.fixture(autouse=True)
    def _host(self, monkeypatch: pytest.MonkeyPatch) -> None:
        put_on_host(monkeypatch)

    def test_a_gpu_tells_what_it_is(self) -> None:
        device = Device(0)
        assert device.capability == Capability(9, 0)
        assert device.processors == 2

    def test_there_are_no_more_than_there_are(self) -> None:
        with pytest.raises(
            ScanError, match=r"the driver of the GPU: cuDeviceGet: .*101"
        ):
            Device(1)

    def test_arguments_come_as_they_are_given(self) -> None:
        target = (ctypes.c_int64 * 6)()
        arguments = (ctypes.c_int64 * 2)(ctypes.addressof(target), 40)
        module = Module(Device(0), COUNTING)
        module.launch("forward", 3, 2, 0, [arguments, ctypes.c_int64(2)])
        assert list(target) == [42] * 6

    def test_errors_name_the_function(self) -> None:
        module = Module(Device(0), COUNTING)
        with pytest.raises(ScanError, match="cuModuleGetFunction backward: an error"):
            module.launch("backward", 1, 1, 0, [])
        with pytest.raises(ScanError, match=r"cuLaunchKernel forward: .* \(1\)"):
            module.launch("forward", 0, 1, 0, [])

    def test_what_is_no_kernel_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(driver, "image", lambda *_: b"nothing.so")
        with pytest.raises(ScanError, match=r"cuModuleLoadData: .* \(301\)"):
            Module(Device(0), COUNTING)

    def test_the_thread_is_left_as_it_was(self) -> None:
        with Device(0).current():
            pass
        assert library().cuCtxPopCurrent_v2(None) == 201
