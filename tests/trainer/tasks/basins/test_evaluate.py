"""Scores of trained models: which days, which basins, one model or several."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.checkpoint import load_model
from bmi_dmx.trainer.evaluate import evaluate
from bmi_dmx.trainer.run_folder import RunFolder
from bmi_dmx.trainer.tasks.basins import evaluate as evaluation
from bmi_dmx.trainer.tasks.basins import pictures
from bmi_dmx.trainer.tasks.basins.data import BasinData, DataSpec
from bmi_dmx.trainer.tasks.basins.data.read import read
from bmi_dmx.trainer.tasks.basins.evaluate import Report
from bmi_dmx.trainer.tasks.streamflow.comparison import ALL
from bmi_dmx.trainer.tasks.streamflow.metrics import metrics
from bmi_dmx.trainer.tasks.streamflow.results import read_streamflow

Run = Callable[..., Path]

TEST = ("1980-01-01", "1980-12-30")


@pytest.fixture(scope="module")
def report(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return evaluate(finished, output=tmp_path_factory.mktemp("evaluated") / "test")


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time of an evaluation, saved where nobody looks at them."""
    monkeypatch.setattr(evaluation, "draw", lambda *_, **__: None)


def plain_nse(simulated: np.ndarray, observed: np.ndarray) -> float:
    """NSE of one basin, written out."""
    error = sum(
        (float(s) - float(o)) ** 2 for s, o in zip(simulated, observed, strict=True)
    )
    mean = sum(map(float, observed)) / len(observed)
    return 1.0 - error / sum((float(o) - mean) ** 2 for o in observed)


def simulated_by_hand(run: Path, warmup: int, start: str) -> np.ndarray:
    """Flow from a day on, in one call of the model, without any of the evaluation."""
    folder = RunFolder(run)
    experiment = folder.experiment()
    model = load_model(folder.best, experiment.model)
    data = read(experiment.data).period(start, TEST[1])
    forcing = {n: torch.from_numpy(x) for n, x in data.forcing.items()}
    days = torch.from_numpy(data.day_of_year())[:, None].expand(data.target.shape)
    attributes = {n: torch.from_numpy(x) for n, x in data.attributes.items()}
    with torch.no_grad():
        ran = model.simulate(
            {**forcing, "day_of_year": days}, attributes, warmup=warmup
        )
    return ran.outputs["streamflow"].numpy()


def test_all_days_of_the_period_are_scored_after_a_warmup_before_it(
    report: Report, finished: Path
) -> None:
    flow = read_streamflow(report.folder / "streamflow.nc")
    assert str(flow.time[0]) == "1980-01-01"
    assert str(flow.time[-1]) == "1980-12-30"
    by_hand = simulated_by_hand(finished, 40, "1979-11-22")
    np.testing.assert_allclose(flow["simulated"], by_hand, rtol=1e-5, atol=1e-6)


def test_observations_are_those_of_the_data(report: Report, finished: Path) -> None:
    flow = read_streamflow(report.folder / "streamflow.nc")
    data = read(RunFolder(finished).experiment().data)
    np.testing.assert_array_equal(flow["observed"], data.period(*TEST).target)


