"""CUDA text is compiled without a GPU, kept, and refused with the compiler's words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from bmi_dmx.errors import ScanError
from bmi_dmx.kernels import nvrtc
from bmi_dmx.kernels.layout import Layout
from bmi_dmx.kernels.nvrtc import Capability, compiled, image
from bmi_dmx.kernels.print_cuda import cuda_source
from bmi_dmx.models.hydrology.hbv import Hbv11p
from bmi_dmx.models.rivers.muskingum_cunge import MuskingumCunge
from bmi_dmx.process import Cells, Process, Stencil, Upstream
from bmi_dmx.registries import processes
from bmi_dmx.scan.programs import Key, adjoint_of, step_of
from bmi_dmx.scan.upstream import passed_on
from tests.scan.cases import Delay

needs_nvrtc = pytest.mark.skipif(
    isinstance(nvrtc._library(), str),
    reason="NVRTC is not here; nvidia-cuda-nvrtc-cu12 brings it",
)
DTYPES = {"float32": torch.float32, "float64": torch.float64}
A100, H100, B200 = Capability(8, 0), Capability(9, 0), Capability(10, 0)
PLAIN = 'extern "C" __global__ void forward(int *bad) { *bad = 1; }'
REGISTERED: list[Process] = [
    kind()
    for kind in map(processes.__getitem__, processes)
    if kind.__module__.startswith("bmi_dmx.") and not isinstance(kind.coupling, Stencil)
]


def source_of(process: Process, precision: str) -> str:
    """Return the text of a kernel, there and back, that records all fluxes."""
    process = process.at(3600.0 if process.time == "s" else 1.0)
    links = passed_on(process) if isinstance(process.coupling, Upstream) else None
    key, dtype = Key(process), DTYPES[precision]
    fluxes = tuple(f"q.{flux.name}" for flux in process.fluxes)
    layout = Layout.of(step_of(key, dtype), fluxes, links=links)
    names = tuple(name for name in layout.outputs if name.startswith("q."))
    return cuda_source(
        layout, step_of(key, dtype), adjoint_of(key, names, dtype),
        double=precision == "float64", forcing_gradient=True,
    )  # fmt: skip


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("BMI_DMX_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No NVRTC anywhere."""
    monkeypatch.setattr(nvrtc, "_candidates", lambda: iter(["nowhere/libnvrtc.so"]))
    nvrtc._library.cache_clear()
    yield
    nvrtc._library.cache_clear()


@needs_nvrtc
@pytest.mark.parametrize(
    ("process", "precision", "gpu"),
    [
        (Hbv11p(), "float32", A100),
        (Hbv11p(), "float32", H100),
        (Hbv11p(), "float32", B200),
        pytest.param(Hbv11p(), "float64", H100, marks=pytest.mark.slow),
        (MuskingumCunge(), "float32", A100),
        (MuskingumCunge(), "float32", H100),
        (MuskingumCunge(), "float32", B200),
    ],
    ids=lambda x: getattr(x, "name", f"sm_{x.number}" if isinstance(x, tuple) else x),
)
def test_cells_and_trees_are_compiled_for_every_generation(
    process: Process, precision: str, gpu: Capability
) -> None:
    binary = compiled(source_of(process, precision), gpu)
    assert binary.startswith(b"\x7fELF")
    assert b"forward" in binary
    assert b"backward" in binary


@pytest.fixture
def unoptimised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile as for a debugger, which refuses the same text in a third of the time."""
    monkeypatch.setattr(nvrtc, "_OPTIONS", (*nvrtc._OPTIONS, "--device-debug"))


@needs_nvrtc
@pytest.mark.slow
@pytest.mark.usefixtures("unoptimised")
@pytest.mark.parametrize("process", REGISTERED, ids=lambda p: p.name)
def test_every_registered_process_is_compiled(process: Process) -> None:
    assert compiled(source_of(process, "float32"), H100).startswith(b"\x7fELF")


def test_all_couplings_of_places_are_among_them() -> None:
    assert {type(process.coupling) for process in REGISTERED} == {Cells, Upstream}


@needs_nvrtc
def test_many_arguments_lie_on_the_gpu() -> None:
    text = source_of(Delay(40), "float32")
    assert "#define BY_VALUE 0" in text
    assert compiled(text, H100).startswith(b"\x7fELF")


@needs_nvrtc
def test_what_was_compiled_is_found_again_without_nvrtc(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = image(PLAIN, H100)
    (file,) = empty.glob("*.cubin")
    monkeypatch.setattr(nvrtc, "_library", lambda: "nothing may be compiled")
    assert image(PLAIN, H100) == binary
    with pytest.raises(ScanError, match="nothing may be compiled"):
        image(PLAIN, A100)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ScanError, match="nothing may be compiled"):
        image(PLAIN, H100)


@needs_nvrtc
def test_wrong_text_is_refused_with_the_log() -> None:
    message = r"(?s)NVRTC \d+\.\d+ could not compile a kernel for sm_90 .*\"bed\" is un"
    with pytest.raises(ScanError, match=message):
        compiled(PLAIN.replace("*bad =", "*bed ="), H100)


@needs_nvrtc
def test_newer_gpus_are_given_what_their_driver_finishes() -> None:
    assert b".target sm_" in compiled(PLAIN, Capability(99, 0))


@needs_nvrtc
def test_gpus_that_nvrtc_does_not_know_any_more_are_refused() -> None:
    with pytest.raises(ScanError, match=r"capability 2\.0 is older than any"):
        compiled(PLAIN, Capability(2, 0))


@pytest.mark.usefixtures("no_library")
def test_without_nvrtc_it_is_said_what_brings_it(empty: Path) -> None:
    message = (
        r"NVRTC was not found \(nowhere/libnvrtc\.so: .*\); install nvidia-cuda-nvrtc"
    )
    with pytest.raises(ScanError, match=message):
        image(PLAIN, H100)
    assert not list(empty.iterdir())
