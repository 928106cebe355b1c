"""The C of kernels of trees is clean, whichever compiler, flags and sizes it is of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from bmi_dmx.errors import ScanError
from bmi_dmx.kernels import build
from bmi_dmx.kernels.call import Block
from bmi_dmx.kernels.print_c import Layout, source
from bmi_dmx.kernels.schedule import schedule
from bmi_dmx.kernels.tree import BLOCK, Passage, TreeKernel
from bmi_dmx.models.rivers.muskingum_cunge import MuskingumCunge
from bmi_dmx.process import Process
from bmi_dmx.program.trace import trace_adjoint, trace_step
from bmi_dmx.scan import tree
from bmi_dmx.scan.upstream import passed_on
from tests.kernels import sanitized_tree
from tests.kernels.sanitizers import COMPILERS, sanitized
from tests.scan.tree_cases import Queue, Wave, case_of

SOME = (Wave(), Queue(), MuskingumCunge(dt=3600.0))
BUSHY = [-1, *((k - 1) // 2 for k in range(1, 50)), -1, 50]


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache folder, and none of the kernels already loaded."""
    monkeypatch.setenv("BMI_DMX_CACHE", str(tmp_path / "cache"))
    _forget()
    yield tmp_path
    _forget()


def _forget() -> None:
    for cached in (build.library, tree._kernel, tree._entry):
        cached.cache_clear()


def text_of(process: Process, *, double: bool, lanes: int, back: bool = True) -> str:
    step = trace_step(process)
    outputs = [n for n in step.outputs if n.startswith("q.")]
    layout = Layout.of(step, outputs, links=passed_on(process))
    adjoint = trace_adjoint(process, outputs) if back else None
    return source(layout, step, adjoint, double=double, lanes=lanes,
                  forcing_gradient=True, fixed=layout.parameters[1:])  # fmt: skip


@pytest.mark.parametrize("lanes", [1, 16])
@pytest.mark.parametrize("process", SOME, ids=lambda p: p.name)
def test_compilers_have_nothing_to_say(
    process: Process, lanes: int, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_FLAGS", (*build._FLAGS, "-Wall", "-Werror"))
    text = text_of(process, double=lanes == 1, lanes=lanes)
    assert not isinstance(build.library(text), str), build.library(text)


def test_nor_have_they_of_a_kernel_without_a_way_back(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_FLAGS", (*build._FLAGS, "-Wall", "-Werror"))
    text = text_of(Wave(), double=True, lanes=16, back=False)
    assert not isinstance(build.library(text), str), build.library(text)


def test_blocks_are_of_one_length_here_and_there() -> None:
    text = Path(build.__file__).with_name("slots.c").read_text(encoding="utf-8")
    assert f"#define BLOCK {BLOCK} " in text


def test_what_is_large_does_not_stand_on_the_stack(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of(Queue(), BUSHY, members=2)
    expected = case.found()
    monkeypatch.setattr(build, "_FLAGS", (*build._FLAGS, "-DSTACK_BYTES=64"))
    _forget()
    assert all(map(torch.equal, case.found(), expected))


OTHERWISE = ["vector math", "clang"]


@pytest.mark.parametrize("without", OTHERWISE)
@pytest.mark.parametrize("process", SOME[:2], ids=lambda p: p.name)
def test_made_otherwise_the_numbers_are_those_of_the_loop(
    process: Process, without: str, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if without == "vector math":
        monkeypatch.setattr(build, "_VECTOR_MATH", (False,))
    elif shutil.which("clang"):
        monkeypatch.setenv("CC", "clang")
    else:
        pytest.skip("clang is not installed")
    case = case_of(process, BUSHY, members=2)
    for x, y in zip(case.found(), case.found("reference"), strict=True):
        size = float(y.detach().abs().max())
        torch.testing.assert_close(x, y, rtol=1e-11, atol=1e-11 * size)


def test_a_kernel_of_another_layout_is_refused() -> None:
    library = build.library(text_of(Wave(), double=True, lanes=16))
    assert not isinstance(library, str)
    step = trace_step(Wave())
    links = passed_on(Wave())
    with pytest.raises(ScanError, match=r"takes arguments of \d+ numbers, expected"):
        TreeKernel(library, Layout.of(step, (), links=links))
    outputs = [n for n in step.outputs if n.startswith("q.")]
    layout = Layout.of(step, outputs, links=links)
    kernel = TreeKernel(library, layout)
    kernel.layout = Layout.of(step, outputs, links={"f.inflow": "q.outflow"})
    none: list[tuple[int, int, int, int, int]] = []
    passage = Passage(kernel.layout, schedule(sanitized_tree.CHAIN), 1, kernel.fixed,
                      "float64", (), ())  # fmt: skip
    with pytest.raises(ScanError, match=r"takes a tree of \d+ numbers, found \d+"):
        kernel.forward(Block(1, 5, 1, none, none, none, none, none), passage)


@pytest.mark.slow
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("process", SOME, ids=lambda p: p.name)
def test_no_kernel_reads_or_writes_where_it_must_not(
    process: Process, compiler: str, fresh: Path
) -> None:
    step = trace_step(process)
    adjoint = trace_adjoint(process, [n for n in step.outputs if n.startswith("q.")])
    for name, content in {
        "step.json": step.to_json(), "adjoint.json": adjoint.to_json(),
        "links.json": passed_on(process),
    }.items():  # fmt: skip
        (fresh / name).write_text(json.dumps(content))
    module = sanitized_tree.__name__
    completed = sanitized(module, fresh, compiler)
    assert completed.returncode == 0, completed.stderr
    assert "heap-buffer-overflow" in sanitized(module, fresh, compiler, "short").stderr
