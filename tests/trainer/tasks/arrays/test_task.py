"""The task arrays: one for systems of every coupling."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.config import convert
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.checkpoint import load_model, read_checkpoint
from bmi_dmx.trainer.commands import plot
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.fit import build, resume, train
from bmi_dmx.trainer.module import TrainingModule
from bmi_dmx.trainer.run_folder import RunFolder
from bmi_dmx.trainer.tasks.arrays.experiment import Experiment
from bmi_dmx.trainer.tasks.arrays.task import ArraysTask
from bmi_dmx.trainer.tune import tune

from ...test_shares import assert_shares_are_the_whole
from . import systems
from .conftest import Write
from .systems import EXPERIMENTS

Trained = Callable[[str], Path]


def task_of(path: Path, *settings: str) -> tuple[TrainingModule, ArraysTask]:
    module = build(load_experiment(path, settings))
    assert isinstance(module.task, ArraysTask)
    return module, module.task


def weights(run: Path) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = read_checkpoint(run / "checkpoints" / "last.ckpt")[
        "state_dict"
    ]
    return weights


def assert_equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_systems_of_every_coupling_learn(trained: Trained, name: str) -> None:
    with open(trained(name) / "metrics.csv", encoding="utf-8", newline="") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file) if row["loss"]]
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_shares_have_the_gradient_of_the_whole_batch(write: Write, name: str) -> None:
    assert_shares_are_the_whole(write(name), 2)


class Killed(Exception):
    """Stands for the end of a process."""


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_run_goes_on_bit_for_bit(
    trained: Trained,
    write: Write,
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = TrainingModule.training_step

    def dying(self: TrainingModule, batch: Any, index: int) -> Tensor:
        if self.global_step == 13:
            raise Killed
        return good(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingModule, "training_step", dying)
        with pytest.raises(Killed):
            train(write(name), root=tmp_path)
    (run,) = tmp_path.glob(f"{name}-*")
    resume(run)
    assert_equal(weights(run), weights(trained(name)))


def test_the_best_checkpoint_has_the_least_error(trained: Trained) -> None:
    run = RunFolder(trained("heated"))
    with open(run.metrics, encoding="utf-8", newline="") as file:
        cells = [row["validation_error"] for row in csv.DictReader(file)]
    summary = json.loads(run.summary.read_text(encoding="utf-8"))
    least = min(float(cell) for cell in cells if cell)
    assert summary["best_validation_error"] == pytest.approx(least, rel=1e-6)
    model = load_model(run.best, run.experiment().model)
    _, task = task_of(run.config)
    task.prepare(model, 1)
    assert task.validate(model) == pytest.approx(least, rel=1e-6)


def test_the_loss_is_a_mean_of_squared_deviations(write: Write) -> None:
    settings = ["weights={gain: 3}", "model.parts.parameters.options.dropout=0"]
    module, task = task_of(write("heated"), *settings)
    batch = next(iter(task.batches))
    with torch.no_grad():
        loss = task.loss(module.model, batch)
        ran = module.model.simulate(
            batch["forcing"], batch["attributes"], warmup=10,
            outputs=["gain", "warmth"],
        )  # fmt: skip
    targets = systems.heated()["targets"]
    expected = 0.0
    for name, weight in (("gain", 3.0), ("warmth", 1.0)):
        # Of the days to learn from: 60 less 12 and 12.
        spread = np.nanstd(targets[name][:36])
        error = ran.outputs[name].numpy() - batch["targets"][name].numpy()
        expected += weight * np.nanmean((error / spread) ** 2) / 4.0
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_what_is_set_aside_for_the_test_has_no_influence(
    trained: Trained, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = systems.heated

    def altered() -> dict[str, Any]:
        arrays = whole()
        arrays["forcing"]["around"][48:] += 7.0
        arrays["targets"]["warmth"][48:] -= 7.0
        return arrays

    expected = weights(trained("heated"))
    monkeypatch.setattr(systems, "heated", altered)
    assert_equal(weights(train(write("heated"), root=tmp_path)), expected)


def test_other_series_are_noticed(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(write("heated"), ["training.steps=10"], root=tmp_path)
    (run / "training.json").unlink()
    whole = systems.heated
    monkeypatch.setattr(systems, "heated", lambda: whole(noise=0.1))
    with pytest.raises(DataError, match="changed since the run began: series of the"):
        resume(run)


def test_places_can_be_set_aside(write: Write, tmp_path: Path) -> None:
    run = train(write("heated"), ["split.of=places"], root=tmp_path)
    facts = read_checkpoint(run / "checkpoints" / "best.ckpt")["bmi_dmx"]["facts"]
    assert (facts["samples"], facts["time_steps"]) == (4, 60)


def test_less_is_better_in_a_search(write: Write, tmp_path: Path) -> None:
    search = tmp_path / "search.yaml"
    search.write_text(
        "trials: 3\nspace: {training.optimizer.rate: [1e-9, 1e-2, 5e-2]}", "utf-8"
    )
    folder = tune(write("heated"), search, ["training.steps=4"], root=tmp_path)
    best = json.loads((folder / "best.json").read_text("utf-8"))
    errors = [
        json.loads(path.read_text("utf-8"))["best_validation_error"]
        for path in folder.glob("*/training.json")
    ]
    assert best["best_validation_error"] == min(errors)


def test_training_stops_when_the_error_no_longer_falls(
    write: Write, tmp_path: Path
) -> None:
    settings = ["training.patience=2", "training.optimizer.rate=1e-30"]
    run = train(write("heated"), [*settings, "training.steps=60"], root=tmp_path)
    summary = json.loads((run / "training.json").read_text("utf-8"))
    assert (summary["steps"], summary["stopped_early"]) == (30, True)


def test_an_answer_that_is_no_number_gives_no_error(write: Write) -> None:
    module, task = task_of(write("turbulent"))
    for batch in task.validation:
        batch["state"]["ring.x"][:, ::3] = 1e30
    assert not math.isfinite(task.validate(module.model))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("split.validation=1.5", "split: validation: found 1.5, expected 0 to below 1"),
        ("split={validation: 0.6, test: 0.5}", "together they leave nothing over"),
        ("split.of=time_", "split.of: unknown value 'time_'; did you mean 'time'?"),
        ("weights={gain: 0}", "weights.gain: found 0.0, expected a number above 0"),
        ("evaluation.at_once=0", "evaluation: at_once: expected at least 1, found 0"),
        ("data.sourse=a", "data.sourse: unknown key; did you mean 'source'?"),
        ("periods={}", "periods: unknown key"),
    ],
)
def test_what_is_wrong_is_named(write: Write, setting: str, message: str) -> None:
    path = write("heated")
    with pytest.raises(ConfigError) as caught:
        load_experiment(path, [setting])
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("weights={gian: 1}", r"yaml: weights\.gian: there is no .* mean 'gain'"),
        ("training.window=80", r"yaml: training\.warmup and training\.window: 10 \+"),
        ("data.options={plaecs: 0}", r"yaml: data\.options\.plaecs: .* mean 'places'"),
        ("model.transforms={size: log}", r"yaml: model\.transforms: size: .* 'log'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_leaves_no_folder(
    write: Write, tmp_path: Path, setting: str, message: str
) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        train(write("heated"), [setting], root=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_target_that_never_changes_is_refused(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = systems.heated()
    arrays["targets"]["warmth"][:36] = 3.0
    monkeypatch.setattr(systems, "heated", lambda: arrays)
    with pytest.raises(DataError, match="target 'warmth' never changes in the train"):
        task_of(write("heated"))


def test_a_bundle_says_where_it_comes_from_and_how_good_it_is(
    trained: Trained, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained("heated"), run)
    manifest = export(run).manifest
    assert manifest.provenance["task"] == "arrays"
    assert manifest.provenance["time_steps"] == 36
    assert manifest.provenance["data"]["source"].endswith("systems:heated")
    assert {a.name: a.units for a in manifest.attributes} == {"size": "m"}
    summary = RunFolder(run).results("test")
    assert summary is not None
    assert manifest.scores["test"] == summary["scores"]
    assert manifest.scores["validation"]["error"] < 1.0


def test_of_a_file_the_name_alone_goes_into_a_bundle() -> None:
    content = EXPERIMENTS["heated"]
    data = {"source": "/somewhere/a.nc", "targets": ["gain"]}
    experiment = convert({**content, "data": data}, Experiment)
    facts = {"samples": 1, "time_steps": 2, "units": {}}
    assert ArraysTask.provenance(experiment, facts)["data"]["source"] == "a.nc"
    assert "source" not in experiment.course()["data"]


def test_there_is_nothing_to_plot(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no picture of such results"):
        plot(trained("heated") / "test", output=tmp_path / "a.png")
