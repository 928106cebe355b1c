"""The benchmark of many catchments, at a size too small to mean anything."""

from __future__ import annotations

import pytest

from bmi_dmx.benchmarks import simulate
from bmi_dmx.cli import main


def test_the_run_and_its_parts_are_recorded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    alone, full, nation = simulate.run(places=20, years=0.2, computed=(10, 20))
    assert alone.sizes["members"] == 16
    assert full.sizes["days"] == 73
    names = ("computing", "reading", "preparing", "pieces", "writing")
    parts = [full.more[f"{name}_share"] for name in names]
    assert all(isinstance(part, float) and part >= 0.0 for part in parts)
    assert sum(map(float, filter(None, parts))) < 1.0
    assert full.memory_bytes
    assert float(nation.forward_s or 0.0) / float(full.forward_s or 1.0) == (
        pytest.approx(180_000 * 14_610 / (20 * 73))
    )
    assert "catchment-days/s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ("--places 0", "--places: expected at least 1, found 0"),
        ("--places -3", "--places: expected at least 1, found -3"),
        ("--years 0", "--years: expected at least 0.1, found 0.0"),
        ("--years nan", "--years: expected at least 0.1, found nan"),
    ],
)
def test_a_run_of_nothing_is_refused(
    size: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "simulate", *size.split()]) == 1
    assert capsys.readouterr().err == f"dmx bench: error: {message}\n"
