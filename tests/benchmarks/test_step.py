"""Benchmarks of components, at sizes too small to mean anything."""

from __future__ import annotations

import sys

import pytest

from bmi_dmx.benchmarks import step
from bmi_dmx.benchmarks.measure import Effort

QUICK = Effort(repeats=1, seconds=0.0)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is told by Linux alone")
def test_all_of_the_benchmark_is_recorded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(step, "Effort", lambda: QUICK)
    records = step.run(locations=(1, 3), further=2, processes=1)
    updates = records[:12]
    assert {r.case for r in updates} == {"update", "set, update, get"}
    assert {r.sizes["parameters"] for r in updates} == {"static", "dynamic"}
    assert {r.sizes["time_step"] for r in updates} == {"daily", "hourly"}
    for record in updates:
        assert record.forward_s
        assert record.more["per_location_s"] == record.forward_s / int(
            record.sizes["locations"] or 0
        )
    new = {r.case: r for r in records[12:17]}
    assert [case for case, r in new.items() if r.more["loads_torch"]] == [
        "import torch"
    ]
    assert new["run of 730 days"].memory_bytes
    first, further = records[17:]
    assert first.more["initialize_s"]
    assert further.sizes["component"] == "each further"
    printed = capsys.readouterr().out
    assert "One step through BMI" in printed
    assert "import bmi_dmx" in printed
