"""A new project runs as it is, and says the same as the sample it is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bmi_dmx.cli import main
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.tasks.basins.data.read import read
from bmi_dmx.trainer.tasks.basins.experiment import Experiment
from bmi_dmx.trainer.tasks.basins.project import SAMPLE, write


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new") / "my-basins"
    assert main(["new", str(folder)]) == 0
    return folder


def test_it_reads_as_the_sample_it_is_made_of(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    experiment = load_experiment(project / "experiment.yaml")
    assert isinstance(experiment, Experiment)
    data = read(experiment.data, project)
    assert not caplog.messages
    sample = read(SAMPLE).select(data.ids.tolist())
    np.testing.assert_array_equal(data.time, sample.time)
    np.testing.assert_allclose(data.target, sample.target, rtol=2e-5)
    for name in ("precipitation", "air_temperature_min", "air_temperature_max"):
        values, expected = data.forcing[name], sample.forcing[name]
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-5)
    for name in ("latitude", "area_km2", "elevation_mean", "slope_mean"):
        values, constants = data.attributes[name], sample.attributes[name]
        np.testing.assert_allclose(values, constants, rtol=1e-5)


def test_every_command_of_its_page_runs(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    text = (project / "README.md").read_text(encoding="utf-8")
    block = text.split("```sh\n")[1].split("```")[0]
    commands = [line.split("#")[0].split() for line in block.splitlines()]
    assert [words[1] for words in commands] == [
        "data", "train", "report", "compare", "plot", "export",
    ]  # fmt: skip
    for words in commands:
        short = ["training.steps=4", "training.validate_every=2"]
        more = short if words[1] == "train" else []
        assert main([*words[1:], *more]) == 0
    assert (project / "model/model.yaml").is_file()


def test_what_is_there_is_not_written_over(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", str(project)]) == 1
    assert "my-basins: is there already, expected a new" in capsys.readouterr().err


def test_its_name_is_that_of_the_experiment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", str(tmp_path / "my basins")]) == 1
    assert "expected letters, digits and '-_.'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["1e5", "2001", "true", "0.10"])
def test_a_name_that_looks_like_a_number_is_text(name: str, tmp_path: Path) -> None:
    write(tmp_path, name)
    assert load_experiment(tmp_path / "experiment.yaml").name == name
