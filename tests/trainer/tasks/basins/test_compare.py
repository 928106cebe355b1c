"""Runs, bundles and baselines on the same basins and days."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bmi_dmx.cli import main
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.tasks.basins.compare import yardstick
from bmi_dmx.trainer.tasks.basins.experiment import Experiment
from bmi_dmx.trainer.tasks.streamflow.comparison_table import Difference


@pytest.fixture(scope="module")
def run(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that may be evaluated."""
    copied = tmp_path_factory.mktemp("compared") / "tiny-1"
    shutil.copytree(finished, copied)
    return copied


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_all_stand_in_one_table_with_what_differs(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["compare", str(run), "dhbv-conus-daily", "--baselines",
             "--output", str(out)]  # fmt: skip
    assert main(words) == 0
    output = capsys.readouterr().out
    assert max(map(len, output.splitlines())) <= 80
    names = ["tiny-1", "dhbv-conus-daily", "climatology", "persistence", "mid-range"]
    for name in names:
        assert f"\n{name}" in output
    assert sorted(path.name for path in out.iterdir()) == [
        "comparison.png", "scores.csv", "summary.json",
    ]  # fmt: skip
    with (out / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    apart = np.array(
        [float(r["nse_dhbv-conus-daily"]) - float(r["nse_tiny-1"]) for r in rows]
    )
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    bundle = summary["differences_of_nse"]["dhbv-conus-daily"]
    assert bundle["value"] == pytest.approx(np.median(apart), abs=1e-5)
    assert bundle["low"] <= bundle["value"] <= bundle["high"]
    assert (bundle["better"], bundle["gauges"]) == (int((apart > 0).sum()), len(rows))
    # A run's own scores are those of its evaluation.
    evaluation = json.loads((run / "test" / "summary.json").read_text(encoding="utf-8"))
    assert summary["medians"]["tiny-1"]["nse"] == pytest.approx(
        evaluation["medians"]["all"]["nse"], abs=1e-5
    )


def test_the_first_model_is_what_others_are_compared_with(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["compare", "dhbv-conus-daily", str(run), "--baselines", "--json"]
    assert main(words) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["against"] == "dhbv-conus-daily"
    assert list(summary["medians"])[:2] == ["dhbv-conus-daily", "tiny-1"]
    assert set(summary["differences_of_nse"]) == {
        "tiny-1", "climatology", "persistence", "mid-range",
    }  # fmt: skip


def test_scripts_get_json(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["compare", str(run), "--json", "--output", str(out)]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["against"] == "tiny-1"
    assert summary["folder"] == str(out)


def test_models_on_other_days_are_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other-1"
    shutil.copytree(run, other)
    config = other / "config.yaml"
    text = config.read_text(encoding="utf-8")
    shutil.rmtree(other / "test", ignore_errors=True)
    config.write_text(text.replace("1980-12-30", "1980-12-20"), encoding="utf-8")
    assert main(["compare", str(run), str(other)]) == 1
    error = capsys.readouterr().err
    assert "only models on the same days, basins and observations" in error
    assert "other-1: its data are not those of tiny-1" in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{run}", "{run}"], "a model is given twice"),
        (["dhbv-conus-daily"], "--data and --period: expected with bundles alone"),
        (["dhbv-conus-daily", "--lstm"], "--lstm: takes data and budget from a run"),
        (["{run}", "--data", "delaware"], "--data: goes with bundles alone"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    run: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *(word.format(run=run) for word in words)]) == 1
    assert message in capsys.readouterr().err


def test_the_lstm_has_the_budget_and_the_inputs_of_the_model(tiny: Path) -> None:
    experiment = load_experiment(tiny)
    assert isinstance(experiment, Experiment)
    other = yardstick(experiment)
    assert other.name == "tiny-lstm"
    for name in ("data", "periods", "loss", "training", "evaluation", "seed"):
        assert getattr(other, name) == getattr(experiment, name)
    (network,) = (p for p in other.model.parts.values() if p.network)
    assert network.network == "lstm"
    assert network.attributes == ("p_mean", "elevation_mean", "area_km2")
    assert set(network.forcings) == {
        "precipitation", "air_temperature", "air_temperature_min",
        "air_temperature_max",
    }  # fmt: skip


@pytest.mark.slow
def test_an_lstm_is_trained_once(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "tiny-1"
    shutil.copytree(run, copied)
    for _ in range(2):
        words = ["compare", str(copied), "--lstm", "--json", "--output",
                 str(tmp_path / "out")]  # fmt: skip
        assert main(words) == 0
        summary = json.loads(capsys.readouterr().out)
        assert list(summary["medians"]) == ["tiny-1", "tiny-lstm-1"]
    assert not (tmp_path / "tiny-lstm-2").exists()


def test_an_interval_holds_the_difference_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        first = rng.normal(0.5, 0.2, 60)
        difference = Difference.of(first + rng.normal(0.1, 0.1, 60), first)
        hits += difference.low <= 0.1 <= difference.high
    assert 0.90 * 200 <= hits <= 200
