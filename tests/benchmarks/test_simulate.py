"""The benchmark of many catchments, at a size too small to mean anything."""

from __future__ import annotations

import pytest

from bmi_dmx.benchmarks import simulate


def test_the_run_and_its_parts_are_recorded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    alone, full, nation = simulate.run(places=20, years=0.2, computed=(10, 20))
    assert alone.sizes["members"] == 16
    assert full.sizes["days"] == 73
    parts = [full.more[f"{name}_share"]
             for name in ("computing", "reading", "pieces", "writing")]  # fmt: skip
    assert all(isinstance(part, float) and part >= 0.0 for part in parts)
    assert sum(map(float, filter(None, parts))) < 1.0
    assert full.memory_bytes
    assert float(nation.forward_s or 0.0) / float(full.forward_s or 1.0) == (
        pytest.approx(180_000 * 14_610 / (20 * 73))
    )
    assert "catchment-days/s" in capsys.readouterr().out
