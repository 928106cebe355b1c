"""What `dmx train`, `evaluate` and `export` print, and how they fail."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from bmi_dmx.cli import main
from bmi_dmx.trainer.module import TrainingModule
from bmi_dmx.trainer.tasks.basins import evaluate as evaluation
from bmi_dmx.trainer.tasks.streamflow.metrics import score
from bmi_dmx.trainer.tasks.streamflow.results import (
    Hydrographs,
    Series,
    read_streamflow,
    write_streamflow,
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("command", "key"),
    [
        ("train camels_static", "data.path"),
        ("train rivers_delaware", "data.inflow.path"),
        ("train column_papa", "data.source"),
        ("train ocean_hybrid", "data.source"),
        ("da hindcast camels", "data.path"),
        ("da hindcast rivers_delaware", "data.inflow.path"),
    ],
)
def test_a_folder_of_data_that_nobody_named_is_asked_for(
    command: str,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("BMI_DMX_DATA", raising=False)
    assert main(command.split()) == 1
    message = f"{key}: environment variable 'BMI_DMX_DATA' in '${{BMI_DMX_DATA}}/"
    assert message in capsys.readouterr().err


def test_from_a_configuration_to_a_bundle(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(tiny), "training.steps=1", "name=mine"]) == 0
    run = capsys.readouterr().out.splitlines()[-1]
    assert run == str(Path("runs", "mine-1"))
    assert main(["evaluate", run]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("test period")
    assert "all (6)" in printed
    assert "large (" in printed
    assert "\nnse " in printed
    assert printed.splitlines()[-1] == str(Path(run, "test"))
    assert main(["export", run]) == 0
    assert Path(run, "bundle", "model.yaml").is_file()


def test_the_number_of_the_convention_is_said_where_there_is_one(
    finished: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(evaluation, "CONVENTION", 100)
    shutil.copytree(finished, tmp_path / "a")
    assert main(["evaluate", "a"]) == 0
    assert "with the first year as warm-up, unscored: all " in capsys.readouterr().out


def test_the_folder_of_a_run_means_to_continue_it(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "a"
    shutil.copytree(finished, run)
    assert main(["train", str(run)]) == 1
    assert "this run is finished" in capsys.readouterr().err
    (run / "training.json").unlink()
    assert main(["train", str(run)]) == 0
    assert (run / "training.json").is_file()


def test_a_training_says_first_where_it_writes_and_on_what(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(tiny), "training.steps=1"]) == 0
    lines = capsys.readouterr().err.splitlines()
    run = str(Path("runs", "tiny-1"))
    words = "6 basins, learning from 1979-02-01 to 1979-09-30 (242 days), "
    assert lines[0] == f"{tiny}: loading PyTorch"
    assert lines[1].startswith(f"{run}: {words}")
    assert lines[1].endswith(" weights, 1 steps")


def test_warnings_are_marked(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["training.steps=1", "evaluation.groups={none: {area_km2: [0, 1]}}"]
    assert main(["train", str(tiny), *settings]) == 0
    assert "warning: evaluation.groups.none: none of 6" in capsys.readouterr().err
    # Nothing of it stays when the command has ended.
    assert not logging.getLogger("bmi_dmx").handlers


@pytest.mark.parametrize(
    ("step", "saved"),
    [
        (3, "before the first checkpoint; begin again"),
        (7, "saved at step 5; continue"),
    ],
)
def test_an_interrupted_training_says_how_it_continues(
    tiny: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    saved: str,
) -> None:
    good = TrainingModule.training_step

    def interrupted(self: TrainingModule, batch: Any, index: int) -> Tensor:
        if self.global_step == step:
            raise KeyboardInterrupt
        return good(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingModule, "training_step", interrupted)
        assert main(["train", str(tiny)]) == 130
    last = capsys.readouterr().err.splitlines()[-1]
    run = Path("runs", "tiny-1")
    assert last == (
        f"dmx train: interrupted at step {step}, {saved} with: dmx train {run}"
    )
    assert main(["train", str(run)]) == 0


def test_a_run_continues_as_it_began(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(finished), "seed=9"]) == 1
    assert "'seed=9' cannot be set" in capsys.readouterr().err


def test_failures_are_one_line_and_1(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(tiny), "training.stepz=9"]) == 1
    error = capsys.readouterr().err
    assert error.splitlines()[-1].startswith("dmx train: error: ")
    assert error.endswith("did you mean 'steps'?\n")
    assert main(["evaluate", "nothing"]) == 1
    assert main(["export", "nothing"]) == 1


def test_chosen_basins_and_days_are_drawn(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "a"
    shutil.copytree(finished, run)
    assert main(["evaluate", str(run)]) == 0
    flow = read_streamflow(run / "test" / "streamflow.nc")
    picture = tmp_path / "one.png"
    days = ["--start", str(flow.time[3].astype("datetime64[D]"))]
    arguments = [str(run / "test"), flow.ids[0], *days, "--output", str(picture)]
    assert main(["plot", *arguments]) == 0
    assert picture.stat().st_size > 5000
    drawing = picture.with_suffix(".svg")
    assert main(["plot", *arguments[:-1], str(drawing)]) == 0
    # The NSE is that of the days drawn.
    shown = (flow["simulated"][3:], flow["observed"][3:])
    nse = score(*shown, ["nse"])["nse"][0]
    text = drawing.read_text(encoding="utf-8")
    assert f"NSE {nse:.2f}" in text
    assert flow.names is not None
    assert f"{flow.ids[0]}  {flow.names[0][:20]}" in text
    assert "precipitation" in text
    capsys.readouterr()
    for wrong, message in (
        ([f"{flow.ids[0]}x"], f"did you mean '{flow.ids[0]}'?"),
        (["--end", "1900-01-01"], "no such days; it has "),
    ):
        assert main(["plot", str(run / "test"), *wrong]) == 1
        assert message in capsys.readouterr().err


def test_a_chosen_basin_that_cannot_be_drawn_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = np.arange(20.0).reshape(10, 2)
    observed = np.where([True, False], flow, np.nan)
    file = write_streamflow(
        tmp_path / "streamflow.nc",
        Hydrographs(
            time=np.datetime64("1980-01-01") + np.arange(10),
            ids=np.array(["a", "b"]),
            series={
                name: Series(values=values, units="mm d-1", about=name)
                for name, values in {"simulated": flow, "observed": observed}.items()
            },
        ),
    )
    assert main(["plot", str(file), "a", "b"]) == 0
    assert "streamflow.nc: basin b has no NSE and is not drawn" in (
        capsys.readouterr().err
    )
