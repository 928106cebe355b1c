"""Benchmarks of oceans, at sizes too small to mean anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from bmi_dmx import benchmarks
from bmi_dmx.benchmarks import ocean
from bmi_dmx.benchmarks.measure import Effort
from bmi_dmx.benchmarks.ocean import MadeOcean


def test_the_ocean_that_is_measured_moves_and_has_a_gradient() -> None:
    basin = MadeOcean.of(20.0, 3, torch.float64)
    viscosity = basin.parameters["viscosity"].requires_grad_()
    (gradient,) = torch.autograd.grad(basin.taped(), viscosity)
    assert float(gradient) != 0.0
    assert basin.cells == 8 * 18 * 3


def test_records_tell_time_memory_and_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ocean, "CASES", ((20.0, 3, "float32"),))
    monkeypatch.setattr(ocean, "Effort", lambda **keys: Effort(repeats=1, seconds=0.0))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    benchmarks.run("ocean", tmp_path / "ocean.json")
    (record,) = json.loads((tmp_path / "ocean.json").read_text(encoding="utf-8"))
    assert record["cells"] == 432
    assert record["day_s"] == pytest.approx(
        record["forward_s"] * 86400.0 / record["dt_s"]
    )
    assert record["forward_s"] > 0.0
    assert record["backward_s"] > 0.0
    assert "levels" in capsys.readouterr().out
