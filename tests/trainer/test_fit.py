"""Training: what it leaves, what decides its numbers, and when it refuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.errors import ConfigError, TrainingError
from bmi_dmx.trainer.checkpoint import read_checkpoint
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.fit import build, train
from bmi_dmx.trainer.module import MOST_FAILURES, TrainingModule
from bmi_dmx.trainer.run_folder import RunFolder
from bmi_dmx.trainer.tasks.basins.task import BasinsTask

Run = Callable[..., Path]


def weights(run: Path, which: str = "last") -> dict[str, Tensor]:
    """Weights of a checkpoint of a run."""
    weights: dict[str, Tensor] = read_checkpoint(run / "checkpoints" / f"{which}.ckpt")[
        "state_dict"
    ]
    return weights


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


def test_a_finished_run_has_left_everything(finished: Path) -> None:
    assert {entry.name for entry in finished.iterdir()} >= {
        "checkpoints",
        "config.yaml",
        "metrics.csv",
        "tensorboard",
        "training.json",
        "training.png",
    }
    assert {entry.name for entry in (finished / "checkpoints").iterdir()} == {
        "best.ckpt",
        "last.ckpt",
        "seconds.json",
    }
    assert list((finished / "tensorboard").glob("events*"))


def test_the_summary_says_what_happened(finished: Path) -> None:
    summary = json.loads((finished / "training.json").read_text(encoding="utf-8"))
    assert summary["steps"] == summary["planned_steps"] == 20
    assert summary["stopped_early"] is False
    assert summary["best_step"] in (10, 20)
    assert summary["versions"]["torch"] == torch.__version__


def test_the_course_of_training_is_a_table(finished: Path) -> None:
    with open(finished / "metrics.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows if row["loss"]] == [1, 20]
    assert [int(row["step"]) for row in rows if row["validation_nse"]] == [10, 20]


def test_training_learns(run: Run) -> None:
    path = run("training.steps=80", "model.static.dropout=0")
    with open(path / "metrics.csv", encoding="utf-8", newline="") as file:
        cells = [float(r["loss"]) for r in csv.DictReader(file) if r["loss"]]
    assert min(cells[1:]) < 0.8 * cells[0]


def test_one_seed_gives_one_result(finished: Path, run: Run) -> None:
    assert equal(weights(finished), weights(run()))


def test_another_seed_gives_another_result(finished: Path, run: Run) -> None:
    assert not equal(weights(finished), weights(run("seed=4")))


def test_without_validation_the_last_checkpoint_is_the_best(run: Run) -> None:
    path = run("periods.validation=null", "training.steps=10")
    assert equal(weights(path, "best"), weights(path, "last"))


def test_training_stops_when_validation_no_longer_improves(run: Run) -> None:
    path = run(
        "training.patience=2", "training.optimizer.rate=1e-30", "training.steps=80"
    )
    summary = json.loads((path / "training.json").read_text(encoding="utf-8"))
    assert summary["stopped_early"] is True
    assert (summary["steps"], summary["best_step"]) == (30, 10)


def test_the_penalty_is_the_mean_square_of_the_logits_of_parameters(
    tiny: Path,
) -> None:
    losses = []
    for weight in (0.0, 0.5):
        settings = [f"training.bounds_penalty={weight}", "model.static.dropout=0"]
        module = build(load_experiment(tiny, settings))
        batch = next(iter(module.task.batches))
        losses.append(module.training_step(batch, 0).item())
        parameters = module.model.constant_parameters(batch["attributes"])
    declared = {p.name: p for _, p in module.model.plan.given()}
    logits = []
    for name, values in parameters.items():
        low, high = declared[name].bounds or (0.0, 0.0)
        logits.append(torch.logit((values.double() - low) / (high - low)).flatten())
    expected = 0.5 * torch.cat(logits).square().mean().item()
    assert losses[1] - losses[0] == pytest.approx(expected, rel=1e-4)


def test_a_negative_penalty_is_refused(tiny: Path) -> None:
    with pytest.raises(ConfigError, match=r"bounds_penalty: found -1"):
        load_experiment(tiny, ["training.bounds_penalty=-1"])


@pytest.mark.parametrize("name", ["adam", "adadelta", "sgd", "muon"])
@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "none"])
def test_every_optimizer_goes_with_every_schedule(
    tiny: Path, name: str, schedule: str
) -> None:
    settings = [f"training.optimizer.name={name}", f"training.schedule={schedule}"]
    experiment = load_experiment(tiny, settings)
    module = build(experiment)
    configured = module.configure_optimizers()
    assert isinstance(configured, dict) == (schedule != "none")


def test_a_long_gradient_is_cut(tiny: Path) -> None:
    module = build(load_experiment(tiny))
    optimizer = torch.optim.SGD(module.model.parameters(), lr=1.0)
    for weight in module.model.parameters():
        weight.grad = torch.full_like(weight, 100.0)
    module.last_loss = 1.0
    module.configure_gradient_clipping(optimizer)
    parts = [w.grad.norm() for w in module.model.parameters() if w.grad is not None]
    assert torch.stack(parts).norm() == pytest.approx(1.0, rel=1e-4)
    assert module.gradient_norm > 100.0


@pytest.mark.parametrize(("loss", "gradient"), [(np.nan, 1.0), (1.0, np.nan)])
def test_a_step_that_is_not_finite_changes_no_weight(
    tiny: Path, loss: float, gradient: float
) -> None:
    module = build(load_experiment(tiny))
    before = {n: w.detach().clone() for n, w in module.model.named_parameters()}
    optimizer = torch.optim.AdamW(module.model.parameters())
    for weight in module.model.parameters():
        weight.grad = torch.full_like(weight, gradient)
    module.last_loss = loss
    module.configure_gradient_clipping(optimizer)
    optimizer.step()
    assert module.failures == 1
    assert equal(before, dict(module.model.named_parameters()))


def test_training_survives_some_bad_steps_and_gives_up_after_many(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = TrainingModule.training_step
    bad_steps = range(2, 6)

    def step(self: TrainingModule, batch: object, index: int) -> Tensor:
        loss = good(self, batch, index)  # type: ignore[arg-type]
        return loss * float("nan") if self.global_step in bad_steps else loss

    monkeypatch.setattr(TrainingModule, "training_step", step)
    state = weights(run())
    assert all(bool(w.isfinite().all()) for w in state.values())
    bad_steps = range(3, 1000)
    with pytest.raises(TrainingError, match=f"not finite in {MOST_FAILURES} steps"):
        run("training.steps=40")


@pytest.mark.parametrize("during", ["training", "validation"])
def test_weights_that_diverged_are_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, during: str
) -> None:
    last = 4 if during == "training" else 9

    def spoiled(self: TrainingModule, batch: object, *_: object) -> None:
        if self.global_step == last:
            with torch.no_grad():
                next(self.model.parameters()).fill_(float("inf"))

    # After a step that validates, or before one that does not.
    hook = "on_train_batch_end" if during == "validation" else "on_train_batch_start"
    last += during == "validation"
    monkeypatch.setattr(TrainingModule, hook, spoiled)
    message = rf"step {last}: the weights diverged \(.*not finite.*optimizer\.rate"
    with pytest.raises(TrainingError, match=message):
        run()


@pytest.mark.parametrize("score", [np.nan, np.inf])
def test_a_validation_without_a_score_ends_the_training(
    run: Run, monkeypatch: pytest.MonkeyPatch, score: float
) -> None:
    monkeypatch.setattr(BasinsTask, "validate", lambda self, model: score)
    message = r"step 10: median validation NSE: not a number; .*optimizer\.rate"
    with pytest.raises(TrainingError, match=message):
        run()


def test_runs_are_numbered(tiny: Path, tmp_path: Path) -> None:
    experiment = load_experiment(tiny)
    (tmp_path / "tiny-7").mkdir()
    (tmp_path / "tiny-x").mkdir()
    assert RunFolder.create(tmp_path, experiment).path.name == "tiny-8"
    assert RunFolder.create(tmp_path, experiment).path.name == "tiny-9"


def test_epochs_may_be_given_instead_of_steps(tiny: Path, tmp_path: Path) -> None:
    settings = ["training.steps=null", "training.epochs=1"]
    path = train(tiny, settings, root=tmp_path)
    summary = json.loads((path / "training.json").read_text(encoding="utf-8"))
    # 6 basins of 242 days in batches of 4 x 60: 6.05, in whole steps 7.
    assert summary["steps"] == 7
    path = train(tiny, ["training.steps=null", "training.epochs=2"], root=tmp_path)
    summary = json.loads((path / "training.json").read_text(encoding="utf-8"))
    # Twice as many are 12.1, in whole validations 20.
    assert summary["steps"] == 20
