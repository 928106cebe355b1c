"""From files of years to a trained ocean: resumed, shared, scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError
from bmi_dmx.trainer import fit
from bmi_dmx.trainer.checkpoint import read_checkpoint
from bmi_dmx.trainer.evaluate import evaluate
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.registries import experiments
from bmi_dmx.trainer.run_folder import RunFolder
from tests.trainer.test_processes import launched
from tests.trainer.test_shares import assert_shares_are_the_whole

from . import made


def written(folder: Path, ocean: Path, **changes: Any) -> Path:
    path = folder / "experiment.yaml"
    path.write_text(as_yaml(made.experiment(ocean, **changes)), encoding="utf-8")
    return path


def test_a_run_that_was_stopped_goes_on_bit_for_bit(
    run: Path, ocean: Path, tmp_path: Path
) -> None:
    def stop(step: int, score: float) -> None:
        raise KeyboardInterrupt

    experiment = load_experiment(written(tmp_path, ocean))
    folder = RunFolder.create(tmp_path, experiment)
    with pytest.raises(KeyboardInterrupt):
        fit._fit(
            experiment, fit.build(experiment), folder, resumed=False, watching=stop
        )
    assert read_checkpoint(folder.last)["global_step"] == 3
    fit.resume(folder.path)
    one, other = (
        read_checkpoint(RunFolder(p).last)["state_dict"] for p in (run, folder.path)
    )
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_all_that_is_learned_has_moved(run: Path) -> None:
    experiment = RunFolder(run).experiment()
    before = fit.build(experiment).state_dict()
    after = read_checkpoint(RunFolder(run).last)["state_dict"]
    weights = fit.build(experiment).model.named_parameters()
    learned = {f"model.{n}" for n, x in weights if x.requires_grad}
    assert {"model.maps.network.output.bias", "model.numbers.network.output.bias"} <= (
        after.keys()
    )
    for name, x in after.items():
        same = torch.equal(x, before[name])
        assert same is (name not in learned), name


def test_scores_stand_beside_those_without_a_model(run: Path) -> None:
    report = evaluate(run, "test")
    summary = json.loads((report.folder / "summary.json").read_text("utf-8"))
    assert summary["forcing"] == "observed"
    scores = summary["scores"]
    assert scores.keys() == {"model", "persistence", "climatology"}
    # 26 February to 2 March: starts on the 26th, 28th and 1 March less two days ahead.
    assert scores["model"]["temperature"]["2"]["pairs"] == 2
    days = made.fields(np.arange(420, 428))[:, slice(*made.channels()["elevation"])]
    day = int((np.datetime64("2020-02-26") - np.datetime64("2019-01-01")).astype(int))
    rows = days[:, 0, ::-1][:, 1:9]
    weights = np.cos(np.radians(-60.0 + 15.0 * np.arange(8)))[:, None] * np.isfinite(
        rows[0]
    )
    squares = [
        np.nansum((rows[k + 1] - rows[k]) ** 2 * weights) / weights.sum()
        for k in (day - 420, day - 418)
    ]
    rmse = scores["persistence"]["elevation"]["1"]["rmse"]
    assert rmse == pytest.approx(np.sqrt(np.mean(squares)), rel=1e-5)
    for name, leads in scores["model"].items():
        for lead, one in leads.items():
            best = scores[one["best_baseline"]][name][lead]["rmse"]
            apart = one["difference"]
            assert apart["value"] == pytest.approx(one["rmse"] - best, abs=1e-9)
            assert apart["low"] <= apart["value"] <= apart["high"]
            assert one["stable"] == 1.0
            assert -1.0 <= one["acc"] <= 1.0
    assert (report.folder / "scores.png").stat().st_size > 0


def test_an_untrained_network_alone_is_persistence(ocean: Path, tmp_path: Path) -> None:
    from bmi_dmx.trainer.tasks.fields.levels.evaluate import errors_of

    experiment = load_experiment(written(tmp_path, ocean, model=made.alone()))
    module = fit.build(experiment)
    task: Any = module.task
    scores = errors_of(
        [module.model], task.part, task.samples, experiment, experiment.periods.test,
        (1, 2), baselines=True,
    )  # fmt: skip
    for name, leads in scores["model"].items():
        for lead, errors in leads.items():
            expected = scores["persistence"][name][lead]["rmse"]
            assert errors["rmse"] == pytest.approx(expected, rel=1e-6)


def test_shares_have_the_gradient_of_the_whole_batch(
    ocean: Path, tmp_path: Path
) -> None:
    settings = ("rollout.steps=[2]", "rollout.until=[]")
    assert_shares_are_the_whole(written(tmp_path, ocean), 2, *settings)


@pytest.mark.slow
def test_two_processes_learn_what_one_does(
    run: Path, ocean: Path, tmp_path: Path
) -> None:
    ended = launched(tmp_path, "train", written(tmp_path, ocean))
    assert ended.returncode == 0, ended.stderr
    one, other = (
        read_checkpoint(RunFolder(p).last)["state_dict"]
        for p in (run, tmp_path / "runs" / "made-1")
    )
    for name, expected in one.items():
        torch.testing.assert_close(other[name], expected, rtol=1e-3, atol=1e-4)


def test_gradients_end_where_they_are_cut(ocean: Path, tmp_path: Path) -> None:
    def gradient(truncate: int) -> Any:
        settings = ("rollout.steps=[2]", "rollout.until=[]", f"truncate={truncate}")
        module = fit.build(load_experiment(written(tmp_path, ocean), settings))
        task: Any = module.task
        batch = next(iter(task.batches))
        batch["state"]["temperature"].requires_grad_()
        temperature = task.answers(module.model, batch)["temperature"]
        (last,) = torch.autograd.grad(
            temperature[1].sum(), batch["state"]["temperature"]
        )
        return float(last.abs().max())

    assert gradient(1) == 0.0
    assert gradient(2) > 0.0


def test_networks_may_be_trained_in_half_and_physics_is_not(
    ocean: Path, tmp_path: Path
) -> None:
    settings = ("training.precision=bf16",)
    module = fit.build(load_experiment(written(tmp_path, ocean), settings))
    half = module.training_step(next(iter(module.task.batches)), 0)
    whole = fit.build(load_experiment(written(tmp_path, ocean)))
    same = whole.training_step(next(iter(whole.task.batches)), 0)
    assert module.model.network("ocean").network.precision is torch.bfloat16
    # Before training the network answers with zeros, in whatever precision.
    assert torch.equal(half, same)
    half.backward()
    assert all(
        w.grad is None or w.grad.dtype is torch.float32 for w in module.parameters()
    )


def test_an_experiment_has_the_model_that_is_named(tmp_path: Path) -> None:
    shipped = experiments()["ocean_hybrid"]
    for name, recipe in (
        ("ste", "ocean_hybrid"), ("unet", "ocean_hybrid"), ("physics", "ocean_hybrid"),
        ("local_mlp", "ocean_hybrid"), ("unet_alone", "ocean_network"),
        ("convlstm", "ocean_network"), ("simvp", "ocean_network"),
        ("fourcastnet", "ocean_network"),
    ):  # fmt: skip
        experiment = load_experiment(shipped, [f"model={name}", "training.batch=1"])
        assert experiment.model.recipe == recipe, name
        assert experiment.training.batch == 1
    assert (
        load_experiment(shipped).model == load_experiment(shipped, ["model=ste"]).model
    )
    with pytest.raises(
        ConfigError, match="'unnet' is none of the models; did you mean"
    ):
        load_experiment(shipped, ["model=unnet"])
    narrow = load_experiment(shipped, ["model=unet", "model.options.hidden=16"])
    assert narrow.model.to_dict()["options"]["hidden"] == 16
