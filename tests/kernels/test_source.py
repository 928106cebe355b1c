"""The C of kernels is clean, whichever compiler, flags and sizes it is made with."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.errors import ScanError
from bmi_dmx.kernels import build
from bmi_dmx.kernels.call import Block, Kernel
from bmi_dmx.kernels.layout import Layout
from bmi_dmx.kernels.print_c import source
from bmi_dmx.models.hydrology.hbv import Hbv11p
from bmi_dmx.models.hydrology.pet import Hargreaves
from bmi_dmx.process import Process
from bmi_dmx.program.trace import trace_adjoint, trace_step
from bmi_dmx.scan import cells, scan
from bmi_dmx.variables import State
from tests.kernels.sanitizers import COMPILERS, sanitized
from tests.scan.cases import Delay, some_case

RUN = "tests.kernels.sanitized"


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache folder, and none of the kernels already loaded."""
    monkeypatch.setenv("BMI_DMX_CACHE", str(tmp_path / "cache"))
    for cached in (build.library, cells._entry):
        cached.cache_clear()
    yield tmp_path
    for cached in (build.library, cells._entry):
        cached.cache_clear()


def text_of(
    process: Process, *, double: bool = True, lanes: int = 16, abreast: int = 1
) -> str:
    step = trace_step(process)
    outputs = [n for n in step.outputs if n.startswith("q.")]
    adjoint = trace_adjoint(process, outputs)
    return source(Layout.of(step, outputs), step, adjoint, double=double, lanes=lanes,
                  forcing_gradient=True, abreast=abreast)  # fmt: skip


def found(process: Process, **options: Any) -> list[np.ndarray]:
    """Return the numbers and gradients of a compiled run."""
    case = some_case(process, locations=21, members=3, varying=1, gradient=True)
    result = scan(case.process, case.state, case.forcing, case.parameters,
                  warmup=2, **options)  # fmt: skip
    arrays = [*result.outputs.values(), *result.state.values()]
    loss = sum((x * torch.linspace(0.5, 2.0, x.numel()).reshape(x.shape)).sum()
               for x in arrays)  # fmt: skip
    gradients = torch.autograd.grad(loss, case.leaves(), allow_unused=True,
                                    materialize_grads=True)  # fmt: skip
    return [x.detach().numpy() for x in (*arrays, *gradients)]


class Bare(Process):
    """Without forcings, parameters and fluxes."""

    states = (State(name="x"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {"x": 0.5 * s.x}, {}


SOME = (Hbv11p(), Hargreaves(), Delay(4), Bare())
"""Of each kind of arithmetic one."""


@pytest.mark.parametrize(("lanes", "abreast"), [(1, 1), (16, 1), (16, 2)])
@pytest.mark.parametrize("process", SOME, ids=lambda p: p.name)
def test_compilers_have_nothing_to_say(
    process: Process,
    lanes: int,
    abreast: int,
    fresh: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(build, "_FLAGS", (*build._FLAGS, "-Wall", "-Werror"))
    text = text_of(process, double=lanes == 1, lanes=lanes, abreast=abreast)
    assert not isinstance(build.library(text), str), build.library(text)


@pytest.mark.parametrize("lanes", [0, 24, 256])
def test_lanes_that_cannot_be_added_up_are_refused(lanes: int, fresh: Path) -> None:
    message = build.library(text_of(Delay(4), lanes=lanes))
    assert isinstance(message, str)
    assert re.search("adds up lanes of a power of two|array size", message)


SUM = """
#include <stdio.h>
typedef double real;
#define LANES {lanes}
#define ABREAST 1
#define ROW LANES
#define STATES 1
#define STATE_RUNS 1
#define FORCINGS 1
#define PARAMETER_RUNS 1
#define PARAMETERS 1
#define OUTPUTS 1
#include "common.c"
int main(void)
{{
    real x[LANES];
    for (int i = 0; i < LANES; i++) x[i] = i + 1;
    printf("%.0f", total(x));
}}
"""


@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16, 32, 64, 128])
def test_all_lanes_are_added_up(lanes: int, tmp_path: Path) -> None:
    compiler = build.compiler()
    assert compiler is not None
    text, binary = tmp_path / "sum.c", tmp_path / "sum"
    text.write_text(SUM.format(lanes=lanes))
    include = f"-I{Path(build.__file__).parent}"
    command = [*compiler, "-O2", "-fopenmp-simd", include, str(text), "-o", str(binary)]
    subprocess.run(command, check=True)
    answer = subprocess.run([binary], capture_output=True, text=True, check=True)
    assert int(answer.stdout) == lanes * (lanes + 1) // 2


def test_what_is_large_does_not_stand_on_the_stack(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = found(Hbv11p())
    monkeypatch.setattr(build, "_FLAGS", (*build._FLAGS, "-DSTACK_BYTES=64"))
    for cached in (build.library, cells._entry):
        cached.cache_clear()
    assert all(map(np.array_equal, found(Hbv11p()), expected))


def test_many_entries_fit_the_stack_of_a_thread(fresh: Path) -> None:
    """Of 70 000 states by hand, as no compiler works on so many statements."""
    layout = Layout(tuple(f"s.x.{k}" for k in range(70_000)), (), (), (), True)
    step = trace_step(Bare())
    few = Layout.of(step, (), together=True)
    text = source(few, step, None, double=True)
    text = text.replace("#define STATES 1\n", "#define STATES 70000\n")
    text = text.replace("STATE_RUN(r) 1", "STATE_RUN(r) 70000")
    library = build.library(text)
    assert not isinstance(library, str), library
    kernel = Kernel(library, layout)
    x = np.ones((70_000, 1, 1))
    run = (x.__array_interface__["data"][0], 0, 0, 0, 1)
    block = Block(1, 1, 1, [run], (), (), [run], ())
    assert kernel.forward(block.pack(layout), 1)
    assert x[0, 0, 0] == 0.5
    assert x[-1, 0, 0] == 1.0


def test_a_library_of_another_layout_is_refused(fresh: Path) -> None:
    step = trace_step(Delay(4))
    library = build.library(text_of(Delay(4)))
    assert not isinstance(library, str)
    with pytest.raises(ScanError, match=r"takes arguments of \d+ numbers, expected"):
        Kernel(library, Layout.of(step, ()))


@pytest.mark.parametrize("process", SOME[:-1], ids=lambda p: p.name)
def test_without_vector_math_the_numbers_are_those_of_the_loop(
    process: Process, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_VECTOR_MATH", (False,))
    for x, y in zip(found(process), found(process, backend="reference"), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-11 * np.abs(y).max())


@pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not installed")
@pytest.mark.parametrize("process", SOME[:-1], ids=lambda p: p.name)
def test_clang_makes_the_numbers_of_the_loop(
    process: Process, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "clang")
    for x, y in zip(found(process), found(process, backend="reference"), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-11 * np.abs(y).max())


@pytest.mark.slow
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("process", [Hbv11p(), Delay(8)], ids=lambda p: p.name)
def test_no_kernel_reads_or_writes_where_it_must_not(
    process: Process, compiler: str, fresh: Path
) -> None:
    step = trace_step(process)
    adjoint = trace_adjoint(process, [n for n in step.outputs if n.startswith("q.")])
    for name, program in (("step.json", step), ("adjoint.json", adjoint)):
        (fresh / name).write_text(json.dumps(program.to_json()))
    completed = sanitized(RUN, fresh, compiler)
    assert completed.returncode == 0, completed.stderr
    assert "heap-buffer-overflow" in sanitized(RUN, fresh, compiler, "short").stderr
