"""A run that was stopped goes on bit for bit as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.errors import ConfigError, DataError, StateError
from bmi_dmx.trainer import fit
from bmi_dmx.trainer.checkpoint import OWN, AtomicCheckpoints, read_checkpoint
from bmi_dmx.trainer.fit import resume
from bmi_dmx.trainer.module import TrainingModule
from bmi_dmx.trainer.run_folder import RunFolder
from bmi_dmx.trainer.tasks.basins import task

Run = Callable[..., Path]

DYNAMIC = (
    "model.dynamic={hidden: 4, parameters: [beta, k0], dropout: 0.2, "
    "forcings: [precipitation, potential_evaporation], attributes: [p_mean]}"
)


class Killed(Exception):
    """Stands for the end of a process."""


def assert_same(a: Any, b: Any, where: str = "") -> None:
    """Compare nested containers exactly, bit for bit."""
    assert type(a) is type(b), where
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_same(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for index, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{where}.{index}")
    elif isinstance(a, Tensor):
        assert torch.equal(a, b), where
    else:
        assert a == b, where


def assert_same_run(a: Path, b: Path) -> None:
    """Compare everything two runs know at their end."""
    for name in ("last.ckpt", "best.ckpt"):
        pair = [read_checkpoint(run / "checkpoints" / name) for run in (a, b)]
        assert_same(*pair, name)
    pair_of_tables = [(run / "metrics.csv").read_text("utf-8") for run in (a, b)]
    assert pair_of_tables[0] == pair_of_tables[1]


@pytest.fixture
def killed_at(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Train, but stop in the middle of a step."""

    def stopped(step: int, *settings: str) -> Path:
        good = TrainingModule.training_step

        def dying(self: TrainingModule, batch: Any, index: int) -> Tensor:
            if self.global_step == step:
                raise Killed
            return good(self, batch, index)

        with monkeypatch.context() as patch:
            patch.setattr(TrainingModule, "training_step", dying)
            with pytest.raises(Killed):
                run(*settings)
        return max((tmp_path / "runs").iterdir(), key=lambda p: p.stat().st_mtime_ns)

    return stopped


@pytest.mark.parametrize("step", [2, 7, 10, 14, 19])
def test_a_resumed_run_equals_an_uninterrupted_one(
    finished: Path, killed_at: Run, step: int
) -> None:
    path = killed_at(step)
    # Whatever else drew random numbers meanwhile must not matter.
    torch.manual_seed(99)
    resume(path)
    assert_same_run(finished, path)


