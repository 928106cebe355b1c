"""Bundles scored under conditions that they were not made for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bmi_dmx.bundle import Bundle
from bmi_dmx.cli import main
from bmi_dmx.trainer.evaluate import score
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.requests import ScoringRequest
from bmi_dmx.trainer.tasks.basins import scoring
from bmi_dmx.trainer.tasks.streamflow.comparison import Comparison

from .test_scoring import YEAR

DAYS = [day.isoformat() for day in YEAR]


@pytest.fixture(scope="module")
def bundle(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return export(finished, tmp_path_factory.mktemp("bundle") / "tiny")


def test_each_condition_has_its_row_and_the_first_is_that_of_evaluate(
    bundle: Bundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    study = tmp_path / "study"
    (study / "report").mkdir(parents=True)
    row = {"name": "hbv", "kind": "model", "medians": {"nse": {"mean": 0.4}}}
    summary = {
        "protocol": "pub", "basins": 9, "folds": {"a": 1, "b": 2},
        "scores": {"hbv": row, "climatology": {**row, "kind": "baseline"}},
    }  # fmt: skip
    (study / "report" / "summary.json").write_text(json.dumps(summary), "utf-8")
    out = tmp_path / "out"
    command = [
        "report", str(bundle.path), "--data", "delaware", "--period", *DAYS,
        "--warmup", "40", "--attributes", "1980-01-01", "1980-12-31", "--shift", "1",
        "--shift", "-2", "--held-out", str(study), "--output", str(out),
    ]  # fmt: skip
    assert main(command) == 0
    report = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    names = [one["name"] for one in report["conditions"]]
    assert names == [
        "as trained", "attributes of 1980-01-01 to 1980-12-31",
        "precipitation 1 step later", "precipitation 2 steps earlier",
        "held out: hbv of pub (2 folds)",
    ]  # fmt: skip
    monkeypatch.setattr(scoring, "draw", lambda *_, **__: None)
    request = ScoringRequest(
        data=Path("delaware"), period=YEAR, warmup=40, output=tmp_path / "scored"
    )
    comparison = score(bundle.path, request)
    assert isinstance(comparison, Comparison)
    for name in ("nse", "bias", "bfi_error"):
        first = report["conditions"][0]["medians"][name]
        assert first == pytest.approx(comparison.medians["all"][name], rel=1e-9)
    scores = [one["medians"]["nse"] for one in report["conditions"]]
    assert len(set(scores)) == len(scores)
    assert scores[-1] == 0.4
    shares = report["parameters_at_bounds"]
    assert all(0.0 <= share <= 1.0 for share in shares.values())
    text = (out / "report.html").read_text(encoding="utf-8")
    assert all(name in text for name in names)
    assert "parameters at bounds" in capsys.readouterr().out


def test_a_shift_comes_on_top_of_that_of_the_data(
    bundle: Bundle, tmp_path: Path
) -> None:
    command = [
        "report", str(bundle.path), "--data", "delaware",
        "data.shift={precipitation: 1}", "--period", "1980-01-02", DAYS[1],
        "--warmup", "40", "--shift", "-1", "--output", str(tmp_path / "out"),
    ]  # fmt: skip
    assert main(command) == 0
    report = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    late, mended = report["conditions"]
    command.remove("data.shift={precipitation: 1}")
    command[-1] = str(tmp_path / "plain")
    assert main(command) == 0
    plain = json.loads((tmp_path / "plain" / "summary.json").read_text("utf-8"))
    right = plain["conditions"][0]
    assert mended["medians"]["nse"] == pytest.approx(right["medians"]["nse"], abs=1e-3)
    assert abs(late["medians"]["nse"] - right["medians"]["nse"]) > 0.01


def test_days_beyond_the_record_are_refused_not_left_out(
    bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "report", str(bundle.path), "--data", "delaware", "--warmup", "40",
        "--output", str(tmp_path / "out"),
    ]  # fmt: skip
    assert main([*command, "--period", "1980-01-01", "1990-12-31"]) == 1
    error = capsys.readouterr().err
    assert "1980-01-01 to 1990-12-31 is not covered: the data reach from" in error


def test_what_is_no_study_is_refused(
    bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["report", str(bundle.path), "--data", "delaware", "--period", *DAYS]
    command += ["--warmup", "40", "--held-out", str(tmp_path)]
    assert main(command) == 1
    assert "is no finished study" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["thesis.tex", "scores.csv"])
def test_a_folder_of_something_else_is_not_replaced(
    name: str, bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text("years of work")
    command = ["report", str(bundle.path), "--data", "delaware", "--period", *DAYS]
    assert main([*command, "--output", str(tmp_path)]) == 1
    assert f"holds '{name}', which is none of the files" in capsys.readouterr().err
    assert (tmp_path / name).read_text() == "years of work"
    assert main([*command, "--output", str(tmp_path / name)]) == 1
    assert "is a file, expected a folder" in capsys.readouterr().err
