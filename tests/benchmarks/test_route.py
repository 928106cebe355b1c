"""Benchmarks of rivers, at sizes too small to mean anything."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bmi_dmx import benchmarks
from bmi_dmx.benchmarks import limits, rivers, route
from bmi_dmx.benchmarks.measure import Effort
from bmi_dmx.benchmarks.rivers import Flow, made_tree, write_table
from bmi_dmx.models.rivers.formats import read_river

QUICK = Effort(repeats=1, seconds=0.0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure each case once."""
    for module in (route, limits):
        monkeypatch.setattr(module, "Effort", lambda *a, **k: QUICK)
    monkeypatch.setattr(route, "shortest", lambda function: function() or 1.0)
    monkeypatch.setattr(limits, "_STEPS", 10)
    monkeypatch.setattr(limits, "_BUFFER", 1 << 10)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")


@pytest.mark.parametrize("celerity", ["corrected", "legacy"])
def test_the_plain_loop_has_the_numbers_of_the_kernel(celerity: str) -> None:
    flow = Flow.of(213, 30, celerity=celerity)
    outflow = flow.run()[..., 0].detach().numpy()
    assert outflow.max() > 10.0 * outflow[0].max() / 9.0
    np.testing.assert_allclose(flow.by_levels(), outflow, rtol=1e-4)


def test_series_may_stand_side_by_side() -> None:
    by_step, by_reach = (Flow.of(50, 5, side_by_side=x) for x in (False, True))
    assert by_step.lateral.stride() == (50, 1)
    assert by_reach.lateral.stride() == (1, 5)
    assert np.array_equal(by_step.lateral, by_reach.lateral)


@pytest.mark.parametrize("reaches", [1, 2, 999, 1000])
def test_rivers_meet_two_by_two(reaches: int) -> None:
    tree = made_tree(reaches)
    above = np.bincount(tree.downstream[tree.downstream >= 0], minlength=reaches)
    assert (tree.downstream < 0).sum() == 1
    assert (above == 1).sum() == (1 if reaches % 2 == 0 else 0)
    assert above.max() <= 2


def test_there_are_four_times_as_many_streams_of_the_order_below() -> None:
    tree = made_tree(20_001)
    order = tree.strahler
    below = np.append(order, 0)[tree.downstream]
    streams = [int(((order == k) & (below != k)).sum()) for k in range(1, 6)]
    for more, fewer in pairwise(streams):
        assert 3.0 < more / fewer < 5.0


def test_a_table_of_a_river_is_read_as_it_was_written(tmp_path: Path) -> None:
    flow = Flow.of(20, 2)
    river = read_river(write_table(tmp_path / "river.csv", flow))
    assert river.tree.bonds == flow.tree.bonds
    length = dict(zip(river.tree.ids, river.attributes["length"], strict=True))
    lengths = flow.parameters["length"][:, 0].tolist()
    for name, x in zip(flow.tree.ids, lengths, strict=True):
        assert length[name] == pytest.approx(x, rel=1e-6)


def test_all_of_the_benchmark_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = route.run
    monkeypatch.setattr(
        route, "run", lambda: whole(reaches=(5, 30, 40), steps=8, slow=5)
    )
    monkeypatch.setattr(route, "_TARGETS", {(40, 8): 0.5})
    path = tmp_path / "records.json"
    benchmarks.run("route", path)
    records = json.loads(path.read_text(encoding="utf-8"))
    cases = [record["case"] for record in records]
    assert cases == [
        *["route"] * 7, "legacy", "side by side", "chain", "gradient of the inflow",
        *["length"] * 3, *["threads"] * 4, *["update"] * 3, *["limits"] * 2,
    ]  # fmt: skip
    compiled = [r for r in records[:14] if r["implementation"] == "tree"]
    for record in compiled:
        assert record["both_s"] == record["forward_s"] + record["backward_s"] > 0.0
        assert record["padding"] >= 1.0
    # What both series take that are passed on, and states at the start.
    (largest,) = (r for r in compiled if r.get("target_s"))
    assert largest["kept_per_reach_step"] > 4 * 2 * largest["padding"]
    assert records[2]["implementation"] == "reference"
    there, back = records[-2:]
    assert (there["functions"], back["functions"]) == (5, 5)
    assert there["divisions"] > 0 < back["simples"]
    printed = capsys.readouterr().out
    assert "One update() of a component" in printed
    assert "of 16 cells" in printed


def test_a_chain_fills_one_lane() -> None:
    assert Flow.of(40, 2, shape="chain").sizes()["padding"] == 16.0
    assert rivers.made_tree(40, "chain").levels[0].size == 1
