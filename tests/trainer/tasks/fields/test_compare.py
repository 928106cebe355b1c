"""Models of several seeds beside each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.bundle import Bundle
from bmi_dmx.cli import main
from bmi_dmx.config import as_yaml
from bmi_dmx.trainer.fit import train

from . import made


@pytest.fixture(scope="module")
def runs(run: Path, sea: Path) -> list[Path]:
    """Two seeds of one model, and another model."""
    model = {
        **made.experiment(sea)["model"],
        "modes": 0, "local": False, "damping": False,
    }  # fmt: skip
    others = {"seed": {"seed": 1}, "network": {"name": "network", "model": model}}
    runs = [run]
    for name, changes in others.items():
        path = sea.with_name(f"{name}.yaml")
        path.write_text(as_yaml(made.experiment(sea, **changes)), encoding="utf-8")
        runs.append(train(path, root=sea.parent / "compared"))
    return runs


def errors(folder: Path, lead: int) -> Any:
    """Return mean squared errors of the test, written out month by month."""
    sst = made.temperatures().astype(np.float32).astype(float)
    month = np.arange(len(sst)) % 12
    usual = np.stack([sst[: 12 * 14][month[: 12 * 14] == k].mean(0) for k in range(12)])
    anomalies = (sst - usual[month])[:, made.sea()]
    y = np.radians(-52.5 + made.DEGREES * np.arange(made.ROWS))
    weights = np.broadcast_to(np.cos(y)[:, None], made.sea().shape)[made.sea()]
    with np.load(folder / "test" / "forecasts.npz") as archive:
        starts, forecast = archive["starts"], archive["anomaly"][lead - 1]
    inside = starts + lead < len(sst)
    error = forecast[inside] - anomalies[starts[inside] + lead]
    return np.average(error**2, axis=1, weights=weights)


def test_runs_that_differ_in_their_seeds_are_one_model(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "comparison"
    options = ["--baselines", "--json", "--output", str(out)]
    assert main(["compare", *map(str, runs), *options]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["seeds"] == {"made": [0, 1], "network": [0]}
    for lead in (1, 3):
        rmse = [float(np.sqrt(errors(run, lead).mean())) for run in runs]
        scores = summary["scores"]["anomaly"][str(lead)]
        hybrid, network = scores["made"], scores["network"]
        assert hybrid["rmse"] == pytest.approx(np.mean(rmse[:2]), rel=1e-5)
        assert [hybrid["least"], hybrid["most"]] == pytest.approx(
            sorted(rmse[:2]), rel=1e-5
        )
        assert hybrid["pairs"] == 36 - lead
        apart = network["difference"]
        assert apart["value"] == pytest.approx(rmse[2] - np.mean(rmse[:2]), abs=1e-6)
        assert apart["low"] <= apart["value"] <= apart["high"]
        assert scores["persistence"]["difference"]["low"] < 2.0
        assert -1.0 <= network["r_box"] <= 1.0
    assert json.loads((out / "summary.json").read_text("utf-8"))["seeds"]
    assert {f.name for f in out.iterdir()} == {
        "comparison.png", "scores.csv", "summary.json",
    }  # fmt: skip


def test_a_table_has_a_row_for_each_lead_and_model(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--period", "test", "--output", str(tmp_path / "out")]
    assert main(["compare", *map(str, runs), *options]) == 0
    shown = capsys.readouterr().out
    assert "test, 1997-01 to 1999-12, anomaly" in shown
    rows = [line.split()[:3] for line in shown.splitlines()]
    for lead in ("1", "3"):
        assert [lead, "made", "2"] in rows
        assert [lead, "network", "1"] in rows


def test_what_cannot_be_compared_is_refused(
    runs: list[Path], bundle: Bundle, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def refused(*models: Path) -> str:
        options = ["--output", str(tmp_path / "out")]
        assert main(["compare", *map(str, models), *options])
        return capsys.readouterr().err

    def copied(name: str, old: str, new: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        text = (runs[0] / "config.yaml").read_text("utf-8")
        assert old in text
        (folder / "config.yaml").write_text(text.replace(old, new), encoding="utf-8")
        return folder

    twin = copied("twin", "name: made", "name: made")
    assert "seed 0 of the model of" in refused(runs[0], twin)
    later = copied("later", "1999-12", "1999-11")
    assert "periods is not that of" in refused(runs[0], later)
    assert "runs alone are compared" in refused(runs[0], bundle.path)
    assert not (tmp_path / "out").exists()
