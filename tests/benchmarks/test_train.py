"""The benchmark of training, at sizes too small to mean anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from bmi_dmx.benchmarks import train, whole_training
from bmi_dmx.benchmarks.measure import Effort
from bmi_dmx.benchmarks.whole_training import Cost

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


def test_a_whole_training_is_what_starts_it_and_its_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = train.Case("hbv11p", 4)
    monkeypatch.setattr(train, "TRAININGS", {case: 100})
    monkeypatch.setattr(train, "_MEASURED_S", 3.0)
    calls = []

    def cost(*arguments: object) -> Cost:
        calls.append(arguments)
        return Cost(fixed=50.0, step=2.5)

    monkeypatch.setattr(train, "cost", cost)
    step, _, whole = train.run([case], **SIZES)
    assert calls == [(case.settings(), 3, (4, 5), (5, 8))]
    # Networks and processes take a second each of the two and a half of a step.
    assert step.more["networks_s"] == step.more["processes_s"] == 1.0
    assert whole.sizes["training_steps"] == 100
    assert whole.more["whole_s"] == 300.0
    assert whole.more["share_of_neither"] == pytest.approx(1.0 / 3.0)


@pytest.mark.slow
def test_the_command_that_is_measured_trains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained = []
    seconds_of_training = whole_training._seconds

    def seconds(experiment: Path) -> float:
        spent = seconds_of_training(experiment)
        (run,) = (experiment.parent / "runs").glob(f"{experiment.stem}-*")
        trained.append(json.loads((run / "training.json").read_text("utf-8"))["steps"])
        return spent

    monkeypatch.setattr(whole_training, "_seconds", seconds)
    settings = train.Case("hbv11p", 0).settings()
    spent = whole_training.cost(settings, 3, (4, 5), (2, 4), years=1)
    assert trained == [1, 2, 4]
    assert spent.fixed > 0.0


def test_processes_alone_answer_as_the_whole_model() -> None:
    step = train.Step(train.Case("hbv11p", 4), **SIZES)
    model, answers = step.answered()
    assert {x.ndim for x in answers} == {1, 2, 3}
    expected = step.compared(step.model, 4)
    for warmup in (4, 0, 4):
        loss = step.compared(model, warmup)
        torch.testing.assert_close(loss, expected)


def test_a_step_changes_every_weight() -> None:
    step = train.Step(train.Case("hbv10", 4), **SIZES)
    before = [w.detach().clone() for w in step.model.parameters()]
    step.whole()
    after = step.model.parameters()
    assert not any(map(torch.equal, after, before))
