"""A study that is killed goes on; several workers give what one gives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bmi_dmx.cli import main
from bmi_dmx.errors import ConfigError
from bmi_dmx.files import locked
from bmi_dmx.trainer.protocols.study import conduct

from .leaks import made, written
from .test_trial import FOLDS

LONG = [
    "settings.training.steps=30", "settings.training.validate_every=30",
    "settings.training.checkpoint_every=2",
]  # fmt: skip


def killed_while_training(command: list[str], folder: Path) -> None:
    """Run a command until two trainings are under way, and kill it."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while len(list(folder.glob("runs/*/*/*/checkpoints/last.ckpt"))) < 2:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def settled(folder: Path) -> None:
    """Wait until workers that lost their parent have ended: nothing changes."""
    before: dict[Path, int] = {}
    while before != (
        now := {path: path.stat().st_mtime_ns for path in folder.rglob("*.ckpt")}
    ):
        before = now
        time.sleep(1.0)


@pytest.mark.slow
def test_a_killed_study_continues_and_ends_as_if_it_had_not_been(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, made(), places=FOLDS)
    whole = conduct(path, [*LONG, "name=whole"], root=tmp_path)
    command = ["experiment", str(path), *LONG, "--workers", "2", "--root"]
    study = tmp_path / "study"
    killed_while_training(
        [sys.executable, "-m", "bmi_dmx.cli", *command, str(tmp_path)], study
    )
    settled(study)
    answered = len(list(study.glob("runs/*/*/*/held")))
    assert answered < 3
    assert main([*command, str(tmp_path)]) == 0
    assert (study / "report" / "report.html").is_file()
    one, other = (folder / "scores.csv" for folder in (whole.folder, study / "report"))
    assert one.read_bytes() == other.read_bytes()
    # What workers say is kept beside what they do.
    logs = list(study.glob("runs/*/*/*/log.txt"))
    assert len(logs) == 3


def test_a_study_has_one_process_at_a_time(tmp_path: Path) -> None:
    path = written(tmp_path, made())
    (tmp_path / "study").mkdir()
    with (
        locked(tmp_path / "study" / ".lock"),
        pytest.raises(ConfigError, match="another process is at work"),
    ):
        conduct(path, root=tmp_path)
    with pytest.raises(ConfigError, match="--workers: expected at least 1"):
        conduct(path, root=tmp_path, workers=0)
