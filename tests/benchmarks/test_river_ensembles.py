"""The benchmark of ensembles of rivers, at sizes too small to mean anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bmi_dmx.benchmarks import river_ensembles
from bmi_dmx.benchmarks.river_ensembles import River, analysed_by_loop
from bmi_dmx.models.rivers.component import MuskingumCunge

MEMBERS = 5


def members(component: MuskingumCunge) -> np.ndarray:
    return component.get_value_ptr("discharge__ensemble").reshape(MEMBERS, -1).copy()


def test_the_loop_does_the_same_work(tmp_path: Path) -> None:
    river = River.of(20)
    unseen, observed = (river.started(tmp_path, MEMBERS) for _ in range(2))
    inflow = river.flow.lateral[0].numpy().astype(float)
    for component in (unseen, observed):
        component.set_value("lateral_inflow", inflow)
        if component is unseen:
            component.update()
    forecast = members(unseen)
    seen = np.full(20, np.nan)
    seen[river.gauges] = 1.05 * forecast.mean(0)[river.gauges]
    observed.set_value("discharge~observed", seen)
    observed.update()
    expected = analysed_by_loop(forecast, river.gauges, river.taper)
    np.testing.assert_allclose(members(observed), expected, rtol=1e-6)
    assert not np.allclose(expected, forecast, rtol=1e-3)


def test_a_river_is_measured_beside_its_ensemble_and_loops(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = iter([1.0, 3.0, 5.0, 2.0, 7.0])
    monkeypatch.setattr(river_ensembles, "seconds_of", lambda *_: next(seconds))
    found = [r.flat() for r in river_ensembles.measured([(12, MEMBERS)])]
    assert [(r["implementation"], r["members"], r["forward_s"]) for r in found] == [
        ("open loop", 1, 1.0), ("ensemble", 5, 3.0), ("ensemble, observed", 5, 5.0),
        ("NumPy loops", 5, 12.0),
    ]  # fmt: skip
    assert [r.get("analysis_s") for r in found] == [None, None, 2.0, 7.0]
    assert found[2]["faster"] == 12.0 / 5.0
    assert "every 6th reach observed" in capsys.readouterr().out
