"""The benchmark by the calls of NextGen, at sizes too small to mean anything."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import pytest

from bmi_dmx.benchmarks import ngen
from bmi_dmx.benchmarks.components import static_bundle
from bmi_dmx.benchmarks.counter import why_not_counted
from bmi_dmx.benchmarks.measure import Effort
from bmi_dmx.bmi import Component

QUICK = Effort(repeats=1, seconds=0.0)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is told by Linux alone")
def test_all_of_the_benchmark_is_recorded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ngen, "Effort", lambda: QUICK)
    records = ngen.run(catchments=3, hours=2)
    hours = [r for r in records if r.case == "hour"]
    assert [r.sizes["inputs"] for r in hours] == [2, 2, 2, 8, 8, 8]
    for idle, *ours in (hours[:3], hours[3:]):
        assert idle.implementation == "Nothing"
        assert [r.sizes["parameters"] for r in ours] == ["static", "dynamic"]
        for record in ours:
            assert record.forward_s
            assert idle.forward_s
            expected = record.forward_s - idle.forward_s
            assert record.more["difference_s"] == expected
            assert record.more["balance_s"] is not None
            has_count = record.more["instructions"] is not None
            assert has_count == (why_not_counted() is None)
    runs = [r for r in records if r.case == "many catchments"]
    assert [r.sizes["parameters"] for r in runs] == ["static", "dynamic"]
    for record in runs:
        assert record.forward_s
        assert record.more["initialize_s"]
        assert record.memory_bytes is not None
    assert runs[0].more["equilibrium_s"] > runs[0].more["first_hour_s"]
    printed = capsys.readouterr().out
    assert ("instructions are not counted" in printed) != has_count
    assert "One hour of one catchment" in printed
    assert "Many catchments" in printed


def test_nothing_has_functions_of_a_component_and_no_others(tmp_path: Path) -> None:
    count = tmp_path / "count.txt"
    count.write_text("8", encoding="utf-8")
    nothing = ngen.EmptyComponent()
    nothing.initialize(str(count))
    functions = dict(inspect.getmembers(nothing, inspect.ismethod))
    assert functions
    for name in functions:
        assert callable(getattr(Component, name))
    assert nothing.get_input_item_count() == 8


def test_a_component_asks_for_as_many_inputs_as_nothing_does(tmp_path: Path) -> None:
    bundle = static_bundle(tmp_path)
    for inputs in (2, 8):
        config = ngen._settings(tmp_path / "component.yaml", bundle, inputs)
        component = ngen._component(config)
        assert set(component.inputs) == set(list(ngen._WEATHER)[:inputs])
        component.finalize()


@pytest.mark.parametrize(("inputs", "calls"), [(2, 46), (8, 100)])
def test_an_hour_makes_the_calls_of_the_framework(
    inputs: int, calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = tmp_path / "count.txt"
    count.write_text(str(inputs), encoding="utf-8")
    names: list[str] = []

    def counted(self: object, name: str) -> Any:
        attribute = object.__getattribute__(self, name)
        if name.startswith("_"):
            return attribute

        def function(*args: Any) -> Any:
            names.append(name)
            return attribute(*args)

        return function

    monkeypatch.setattr(ngen.EmptyComponent, "__getattribute__", counted, raising=False)
    adapter = ngen._adapter("bmi_dmx.benchmarks.ngen.EmptyComponent", count, "cat-0")
    names.clear()
    ngen._hour(adapter)
    assert len(names) == calls
