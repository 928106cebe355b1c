"""Filters learned from archives: streams, gradients, and what is not looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.assimilation.archive import write_archive
from bmi_dmx.assimilation.experiment import Experiment as Twin
from bmi_dmx.assimilation.filters.amortized import Amortized
from bmi_dmx.assimilation.scores import crps
from bmi_dmx.assimilation.truth import truth_of
from bmi_dmx.config import convert
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.callbacks import Checkpoints
from bmi_dmx.trainer.checkpoint import OWN, read_checkpoint
from bmi_dmx.trainer.evaluate import evaluate
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.fit import build, resume, train
from bmi_dmx.trainer.module import TrainingModule
from bmi_dmx.trainer.tasks.archive.cycle import CycleResult, fair_crps
from bmi_dmx.trainer.tasks.archive.losses import LOSSES

from .conftest import TWIN, Write


def weights(module: TrainingModule) -> Tensor:
    return torch.cat([w.detach().reshape(-1) for w in module.model.parameters()])


def learned(module: TrainingModule, windows: int, rate: float = 1e-2) -> list[float]:
    """Learn some windows, and return their losses."""
    optimizer = torch.optim.Adam(module.model.parameters(), rate)
    losses: list[float] = []
    while True:
        for window in module.task.batches:
            if len(losses) == windows:
                return losses
            loss = module.task.loss(module.model, window)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())


def archive(folder: Path, tell: bool = True, **settings: Any) -> Path:
    """Write an archive of the twin experiment."""
    path = folder / "archive.nc"
    write_archive(path, truth_of(convert({**TWIN, **settings}, Twin)), tell=tell)
    return path


def test_the_gradient_through_three_cycles_is_that_of_differences(
    write: Write,
) -> None:
    module = build(load_experiment(write("training.window=3", "loss.kind=forecast")))
    task, model = module.task, module.model.double()
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.1 * torch.randn_like(weight)
    (window, *_) = list(task.batches)
    window = {
        **window,
        "memory": {n: x.double() for n, x in window["memory"].items()},
        **{
            n: window[n].double()
            for n in ("ensemble", "observed", "error", "target", "truth")
        },
    }
    task.loss(model, window).backward()
    for name in ("body.input.weight", "body.output.weight"):
        weight = model.get_parameter(f"analysis.{name}")
        assert weight.grad is not None
        step = torch.randn_like(weight)
        step *= 1e-5 / step.norm()
        with torch.no_grad():
            weight += step
            above = task.loss(model, window)
            weight -= 2 * step
            below = task.loss(model, window)
            weight += step
        expected = float((weight.grad * step).sum())
        assert float(above - below) / 2 == pytest.approx(expected, rel=1e-4)


def test_streams_go_on_where_they_were(write: Write) -> None:
    settings = ("streams.restart=0", "streams.limit=100")
    module = build(load_experiment(write(*settings)), length=4)
    observed = module.task.training.observed
    sampler, before = module.task.batches, None
    for window in sampler:
        if before is not None:
            ended, memory, targets = before
            assert torch.equal(window["ensemble"], ended)
            assert torch.equal(window["memory"]["s.memory.0"], memory)
            last, first = targets[-1].numpy(), window["target"][0].numpy()
            for one, other in zip(last, first, strict=True):
                at = int((observed[0] == one).all(-1).argmax())
                np.testing.assert_array_equal(observed[0, at + 1], other)
        module.task.loss(module.model, window)
        state = sampler.state_dict()
        before = state["ensemble"], state["memory"]["s.memory.0"], window["target"]


def test_some_streams_begin_again_with_nothing_remembered(write: Write) -> None:
    module = build(
        load_experiment(write("streams.restart=0.34", "streams.restart_every=1")),
        length=4,
    )
    for at, window in enumerate(module.task.batches):
        fresh = (window["memory"]["s.started"] == 0.0).all(-1).all(-1)
        assert int(fresh.sum()) == (3 if at == 0 else 1)
        module.task.loss(module.model, window)


def test_what_is_lost_begins_again(write: Write) -> None:
    module = build(load_experiment(write("streams.restart=0")))
    sampler = module.task.batches
    state = sampler.state_dict()
    sampler.carry(torch.full_like(state["ensemble"], 1e9), state["memory"])
    (window, *_) = list(sampler)
    assert (window["ensemble"].abs() < 30.0).all()


def test_what_is_hidden_and_louder_is_not_the_target(write: Write) -> None:
    module = build(load_experiment(write("data.hide=0.5", "data.louder=2.0")))
    (window, *_) = list(module.task.batches)
    assert not window["target"].isnan().any()
    hidden = window["observed"].isnan()
    assert 0.2 < float(hidden.float().mean()) < 0.8
    assert (window["error"] > 1.0).all()
    assert (window["observed"] != window["target"])[~hidden].all()
    assert float(module.model.get_buffer("analysis.high")) == pytest.approx(5**0.5)


def test_learning_lowers_the_misfit(write: Write) -> None:
    module = build(load_experiment(write()))
    before = module.task.validate(module.model)
    learned(module, 60)
    assert module.task.validate(module.model) < 0.8 * before


def test_no_truth_is_read_unless_it_is_asked_for(write: Write, tmp_path: Path) -> None:
    path = archive(tmp_path)
    setting = f"data={{archive: {path}, validation: 0.2}}"
    first = build(load_experiment(write(), [setting]))
    learned(first, 3)
    with netCDF4.Dataset(path, "a") as file:
        file["truth"][:] = np.nan
    second = build(load_experiment(write(), [setting]))
    learned(second, 3)
    assert torch.equal(weights(first), weights(second))
    assert first.task.fingerprint == second.task.fingerprint
    third = build(load_experiment(write("loss.kind=supervised"), [setting]))
    assert third.task.fingerprint != second.task.fingerprint


def test_a_truth_that_is_not_there_cannot_be_asked_for(
    write: Write, tmp_path: Path
) -> None:
    path = archive(tmp_path, tell=False)
    with pytest.raises(DataError, match="variable 'truth' is missing, which the loss"):
        build(
            load_experiment(
                write(), [f"data={{archive: {path}, noise: fresh, validation: 0.2}}"]
            )
        )


def test_a_made_archive_is_that_of_the_file(write: Write, tmp_path: Path) -> None:
    setting = f"data={{archive: {archive(tmp_path, observe={'every': 4})}}}"
    file = build(load_experiment(write(), [setting])).task
    synthetic = build(
        load_experiment(write("data.made.observe={every: 4}", "data.validation=0.1"))
    ).task
    np.testing.assert_array_equal(file.training.observed, synthetic.training.observed)
    assert np.isnan(synthetic.training.observed).mean() == pytest.approx(0.75)


def test_fresh_noise_is_of_the_truth_and_new_each_time(write: Write) -> None:
    module = build(load_experiment(write("data.noise=fresh")))
    (window, *_) = list(module.task.batches)
    noise = window["target"] - window["truth"]
    assert 0.5 < float(noise.std()) < 1.5
    flat = module.task.training.observed[0]
    assert not (flat == window["target"][0, 0].numpy()).all(-1).any()


def test_going_on_is_bitwise_not_having_stopped(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("streams.members=2", "loss.kind=crps")
    whole = train(path, root=tmp_path / "whole")
    saved = Checkpoints.on_train_epoch_end

    def killed(self: Checkpoints, *arguments: Any) -> None:
        saved(self, *arguments)
        if self.folder.last.exists():
            raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "on_train_epoch_end", killed)
        with pytest.raises(MemoryError):
            train(path, root=tmp_path / "cut")
    (cut,) = (tmp_path / "cut").iterdir()
    assert read_checkpoint(cut / "checkpoints" / "last.ckpt")["global_step"] == 2
    resume(cut)
    first, second = (
        read_checkpoint(run / "checkpoints" / "last.ckpt") for run in (whole, cut)
    )
    for name, values in first["state_dict"].items():
        assert torch.equal(values, second["state_dict"][name]), name
    streams = [x[OWN]["batches"]["ensemble"] for x in (first, second)]
    assert torch.equal(*streams)


def test_a_run_becomes_a_bundle_that_follows_truths(
    write: Write, tmp_path: Path
) -> None:
    run = train(write("data.made.observe={every: 2}"), root=tmp_path)
    report = evaluate(run)
    (row,) = report.rows.values()
    assert len(row["rmse_of_seeds"]) == 2
    assert np.isfinite(row["rmse_analysis"])
    bundle = export(run)
    assert bundle.manifest.provenance["truth"] == "not read"
    assert bundle.manifest.scores["test"]["rmse_analysis"] == row["rmse_analysis"]
    assert Amortized(str(bundle.path)).memory.states == {}
    with pytest.raises(ConfigError, match="found 'train', expected 'test'"):
        evaluate(run, "train")


def test_the_fair_score_is_that_of_plain_loops() -> None:
    members, value = torch.randn(4, 5, 3), torch.randn(4, 3)
    scores = fair_crps(members, value)
    for at in np.ndindex(4, 3):
        x, y = members[at[0], :, at[1]], value[at]
        expected = (x - y).abs().mean() - sum(
            float((a - b).abs()) for a in x for b in x
        ) / (2 * 5 * 4)
        assert float(scores[at]) == pytest.approx(float(expected), abs=1e-6)
    np.testing.assert_allclose(
        scores.numpy(), crps(members.numpy(), value.numpy()), rtol=1e-5, atol=1e-6
    )


def test_the_fair_score_with_errors_is_the_mean_over_errors_that_are_drawn() -> None:
    torch.manual_seed(2)
    members, value, error = torch.randn(5, 3), torch.randn(3), 0.7
    drawn = members + error * torch.randn(100_000, 5, 3)
    torch.testing.assert_close(
        fair_crps(members, value, error), fair_crps(drawn, value).mean(0),
        rtol=0.0, atol=0.01,
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "settled"), [("crps", 0.5), ("forecast", 0.0)])
def test_the_ranked_score_alone_asks_for_the_spread_that_errors_have(
    kind: str, settled: float
) -> None:
    torch.manual_seed(4)
    error, members = 0.5, torch.randn(2000, 8, 4)
    target = 0.5 * torch.randn(2000, 4) + error * torch.randn(2000, 4)
    size = torch.tensor(0.01, requires_grad=True)
    optimizer = torch.optim.SGD([size], 2.0)
    for _ in range(40):
        forecast = size * members
        loss = LOSSES[kind](CycleResult(forecast, forecast, {}), target, error).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert size.item() == pytest.approx(settled, abs=0.03)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.warmup=3", "training.warmup: found 3, expected 0"),
        ("training.window=1", "training.window: found 1, expected at least 2"),
        ("loss.kind=crps", "streams.members: found 1, expected at least 2"),
        ("data.hide=1.0", "hide: found 1.0, expected 0 to below 1"),
        ("data.archive=a.nc", "archive or made: exactly one of them must be given"),
        ("model.parts={w: {process: lorenz_96}}", "expected one part, of process"),
    ],
)
def test_impossible_experiments_are_refused(
    write: Write, setting: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_experiment(write(), [setting])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.space.size=14", "model.space: expected that of the system, a ring of"),
        (
            "model.parts.analysis.options.states=[u]",
            "options.states: found u, expected those of the system, x",
        ),
    ],
)
def test_filters_of_another_system_are_refused(
    write: Write, setting: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        build(load_experiment(write(), [setting]))