def test_it_does_so_with_a_dynamic_network_patience_and_two_stops(
    run: Run, killed_at: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = (DYNAMIC, "training.patience=5", "training.steps=20")
    whole = run(*settings)
    path = killed_at(6, *settings)
    good = TrainingModule.training_step

    def dying(self: TrainingModule, batch: Any, index: int) -> Tensor:
        if self.global_step == 16:
            raise Killed
        return good(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingModule, "training_step", dying)
        with pytest.raises(Killed):
            resume(path)
    resume(path)
    assert_same_run(whole, path)


KILLED_WHILE_WRITING = """
import os, signal, sys
import torch
from pathlib import Path
from bmi_dmx.trainer.fit import train

whole, write = torch.save, Path.write_bytes

def half(path, content):
    write(path, content[:len(content) // 2])
    os.kill(os.getpid(), signal.SIGKILL)

def watched(checkpoint, file):
    if checkpoint["global_step"] == 15:
        Path.write_bytes = half
    whole(checkpoint, file)

torch.save = watched
train(sys.argv[1], root=sys.argv[2])
"""


def test_a_kill_while_a_checkpoint_is_written_loses_nothing(
    finished: Path, tiny: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", KILLED_WHILE_WRITING, str(tiny), str(tmp_path)]
    root = Path(fit.__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    ended = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    path = tmp_path / "tiny-1"
    partial = list((path / "checkpoints").glob(".*"))
    assert len(partial) == 1
    assert read_checkpoint(path / "checkpoints" / "last.ckpt")["global_step"] == 10
    resume(path)
    assert not partial[0].exists()
    assert_same_run(finished, path)


def test_a_row_cut_short_by_a_kill_is_dropped(finished: Path, killed_at: Run) -> None:
    path = killed_at(14)
    with open(path / "metrics.csv", "a", encoding="utf-8") as file:
        file.write("12,0.3")
    resume(path)
    assert_same_run(finished, path)


@pytest.mark.parametrize("edit", [("\n", "\n\n"), (",", ";"), ("\n1,", "\none,")])
def test_rows_that_were_edited_are_not_thrown_away(
    killed_at: Run, edit: tuple[str, str]
) -> None:
    path = killed_at(14)
    edited = (path / "metrics.csv").read_text(encoding="utf-8").replace(*edit)
    (path / "metrics.csv").write_text(edited, encoding="utf-8")
    with pytest.raises(DataError, match=r"metrics\.csv: line [12]: found .*, expected"):
        resume(path)
    assert (path / "metrics.csv").read_text(encoding="utf-8") == edited


def test_a_run_that_stopped_early_does_not_start_again(run: Run) -> None:
    still = "training.optimizer.rate=1e-30"
    path = run("training.patience=1", still, "training.steps=60")
    before = read_checkpoint(path / "checkpoints" / "last.ckpt")
    (path / "training.json").unlink()
    resume(path)
    after = read_checkpoint(path / "checkpoints" / "last.ckpt")
    assert before["global_step"] == after["global_step"] == 20
    assert (path / "training.json").exists()


def test_the_time_of_all_stretches_is_told(killed_at: Run) -> None:
    path = killed_at(13)
    RunFolder(path).keep_spent(7200.0)
    resume(path)
    summary = json.loads((path / "training.json").read_text(encoding="utf-8"))
    assert 7200.0 < summary["seconds"] < 7260.0


def test_a_damaged_time_keeps_no_run_from_going_on(
    finished: Path, killed_at: Run, caplog: pytest.LogCaptureFixture
) -> None:
    path = killed_at(13)
    (path / "checkpoints" / "seconds.json").write_text("{", encoding="utf-8")
    resume(path)
    assert "seconds.json: damaged; the seconds of the training count from now" in (
        caplog.text
    )
    assert_same_run(finished, path)


def test_a_run_goes_on_once_at_a_time(finished: Path, killed_at: Run) -> None:
    path = killed_at(13)
    with (
        RunFolder(path).held(),
        pytest.raises(ConfigError, match="another process is training in this folder"),
    ):
        resume(path)
    resume(path)
    assert_same_run(finished, path)


def test_a_run_is_held_while_it_is_trained(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = []

    def trained(experiment: Any, module: Any, folder: RunFolder, **_: Any) -> None:
        with pytest.raises(ConfigError, match="another process") as refusal:
            resume(folder.path)
        refusals.append(refusal)

    monkeypatch.setattr(fit, "_fit", trained)
    run()
    assert len(refusals) == 1


def test_a_finished_run_is_not_resumed(finished: Path) -> None:
    with pytest.raises(ConfigError, match="this run is finished"):
        resume(finished)


def test_what_is_no_run_is_not_resumed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"not the folder of a run, no config\.yaml"):
        resume(tmp_path)


def test_changed_data_are_noticed(
    killed_at: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = killed_at(7)
    reading = task.read_for_training

    def fewer(spec: Any, train: Any = None) -> Any:
        data = reading(spec, train)
        return data.select(data.ids[1:])

    monkeypatch.setattr(task, "read_for_training", fewer)
    with pytest.raises(DataError, match="the data changed since the run began: basins"):
        resume(path)


def test_what_a_sealed_checkpoint_lacks_is_named(killed_at: Run) -> None:
    path = killed_at(7)
    last = path / "checkpoints" / "last.ckpt"
    content = read_checkpoint(last)
    del content[OWN]["batches"]
    AtomicCheckpoints().save_checkpoint(content, last)
    with pytest.raises(StateError, match="not whole: 'batches' is missing"):
        resume(path)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("streamflow", "1979-06-01"),
        ("streamflow", "1979-11-01"),
        ("precipitation", "1979-03-01"),
    ],
)
def test_other_numbers_are_noticed(
    killed_at: Run, monkeypatch: pytest.MonkeyPatch, name: str, day: str
) -> None:
    path = killed_at(7)
    reading = task.read_for_training

    def corrected(spec: Any, train: Any = None) -> Any:
        data = reading(spec, train)
        series = {"streamflow": data.target, **data.forcing}
        more = np.where(data.time == np.datetime64(day), 0.5, 0.0)[:, None]
        series[name] = series[name] + more.astype(np.float32)
        return replace(data, target=series.pop("streamflow"), forcing=series)

    monkeypatch.setattr(task, "read_for_training", corrected)
    with pytest.raises(DataError, match="changed since the run began: series of the"):
        resume(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[8]", "[9]", r"model\.static\.hidden: found \[9\], .* began with \[8\]"),
        ("steps: 20", "steps: 40", r"training\.steps: found 40, .* began with 20"),
        ("seed: 3", "seed: 4", r"seed: found 4, .* began with 3"),
    ],
)
def test_a_changed_configuration_is_noticed(
    killed_at: Run, old: str, new: str, message: str
) -> None:
    path = killed_at(7)
    config = path / "config.yaml"
    text = config.read_text(encoding="utf-8")
    assert old in text
    config.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"tiny-1.config\.yaml: {message}"):
        resume(path)


def test_what_has_no_part_in_training_may_change(
    finished: Path, killed_at: Run
) -> None:
    path = killed_at(7)
    config = path / "config.yaml"
    text = config.read_text(encoding="utf-8").replace("about: a test", "about: other")
    config.write_text(text.replace("1980-12-30", "1980-12-29"), encoding="utf-8")
    resume(path)
    assert_same_run(finished, path)


def test_a_damaged_checkpoint_is_named(killed_at: Run) -> None:
    path = killed_at(7)
    last = path / "checkpoints" / "last.ckpt"
    os.truncate(last, last.stat().st_size // 2)
    with pytest.raises(StateError, match=r"last\.ckpt: not a .*, damaged or cut short"):
        resume(path)
