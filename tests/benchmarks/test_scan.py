"""Benchmarks of the scan, at sizes too small to mean anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from bmi_dmx import benchmarks
from bmi_dmx.benchmarks import library, limits, scan
from bmi_dmx.benchmarks.measure import Effort
from bmi_dmx.benchmarks.problems import Problem, scan_with
from bmi_dmx.program.trace import trace_step

QUICK = Effort(repeats=1, seconds=0.0)

# PyTorch warns of itself while it traces.
TRACING = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure each case once."""
    for module in (scan, library, limits):
        monkeypatch.setattr(module, "Effort", lambda *a, **k: QUICK)
    monkeypatch.setattr(scan, "shortest", lambda function: function() or 1.0)
    monkeypatch.setattr(limits, "_STEPS", 10)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")


@pytest.mark.parametrize("dynamic", [False, True])
def test_all_implementations_give_the_same_runoff(dynamic: bool) -> None:
    problem = Problem.of(3, dynamic=dynamic, steps=12, members=4, warmup=4)
    cells, reference = (scan_with(name)(problem) for name in ("cells", "reference"))
    assert cells.shape == (8, 3)
    assert reference.min() > 0.0
    torch.testing.assert_close(cells, reference, rtol=1e-5, atol=1e-6)


@TRACING
def test_the_scan_of_the_library_gives_the_same_runoff() -> None:
    problem = Problem.of(3, steps=12)
    theirs = library.library_scan(compiled=False)(problem)
    torch.testing.assert_close(theirs, scan_with("reference")(problem))


def test_all_of_the_benchmark_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = scan.run
    monkeypatch.setattr(scan, "run", lambda: whole(locations=(1, 2), steps=8))
    path = tmp_path / "records.json"
    benchmarks.run("scan", path)
    records = json.loads(path.read_text(encoding="utf-8"))
    cases = [record["case"] for record in records]
    assert cases == [
        *["scan"] * 8, *["length"] * 3, "warm-up", *["threads"] * 2,
        *["first use"] * 2, *["limits"] * 4,
    ]  # fmt: skip
    for record in records[:12]:
        assert record["forward_s"] > 0.0
        assert record["backward_s"] > 0.0
        assert record["no_gradient_s"] > 0.0
    empty, cached = records[14:16]
    assert empty["compiler_s"] > 0.0
    assert cached["compiler_s"] == 0.0
    printed = capsys.readouterr().out
    assert "reference" in printed
    assert "bytes per location-step" in printed


@TRACING
def test_the_comparison_is_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    records = library.run(locations=2, steps=5, compiled=False)
    assert [record.implementation for record in records] == ["cells", "torch-scan"]
    assert "torch-scan" in capsys.readouterr().out


def test_threads_are_put_back() -> None:
    before = torch.get_num_threads()
    with scan.threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_the_kernel_of_chains_runs_every_statement() -> None:
    # Two per link and chain, and none that folding or sharing could save.
    for kind in ("simple", "division", "function"):
        program = trace_step(limits.Chains(kind, 3))
        assert len(program.instructions) == 2 * 3 * len(limits.Chains.states)


def test_traffic_counts_every_array_once() -> None:
    problem = Problem.of(2, dynamic=True, steps=100, members=4)
    moved = limits.traffic(problem)
    # 100 steps: ten checkpoints of five stores. Three of the parameters per step.
    assert moved["checkpoints"] == pytest.approx(4 * 5 / 10)
    assert moved["forward"] == pytest.approx(4 * 4 / 4 + 4 * 3 + 2.0)
    assert moved["backward"] == pytest.approx(4 * 4 / 4 + 4 * 4 * 3 + 2.0)


def test_costs_that_are_not_positive_are_not_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Longer chains, which come first, take less time: others got busy meanwhile.
    times = iter(range(100))
    monkeypatch.setattr(limits, "seconds_of", lambda work, effort: float(next(times)))
    costs = limits.statement_costs(QUICK)
    assert costs == {"simple": None, "division": None, "function": None}
    unit_costs = dict.fromkeys(costs, 1e-9) | {"function": None}
    work = limits.kinds(trace_step(Problem.of(1, steps=1).process), ["q.runoff"])
    shares = limits.shares(1.0, work, 8.0, unit_costs, 1e9)
    assert shares["statements_per_s_ceiling"] is None
    assert shares["share_of_arithmetic"] is None
    assert shares["share_of_bandwidth"] == 8e-9
    limits.print_costs(unit_costs)
    assert "function not known" in capsys.readouterr().out
