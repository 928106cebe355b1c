"""The benchmark of ensembles, at sizes too small to mean anything."""

from __future__ import annotations

import pytest

from bmi_dmx.benchmarks import ensembles
from bmi_dmx.benchmarks.measure import Effort


def test_one_state_is_measured_beside_ensembles(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = Effort(repeats=1, seconds=0.0)
    monkeypatch.setattr(ensembles, "Effort", lambda **_: quick)
    records = ensembles.run(sizes=((2, 4),), time_steps=("daily",))
    rows = [record.flat() for record in records]
    assert [(r["members"], r["observed"]) for r in rows] == [
        (1, "none"), (4, "none"), (4, "all"),
    ]  # fmt: skip
    assert all(r["forward_s"] > 0.0 for r in rows)
    assert "members" in capsys.readouterr().out