def test_scores_are_those_of_the_written_flow(report: Report) -> None:
    flow = read_streamflow(report.folder / "streamflow.nc")
    with open(report.folder / "scores.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert set(metrics.names()) < set(rows[0])
    for i, row in enumerate(rows):
        nse = plain_nse(flow["simulated"][:, i], flow["observed"][:, i])
        assert float(row["nse"]) == pytest.approx(nse, abs=1e-4)


@pytest.mark.usefixtures("no_pictures")
def test_a_group_without_basins_is_left_out(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    path = run("training.steps=1", "evaluation.groups={wet: {p_mean: [30, 90]}}")
    assert "evaluation.groups.wet: none of 6 basins satisfies" in caplog.text
    assert evaluate(path).basins == {ALL: 6}


def test_groups_are_reported_besides_all_basins(report: Report) -> None:
    with open(report.folder / "scores.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    nse = [float(row["nse"]) for row in rows]
    large = [float(row["nse"]) for row in rows if float(row["area_km2"]) >= 150]
    assert 0 < len(large) < len(nse)
    assert report.medians[ALL]["nse"] == pytest.approx(np.median(nse), abs=1e-5)
    assert report.medians["large"]["nse"] == pytest.approx(np.median(large), abs=1e-5)
    assert report.basins == {ALL: 6, "large": len(large)}


def test_the_summary_states_what_was_scored(report: Report) -> None:
    summary = json.loads((report.folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["runs"] == ["tiny-1"]
    assert summary["seeds"] == [3]
    assert summary["scored"] == list(TEST)
    assert summary["warmup_days_before"] == 40
    assert summary["medians"] == report.medians
    assert summary["scores"]["nse"]["median"] == report.medians[ALL]["nse"]


def test_pictures_are_drawn(report: Report) -> None:
    names = {path.name for path in report.folder.glob("*.png")}
    assert names == {"hydrographs.png", "map.png", "nse_cdf.png", "parameters.png"}


@pytest.fixture
def fewer_observations(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the data hold no observations from a day on."""

    def cut(first: str) -> None:
        def without(spec: DataSpec, train: object = None) -> BasinData:
            data = read(spec)
            late = data.time >= np.datetime64(first)
            target = np.where(late[:, None], np.float32(np.nan), data.target)
            return replace(data, target=target)

        monkeypatch.setattr(evaluation, "read_for_training", without)

    return cut


def test_a_period_that_ends_without_observations_is_drawn(
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fewer_observations: Callable[[str], None],
) -> None:
    monkeypatch.setattr(pictures, "SHOWN", 100)
    fewer_observations("1980-06-01")
    report = evaluate(finished, output=tmp_path)
    assert np.isfinite(report.scores["nse"]).all()
    assert (tmp_path / "hydrographs.png").stat().st_size > 5000


@pytest.mark.usefixtures("no_pictures")
def test_a_warmup_that_the_record_cuts_short_is_said(
    finished: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    evaluate(finished, output=tmp_path / "test")
    assert "warmed up" not in caplog.text
    evaluate(finished, "train", output=tmp_path / "train")
    assert "periods.train: warmed up on 31 time steps, not on 40:" in caplog.text


@pytest.mark.usefixtures("no_pictures")
def test_basins_without_a_score_are_counted(
    finished: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unobserved(spec: DataSpec, train: object = None) -> BasinData:
        data = read(spec)
        target = data.target.copy()
        target[:, :2] = np.nan
        return replace(data, target=target)

    monkeypatch.setattr(evaluation, "read_for_training", unobserved)
    evaluate(finished, output=tmp_path)
    assert "2 of 6 basins have no NSE in the test period" in caplog.text


def test_what_cannot_be_drawn_for_want_of_observations_is_said(
    finished: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fewer_observations: Callable[[str], None],
) -> None:
    fewer_observations("1980-01-01")
    report = evaluate(finished, output=tmp_path)
    assert np.isnan(report.medians[ALL]["nse"])
    assert "no basin has a defined NSE in the test period" in caplog.text
    assert {path.name for path in tmp_path.glob("*.png")} == {"parameters.png"}


def test_hydrographs_say_what_the_table_of_scores_does(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, Any] = {}
    monkeypatch.setattr(pictures, "SHOWN", 100)
    monkeypatch.setattr(pictures, "hydrographs", lambda _, **given: drawn.update(given))
    report = evaluate(finished, output=tmp_path)
    np.testing.assert_array_equal(drawn["nse"], report.scores["nse"])
    assert drawn["title"] == "tiny, test 1980-01-01 to 1980-12-30"
    assert len(drawn["time"]) == len(drawn["observed"]) == 365
    assert drawn["steps"] == 100


def test_a_period_too_short_for_the_convention_has_no_such_number(
    report: Report,
) -> None:
    assert report.convention == {}


@pytest.mark.usefixtures("no_pictures")
def test_the_convention_leaves_the_first_days_unscored(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "CONVENTION", 100)
    median = evaluate(finished, output=tmp_path).convention[ALL]
    period = read(RunFolder(finished).experiment().data).period(*TEST)
    simulated = simulated_by_hand(finished, 100, TEST[0])
    pairs = zip(simulated.T, period.target[100:].T, strict=True)
    nse = np.median([plain_nse(s, o) for s, o in pairs])
    assert median == pytest.approx(nse, abs=1e-5)


@pytest.mark.usefixtures("no_pictures")
def test_the_flow_of_several_runs_is_averaged(run: Run, tmp_path: Path) -> None:
    paths = [run("training.steps=1"), run("training.steps=1", "seed=8")]
    alone = [evaluate(path) for path in paths]
    together = evaluate(paths)
    assert together.folder == tmp_path / "runs" / "tiny-ensemble-1" / "test"
    flows = [read_streamflow(r.folder / "streamflow.nc")["simulated"] for r in alone]
    mean = read_streamflow(together.folder / "streamflow.nc")["simulated"]
    np.testing.assert_allclose(mean, np.mean(flows, axis=0), rtol=1e-5)
    summary = json.loads((together.folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["seeds"] == [3, 8]


def test_runs_on_different_data_are_not_averaged(finished: Path, run: Run) -> None:
    few = ["01466500", "01467150"]
    groups = "evaluation.groups={}"
    other = run("training.steps=1", f"data.basins={few}", groups)
    message = "only one of them has basin '01440400'; only runs on the same"
    with pytest.raises(ConfigError, match=message):
        evaluate([finished, other])
    other = run("training.steps=1", "periods.test=[1980-01-01, 1980-12-29]")
    with pytest.raises(
        ConfigError, match=r"periods\.test is .*12-29, in .*12-30; only"
    ):
        evaluate([finished, other])


def test_runs_on_different_observations_are_not_averaged(
    finished: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = run("training.steps=1", "data.max_gap=4")

    def altered(spec: DataSpec, train: object = None) -> BasinData:
        data = read(spec)
        changed = data.target.copy()
        changed[400, 1] += spec.max_gap
        return replace(data, target=changed)

    monkeypatch.setattr(evaluation, "read_for_training", altered)
    message = "flow observed in basin '01467150' on 1980-02-05 is"
    with pytest.raises(ConfigError, match=message):
        evaluate([finished, other])


@pytest.mark.usefixtures("no_pictures")
def test_a_copy_of_a_run_scores_other_basins_and_days_by_the_same_model(
    finished: Path, report: Report, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere"
    shutil.copytree(finished, other)
    config = yaml.safe_load((other / "config.yaml").read_text("utf-8"))
    config["data"]["basins"] = ["01439500", "01440400"]
    config["periods"]["test"] = ["1980-01-01", "1980-06-30"]
    (other / "config.yaml").write_text(as_yaml(config), "utf-8")
    flows = read_streamflow(evaluate(other).folder / "streamflow.nc")
    assert flows.ids.tolist() == ["01439500", "01440400"]
    before = read_streamflow(report.folder / "streamflow.nc")
    at = before.ids.tolist().index("01440400")
    half = before["simulated"][: len(flows.time), at]
    np.testing.assert_allclose(flows["simulated"][:, 1], half, rtol=1e-5)


@pytest.mark.usefixtures("no_pictures")
def test_runs_on_other_attributes_and_another_order_are_averaged(
    finished: Path, run: Run
) -> None:
    basins = list(reversed(RunFolder(finished).experiment().data.basins))
    settings = [
        "data.attributes=file",
        "model.static.attributes=[slope_fine, area_km2]",
    ]
    other = run("training.steps=1", f"data.basins={basins}", *settings)
    alone = [
        read_streamflow(evaluate(path, output=other / "x").folder / "streamflow.nc")
        for path in (finished, other)
    ]
    together = evaluate([finished, other])
    mean = read_streamflow(together.folder / "streamflow.nc")
    assert list(mean.ids) == list(alone[0].ids) == list(reversed(alone[1].ids))
    flows = [alone[0]["simulated"], alone[1]["simulated"][:, ::-1]]
    np.testing.assert_allclose(mean["simulated"], np.mean(flows, axis=0), rtol=1e-5)


def test_a_run_counts_once_in_a_mean(finished: Path) -> None:
    again = finished.parent / "x" / ".." / finished.name
    with pytest.raises(ConfigError, match="given twice"):
        evaluate([finished, again])


@pytest.mark.usefixtures("no_pictures")
def test_that_a_training_is_not_finished_is_said(
    finished: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(finished, tmp_path / "a")
    (tmp_path / "a" / "training.json").unlink()
    evaluate(tmp_path / "a")
    assert "a: the training is not finished" in caplog.text


def test_dynamic_parameters_are_drawn(run: Run) -> None:
    path = run(
        "training.steps=1",
        "model.dynamic={hidden: 2, parameters: [beta], forcings: [precipitation], "
        "attributes: [p_mean]}",
    )
    assert (evaluate(path).folder / "parameter_series.png").stat().st_size > 1000


@pytest.mark.usefixtures("no_pictures")
def test_metrics_can_be_chosen(run: Run) -> None:
    path = run("training.steps=1", "evaluation.metrics=[kge, bias]")
    assert list(evaluate(path, "validation").scores) == ["kge", "bias"]


def test_an_unknown_period_is_named(finished: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=r"config\.yaml: periods: no period 'tes' is given; did you mean 'tes",
    ):
        evaluate(finished, "tes")


def test_a_run_without_a_checkpoint_is_named(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "a", ignore=lambda *_: ["checkpoints"])
    with pytest.raises(DataError, match=r"no checkpoints/best\.ckpt"):
        evaluate(tmp_path / "a")


def test_at_least_one_run_is_needed() -> None:
    with pytest.raises(ConfigError, match="no run is given"):
        evaluate([])


@pytest.mark.usefixtures("no_pictures")
def test_data_that_changed_since_the_training_are_said(
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    evaluate(finished, output=tmp_path / "same")
    assert "learned from" not in caplog.text

    def changed(spec: DataSpec, days: Any) -> BasinData:
        data = read_for_training(spec, days)
        target = data.target.copy()
        target[:, 2] *= 2.0
        return replace(data, target=target).select(data.ids.tolist()[1:])

    read_for_training = evaluation.read_for_training
    monkeypatch.setattr(evaluation, "read_for_training", changed)
    evaluate(finished, output=tmp_path / "other")
    ids = read(RunFolder(finished).experiment().data).ids
    gone, doubled = str(ids[0]), str(ids[2])
    assert (
        f"1 of the 6 basins it learned from are not in the data: {gone}" in caplog.text
    )
    messages = [
        r.getMessage() for r in caplog.records if "is not what it" in r.getMessage()
    ]
    assert len(messages) == 1
    assert (
        f"streamflow of 1 of 5 basins is not what it learned from: of '{doubled}'"
        in messages[0]
    )
    now, then = (
        float(x) for x in re.findall(r"([\d.]+), then ([\d.]+)$", messages[0])[0]
    )
    assert now == pytest.approx(2.0 * then, rel=1e-3)
