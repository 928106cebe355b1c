"""A GPU is measured where there is one, and said to be missing where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bmi_dmx.benchmarks import gpu
from bmi_dmx.cli import main
from tests.kernels.on_host import needs_compiler

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


@without_gpu
def test_without_a_gpu_nothing_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "records.json"
    line = ["bench", "scan", "--device", "cuda", "--json", str(file), "--quiet"]
    assert main(line) == 1
    message = capsys.readouterr().err
    assert message.startswith("dmx bench: error: --device cuda: there is no GPU here")
    assert len(message.splitlines()) == 1
    assert not file.exists()


@pytest.mark.parametrize("name", ["step", None])
def test_a_gpu_runs_scans_alone(
    name: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["bench", *([name] if name else []), "--device", "cuda"]
    assert main(arguments) == 1
    benchmark = repr(name) if name else "nothing"
    message = f"bench --device cuda: expected 'scan', found {benchmark}"
    assert message in capsys.readouterr().err


@needs_compiler
@pytest.mark.usefixtures("on_host")
def test_what_is_measured_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "DEVICE", "cpu")
    monkeypatch.setattr(gpu, "_idle", lambda: None)
    monkeypatch.setattr(gpu, "_SAMPLES", 1)
    constant, dynamic = gpu.scans((2,), 5)
    assert [r.sizes["parameters"] for r in (constant, dynamic)] == ["static", "dynamic"]
    for record in (constant, dynamic):
        assert float(record.more["both_bytes_per_s"] or 0.0) > 0.0
    step = gpu.training_step(2, 3, 4, 5)
    assert float(step.more["step_s"] or 0.0) > 0.0


def test_bandwidth_counts_every_number_once() -> None:
    problem = gpu.Problem.of(3, steps=10, members=4)
    there, back = gpu._bytes(problem)
    parameters = 4 * 3 * 4 * len(problem.parameters)
    assert there == 4 * 10 * 3 * 4 + parameters
    assert back == there + parameters
