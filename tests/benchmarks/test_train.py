"""The benchmark of training, at sizes too small to mean anything."""

from __future__ import annotations

import pytest
import torch

from bmi_dmx.benchmarks import train
from bmi_dmx.benchmarks.measure import Effort

SIZES = {"places": 3, "warmup": 4, "steps": 5}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure each case once."""
    quick = Effort(repeats=1, seconds=0.0)
    monkeypatch.setattr(train, "Effort", lambda **k: quick)
    # Short calls are otherwise timed in loops.
    monkeypatch.setattr(train, "seconds_of", lambda f, effort: (f(), 1.0)[1])


def test_every_model_is_recorded_with_its_parts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cases = (train.Case("hbv10", 0), train.Case("hbv11p", 4))
    first, second, loop = train.run(cases, **SIZES)
    assert first.sizes["networks"] == "static"
    assert second.sizes["networks"] == "LSTM-4"
    assert second.sizes["steps"] == 9
    for record in (first, second):
        assert record.more["step_s"] == record.more["processes_s"] == 1.0
        assert record.more["share_of_neither"] == -1.0
    assert loop.implementation == "reference"
    assert "neither" in capsys.readouterr().out


def test_processes_alone_answer_as_the_whole_model() -> None:
    step = train.Step(train.Case("hbv11p", 4), **SIZES)
    model, answers = step.answered()
    assert {x.ndim for x in answers} == {1, 2, 3}
    expected = step.compared(step.model, 4)
    for warmup in (4, 0, 4):
        found = step.compared(model, warmup)
        torch.testing.assert_close(found, expected)


def test_a_step_changes_every_weight() -> None:
    step = train.Step(train.Case("hbv10", 4), **SIZES)
    before = [w.detach().clone() for w in step.model.parameters()]
    step.whole()
    after = step.model.parameters()
    assert not any(map(torch.equal, after, before))
