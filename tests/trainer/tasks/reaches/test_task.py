"""A river is trained, scored, exported and scored again."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.bundle import load_bundle
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.checkpoint import read_checkpoint
from bmi_dmx.trainer.commands import plot
from bmi_dmx.trainer.evaluate import evaluate, score
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.fit import resume
from bmi_dmx.trainer.module import TrainingModule
from bmi_dmx.trainer.requests import ScoringRequest
from bmi_dmx.trainer.tasks.reaches import task as module
from bmi_dmx.trainer.tasks.reaches.data import read
from bmi_dmx.trainer.tasks.reaches.evaluate import classes
from bmi_dmx.trainer.tasks.reaches.prediction import Span, predict
from bmi_dmx.trainer.tasks.streamflow.comparison import Comparison
from bmi_dmx.trainer.tasks.streamflow.results import read_streamflow

from ...test_resume import Killed, assert_same_run
from ...test_shares import assert_shares_are_the_whole
from .conftest import Tasks

Run = Callable[..., Path]


@pytest.mark.parametrize("step", [1, 3, 6])
def test_a_resumed_run_equals_an_uninterrupted_one(
    finished: Path, run: Run, step: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    good = TrainingModule.training_step

    def dying(self: TrainingModule, batch: Any, index: int) -> Tensor:
        if self.global_step == step:
            raise Killed
        return good(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingModule, "training_step", dying)
        with pytest.raises(Killed):
            run()
    (path,) = (tmp_path / "runs").iterdir()
    last = read_checkpoint(path / "checkpoints" / "last.ckpt")
    assert last["global_step"] == step
    torch.manual_seed(99)
    resume(path)
    assert_same_run(finished, path)


def test_other_flow_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = run()
    (path / "training.json").unlink()
    reading = read

    def corrected(*arguments: Any) -> Any:
        data = reading(*arguments)
        return replace(data, observed=data.observed + np.float32(0.01))

    monkeypatch.setattr(module, "read", corrected)
    with pytest.raises(DataError, match="changed since the run began: series of the"):
        resume(path)


def test_shares_have_the_gradient_of_the_whole_batch(brook: Path) -> None:
    # With what departs from priors.
    still = "model.parts.channel.options={hidden: [4], dropout: 0}"
    assert_shares_are_the_whole(brook, 2, still, "training.batch=3")


def test_days_without_observations_do_not_count(prepared: Tasks) -> None:
    task, model = prepared("priors={}")
    model = model.float()
    batch = task.batches.cut(np.array([0, 1]), np.array([0, 9]))
    whole = task.loss(model, batch)
    gap = batch["target"].clone()
    gap[2:4, 0] = float("nan")
    part = task.loss(model, {**batch, "target": gap})
    wrong = batch["target"].clone()
    wrong[2:4, 0] = 1e3
    assert part.isfinite()
    assert part != whole
    assert task.loss(model, {**batch, "target": wrong}) > 10 * part


def test_a_gauge_that_was_never_observed_is_scored_alone(
    brook: Path,
    prepared: Tasks,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    reading = read

    def less(*arguments: Any) -> Any:
        data = reading(*arguments)
        observed = data.observed.copy()
        observed[:50, 1] = np.nan
        return replace(data, observed=observed)

    monkeypatch.setattr(module, "read", less)
    task, model = prepared()
    assert "1 of 2 gauges have no observations" in caplog.text
    assert task.learning.tolist() == [0]
    assert task.batches.draw()["gauges"].tolist() == [0]
    assert np.isfinite(task.validate(model.float()))


def test_a_prior_pulls_what_gauges_do_not_decide(prepared: Tasks) -> None:
    far, model = prepared("priors.manning={value: 0.2, factor: 1.1, weight: 1.0}")
    none, _ = prepared("priors={}")
    batch = far.batches.cut(np.array([0, 1]), np.array([0]))
    model = model.float()
    assert far.routing is not None
    n = model.constant_parameters(far.routing.attributes)["manning"]
    expected = (torch.log(n / 0.2) / np.log(1.1)).square().mean()
    penalty = far.loss(model, batch) - none.loss(model, batch)
    assert float(penalty.detach()) == pytest.approx(float(expected.detach()), rel=1e-4)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("priors.maning={value: 0.05}", "no network supplies 'maning'.*'manning'"),
        ("priors.manning.value=3", r"manning.value: found 3, expected 0.015 to 0.25"),
        ("data.days.utc_offset=-20", r"data.days.*utc_offset: found -20"),
        ("evaluation.areas=[5, 1]", r"areas: found \[5.0, 1.0\]"),
        ("training.window=41", r"window: 41 days do not fit into periods.train"),
        ("periods.train=[2000-01-01, 2001-02-19]", "there is inflow from 2001-01-01"),
        ("model.parts.river.process=hbv11p", "."),
    ],
)
def test_what_is_wrong_is_refused(prepared: Tasks, setting: str, message: str) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        prepared(setting)


def test_parameters_are_told_after_a_validation(
    prepared: Tasks, caplog: pytest.LogCaptureFixture
) -> None:
    task, model = prepared()
    with caplog.at_level(logging.INFO, module.__name__):
        task.validate(model.float())
    assert "manning: median 0." in caplog.text


@pytest.mark.parametrize("within", ["repeat", "linear"])
def test_pieces_of_a_period_are_one_run(prepared: Tasks, within: str) -> None:
    task, model = prepared(f"data.disaggregation={within}")
    assert task.routing is not None
    days = slice(20, 60)
    whole = predict(task.routing, model, Span(12, days, 365))
    pieces = predict(task.routing, model, Span(12, days, 7))
    np.testing.assert_allclose(pieces.days, whole.days, rtol=1e-10)
    assert pieces.water == pytest.approx(whole.water)


@pytest.fixture(scope="module")
def report(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """The evaluation of the finished run over its test period."""
    report = evaluate(finished, output=tmp_path_factory.mktemp("results") / "test")
    assert isinstance(report, Comparison)
    return report


def test_model_and_baselines_are_scored_on_the_same_days(report: Comparison) -> None:
    flows = read_streamflow(report.folder / "streamflow.nc")
    assert flows.time[[0, -1]].astype("datetime64[D]").astype(str).tolist() == [
        "2001-03-07",
        "2001-03-30",
    ]
    valid = np.isfinite(flows["observed"])
    for name in ("simulated", "summed_inflow", "constant_lag"):
        assert np.isfinite(flows[name])[valid].all()
        assert flows.series[name].units == "m3 s-1"
    text = (report.folder / "scores.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    o = flows["observed"].astype(float)
    for k, row in enumerate(rows):
        for column, name in (
            ("nse", "simulated"),
            ("nse_summed_inflow", "summed_inflow"),
            ("nse_constant_lag", "constant_lag"),
        ):
            error = ((flows[name][:, k] - o[:, k]) ** 2).sum()
            expected = 1 - error / ((o[:, k] - o[:, k].mean()) ** 2).sum()
            assert float(row[column]) == pytest.approx(expected, abs=1e-4)


def test_scores_are_told_by_class_of_area(report: Comparison) -> None:
    assert list(report.groups) == ["all", "below 500 km2", "from 500 km2"]
    summary = json.loads((report.folder / "summary.json").read_text("utf-8"))
    assert summary["gauges"] == {"all": 2, "below 500 km2": 1, "from 500 km2": 1}
    compared = summary["compared"]["all"]
    assert set(compared) == {"brook", "summed inflow", "constant lag"}
    assert set(summary["lag_hours"]) == {"A", "B"}
    assert summary["parameters"]["manning"]["minimum"] >= 0.015
    assert set(summary["water"]) == {"created", "negative"}


def test_classes_hold_every_gauge_once() -> None:
    groups = classes(np.array([3.0, 999.0, 1000.0, 2e4]), [1000.0, 5000.0])
    assert {name: at.tolist() for name, at in groups.items()} == {
        "all": [0, 1, 2, 3],
        "below 1000 km2": [0, 1],
        "from 5000 km2": [3],
        "below 5000 km2": [2],
    }


def test_the_pictures_are_there(report: Comparison, tmp_path: Path) -> None:
    names = {path.name for path in report.folder.glob("*.png")}
    assert names == {
        "hydrographs.png", "nse_cdf.png", "parameters.png", "roughness.png",
        "score_by_area.png",
    }  # fmt: skip


def test_chosen_gauges_are_drawn(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(finished)
    target = tmp_path / "b.png"
    plot(finished / "test", ["B"], output=target)
    assert target.is_file()
    with pytest.raises(DataError, match="no gauge 'C'"):
        plot(finished / "test", ["C"], output=target)


def test_a_bundle_scores_as_the_run_it_comes_from(
    finished: Path, report: Comparison, river_file: Path, tmp_path: Path
) -> None:
    bundle = export(finished, tmp_path / "bundle")
    provenance = load_bundle(bundle.path).manifest.provenance
    assert provenance["gauges"] == ["A", "B"]
    assert provenance["data"]["days"] == {"utc_offset": -5.0, "advance": 0.0}
    first, last = (np.datetime64(d).item() for d in ("2001-03-07", "2001-03-30"))
    again = score(
        bundle.path,
        ScoringRequest(
            data=river_file, period=(first, last), warmup=3, output=tmp_path / "scored"
        ),
    )
    assert isinstance(again, Comparison)
    np.testing.assert_allclose(again.scores["nse"], report.scores["nse"], atol=1e-6)
    for name, scores in report.baselines.items():
        np.testing.assert_allclose(again.baselines[name]["kge"], scores["kge"])
    assert again.notes == (
        "2 of 2 gauges are among those it learned from, on other days",
    )


def test_a_bundle_says_where_it_is_no_test(
    finished: Path, river_file: Path, tmp_path: Path
) -> None:
    bundle = export(finished, tmp_path / "bundle")
    request = ScoringRequest(
        data=river_file, places=["B"], warmup=3, output=tmp_path / "scored"
    )
    report = score(bundle.path, request)
    assert isinstance(report, Comparison)
    assert any(note.startswith("NO TEST at 1 of 1 gauges") for note in report.notes)
    with pytest.raises(ConfigError, match=r"expected data\.KEY"):
        score(bundle.path, replace(request, settings=["days.advance=3"]))


def test_several_runs_are_averaged(finished: Path, run: Run) -> None:
    other = run("seed=6")
    both = evaluate([finished, other], "validation")
    alone = [
        read_streamflow(evaluate(path, "validation").folder / "streamflow.nc")
        for path in (finished, other)
    ]
    flows = read_streamflow(both.folder / "streamflow.nc")
    mean = np.mean([one["simulated"] for one in alone], axis=0)
    np.testing.assert_allclose(flows["simulated"], mean, rtol=1e-6)


def test_networks_learn_from_the_weather_day_by_day(
    river_file: Path, run: Run, tmp_path: Path
) -> None:
    varying = (
        "model.parts={evaporation: {process: oudin}, weather: {network: lstm,"
        " step: 86400, forcings: [air_temperature, lateral_inflow],"
        " attributes: [wooded], options: {hidden: 3, dropout: 0.0}, gives: [manning]},"
        " channel: {network: mlp, options: {hidden: [3]}, attributes: [wooded],"
        " gives: [width_exponent, width_coefficient]},"
        " river: {process: muskingum_cunge}}"
    )
    path = run(varying, "priors={}", "data.forcings.air_temperature.variable=warmth")
    report = evaluate(path, "validation", output=tmp_path / "validation")
    assert isinstance(report, Comparison)
    assert np.isfinite(report.scores["nse"]).all()
    weights = read_checkpoint(path / "checkpoints" / "best.ckpt")["state_dict"]
    assert any(name.startswith("model.weather.") for name in weights)
    with pytest.raises(
        ConfigError, match="the model reads 'air_temperature', of which"
    ):
        run(varying, "priors={}")


def test_a_lag_of_the_inflow_is_learned(run: Run, tmp_path: Path) -> None:
    lagging = (
        "model.parts={usual: {network: constant, gives: [inflow_lag]},"
        " late: {process: inflow_lag, options: {hours: 12}},"
        " channel: {network: mlp, options: {hidden: [3]}, attributes: [wooded],"
        " gives: [manning, width_exponent, width_coefficient]},"
        " river: {process: muskingum_cunge}}"
    )
    path = run(lagging, "training.steps=4")
    report = evaluate(path, "validation", output=tmp_path / "validation")
    summary = json.loads((report.folder / "summary.json").read_text("utf-8"))
    lag = summary["parameters"]["inflow_lag"]
    assert 0.0 < lag["minimum"] == lag["maximum"] < 12.0
    assert lag["median"] != 6.0
