"""Problems of data: all told at once, before anything heavy is loaded."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bmi_dmx.cli import main

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # as if it were not installed
from bmi_dmx.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project as it is written."""
    folder = tmp_path_factory.mktemp("project") / "mine"
    assert main(["new", str(folder)]) == 0
    return folder


@pytest.fixture
def broken(whole: Path, tmp_path: Path) -> Path:
    """The same with a mistake of each kind in files of their own."""
    folder = tmp_path / "mine"
    shutil.copytree(whole, folder)
    files = sorted((folder / "data").glob("0*.csv"))
    for file, (row, mistake) in zip(
        files, [(20, "oops"), (40, "9999"), (50, "-5"), (60, "")], strict=False
    ):
        lines = file.read_text(encoding="utf-8").splitlines()
        cells = lines[row - 1].split(",")
        lines[row - 1] = ",".join([cells[0], mistake, *cells[2:]])
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    misnamed = files[4]
    text = misnamed.read_text(encoding="utf-8")
    misnamed.write_text(text.replace("tmax [degC]", "tmxa [degC]"), encoding="utf-8")
    stations = folder / "data" / "stations.csv"
    *rows, last = stations.read_text(encoding="utf-8").splitlines()
    wrong = re.sub(r",-7(\d)\.", r",-7\g<1>9.", last)
    stations.write_text("\n".join([*rows, wrong]) + "\n", encoding="utf-8")
    return folder


EXPECTED = (
    "row 20, column 'precipitation [mm/d]': found 'oops', expected a number",
    "no column 'tmax' of air_temperature_max",
    "is 9999 mm d-1 on ",
    "is -5 mm d-1 on ",
    "is missing on ",
    "expected -180 to 360",
)


@pytest.mark.parametrize("command", [["data", "check", "data"], ["train"]])
def test_all_problems_are_told_at_once(broken: Path, command: list[str]) -> None:
    words = [*command, "experiment.yaml"] if command == ["train"] else command
    process = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *words],
        cwd=broken, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 1
    problems = [line for line in process.stderr.splitlines() if line.startswith("  - ")]
    assert len(problems) == len(EXPECTED), process.stderr
    for expected in EXPECTED:
        assert sum(expected in problem for problem in problems) == 1, expected


def test_attributes_that_the_model_reads_are_told_with_their_source(
    whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(whole)
    setting = "model.static.attributes=[p_mean, forest, clay, area_km2]"
    assert main(["train", "experiment.yaml", setting]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "experiment.yaml: looking at the data"
    assert lines[1] == "dmx train: error: 2 problems"
    assert "no attribute 'forest', which the model reads (as in the data" in lines[2]
    assert "no attribute 'clay'" in lines[3]
    assert not (whole / "runs").exists()


def test_one_problem_is_told_as_ever(
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(whole)
    assert main(["train", "experiment.yaml", f"data.path={tmp_path / 'nothing'}"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("dmx train: error: ")
    assert "nothing" in lines[-1]


def test_what_is_whole_is_read_without_pytorch(whole: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "data", "check", "data"],
        cwd=whole, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert "12 basins" in process.stdout
