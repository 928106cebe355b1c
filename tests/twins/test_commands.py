"""The commands ``dmx da``."""

from __future__ import annotations

import json
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from bmi_dmx import config
from bmi_dmx.assimilation.archive import read_archive
from bmi_dmx.assimilation.experiment import Experiment
from bmi_dmx.cli import main
from bmi_dmx.twins.files import experiments

SMALL = """
about: a small ring
system:
  process: lorenz_96
  space: {kind: ring, size: 12}
  step: 0.05
cycle: 0.1
cycles: 40
burn_in: 10
seeds: 2
spin_up: 10.0
runs:
  - {name: global, filter: etkf, members: 15, inflation: 1.05, level: 0.3}
  - {name: local, filter: letkf, members: 6, inflation: [1.05, 1.1], radius: 3.0}
  - {name: 3D-Var, filter: oi, members: 1, options: {covariance: {climatology: 0.05}}}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def test_a_twin_experiment_is_run_scored_and_drawn(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["da", "twin", str(small), "--filter", "letkf", "--inflation", "1.05",
                 "1.2", "--radius", "3", "--output", str(tmp_path / "out")]  # fmt: skip
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert "a small ring" in output
    assert "for 4 problems side by side" in output
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    (run,) = scores["runs"]
    assert run["members"] == 6  # as in the file
    assert "level" not in run  # that of the file is of other settings
    assert [s["inflation"] for s in run["settings"]] == [1.05, 1.2]
    with netCDF4.Dataset(tmp_path / "out" / "series.nc") as file:
        error = np.asarray(file["rmse_analysis"][:])
        assert error.shape == (2, 2, 40)
        expected = np.median(error[0, :, 10:].mean(-1))
        assert file["innovation"].shape == (2, 2, 40, 12)
        by_lead = np.asarray(file["rmse_by_lead"][:])
        assert by_lead.shape == (20, 2)
        assert (by_lead[-1] > by_lead[0]).all()
    assert run["settings"][0]["rmse_analysis"] == pytest.approx(expected, abs=1e-4)
    for name in ("scores.png", "field.png"):
        assert (tmp_path / "out" / name).stat().st_size > 20_000


def test_one_member_is_drawn_without_a_spread(small: Path, tmp_path: Path) -> None:
    arguments = ["da", "twin", str(small), "--filter", "oi", "--cycles", "8",
                 "--output", str(tmp_path / "out")]  # fmt: skip
    assert main(arguments) == 0
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["runs"][0]["settings"][0]["spread"] is None
    assert scores["experiment"]["burn_in"] == 2  # a quarter where all would be left out
    assert (tmp_path / "out" / "scores.png").exists()


def test_a_table_has_a_row_for_every_filter_beside_what_is_known(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["da", "table", str(small), "--json", str(tmp_path / "t.json"),
                 "--output", str(tmp_path)]  # fmt: skip
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith(("global", "local", "3D-Var")) for line in lines) == 4
    assert "0.300" in next(line for line in lines if line.startswith("global"))
    rows = (tmp_path / "small.md").read_text().splitlines()
    assert len(rows) == 2 + 3
    assert rows[2].startswith("| global | 1.05, – |")
    names = [
        run["name"] for run in json.loads((tmp_path / "t.json").read_text())["runs"]
    ]
    assert names == ["global", "local", "3D-Var"]


def test_rows_of_a_table_can_be_chosen(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["da", "table", str(small), "--cycles", "6", "--only", "loc"]) == 0
    output = capsys.readouterr().out
    assert "local" in output
    assert "global" not in output
    assert main(["da", "table", str(small), "--only", "none"]) == 1
    assert "there are: global, local, 3D-Var" in capsys.readouterr().err


def test_an_archive_is_written(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.nc"
    arguments = ["da", "archive", str(small), "system.parameters.drive=10", "--observe",
                 "every-4th", "--error", "0.5", "--output", str(path)]  # fmt: skip
    assert main(arguments) == 0
    assert "2 series of 40 times, 3 of 12 entries each" in capsys.readouterr().out
    archive = read_archive(path)
    assert archive.experiment.system.parameters == {"drive": 10}
    assert archive.error[0] == 0.5
    assert archive.truth is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["twin", "lorenz_69"], "nor a twin experiment; did you mean 'lorenz_96'?"),
        (["twin", "lorenz_96", "cycle=0.07"], "lorenz_96.yaml: cycle: found 0.07"),
        (["twin", "lorenz_96", "--filter", "kf"], "filter: unknown 'kf'"),
        (["twin", "lorenz_96", "--observe", "none"], "observe: found 'none', expected"),
        (["table", "lorenz_96", "--seeds", "0"], "seeds: expected at least 1, found 0"),
        (["twin", "lorenz_96", "cycles=2", "burn_in=0", "--option", "rotat=true"],
         "letkf has no 'rotat'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["da", *arguments, "--quiet"]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", experiments())
def test_what_comes_with_the_package_is_as_it_should_be(name: str) -> None:
    experiment = config.load(experiments()[name], Experiment)
    assert experiment.about
    assert experiment.source
    assert experiment.seeds >= 5
    assert experiment.cycles >= 2400
    assert experiment.runs
    titles = [run.title for run in experiment.runs]
    assert len(set(titles)) == len(titles)


def test_every_twin_experiment_is_told_of() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "assimilation.md"
    text = page.read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in experiments())
