"""Scores of models of arrays: of what was set aside, of one run or several."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bmi_dmx.errors import ConfigError
from bmi_dmx.trainer.commands import evaluate as evaluate_command
from bmi_dmx.trainer.evaluate import evaluate
from bmi_dmx.trainer.fit import train

from .conftest import Write
from .systems import EXPERIMENTS, heated

Trained = Callable[[str], Path]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_what_was_set_aside_is_scored(
    trained: Trained, tmp_path: Path, name: str
) -> None:
    report = evaluate(trained(name), output=tmp_path)
    series = np.load(tmp_path / "series.npz")
    with open(tmp_path / "scores.csv", encoding="utf-8", newline="") as file:
        rows = {row["target"]: row for row in csv.DictReader(file)}
    for target, row in rows.items():
        s, o = series[f"simulated_{target}"], series[f"observed_{target}"]
        finite = ~np.isnan(o)
        rmse = np.sqrt(((s - o)[finite] ** 2).mean())
        assert float(row["rmse"]) == pytest.approx(rmse, rel=1e-5)
        r2 = 1 - ((s - o)[finite] ** 2).sum() / (o[finite].std() ** 2 * finite.sum())
        assert float(row["r2"]) == pytest.approx(r2, rel=1e-4)
        assert int(row["count"]) == finite.sum()
    assert (tmp_path / "fit.png").stat().st_size > 1000
    assert report.folder == tmp_path
    summary = json.loads((tmp_path / "summary.json").read_text("utf-8"))
    assert summary["split"] == {"of": "time", "validation": 0.2, "test": 0.2}


def test_the_end_of_the_series_is_the_test(trained: Trained, tmp_path: Path) -> None:
    evaluate(trained("heated"), output=tmp_path)
    warmth = np.load(tmp_path / "series.npz")["observed_warmth"]
    # (window, time): one for each place.
    np.testing.assert_allclose(warmth.T, heated()["targets"]["warmth"][48:], rtol=1e-6)


def test_several_runs_are_averaged(
    trained: Trained, write: Write, tmp_path: Path
) -> None:
    runs = [trained("heated"), train(write("heated"), ["seed=9"], root=tmp_path)]
    alone = []
    for number, run in enumerate(runs):
        evaluate(run, output=tmp_path / str(number))
        alone.append(np.load(tmp_path / str(number) / "series.npz")["simulated_gain"])
    evaluate(runs, output=tmp_path / "mean")
    mean = np.load(tmp_path / "mean" / "series.npz")["simulated_gain"]
    np.testing.assert_allclose(mean, np.mean(alone, axis=0), rtol=1e-6)


def test_runs_on_other_data_or_of_other_tasks_are_not_averaged(
    trained: Trained, write: Write, tmp_path: Path, finished: Path
) -> None:
    settings = ["training.steps=1", "split.test=0.1"]
    other = train(write("heated"), settings, root=tmp_path)
    with pytest.raises(ConfigError, match=r"split is not that of .* same data"):
        evaluate([trained("heated"), other])
    with pytest.raises(ConfigError, match=r"task is 'basins', in .* 'arrays'; only"):
        evaluate([trained("heated"), finished])


def test_nothing_is_scored_that_was_not_set_aside(write: Write, tmp_path: Path) -> None:
    settings = ["training.steps=1", "split.test=0"]
    run = train(write("heated"), settings, root=tmp_path)
    message = "sets nothing aside for 'test'; known: train, validation"
    with pytest.raises(ConfigError, match=message):
        evaluate(run)


def test_the_command_prints_a_table(
    trained: Trained,
    write: Write,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = train(write("heated"), ["training.steps=1"], root=tmp_path)
    capsys.readouterr()
    evaluate_command([run], ["validation"])
    printed = capsys.readouterr().out
    assert printed.startswith("validation\n")
    assert "\ngain " in printed
    assert printed.splitlines()[-1] == str(run / "validation")
