"""A training that is interrupted: by a signal, in the middle of a long interval."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bmi_dmx.trainer.fit import resume, train

STEPS = 40

INTERRUPTED = 7

IMPATIENT = f"""
import signal, sys
from bmi_dmx.trainer import callbacks
from bmi_dmx.trainer.module import TrainingModule
callbacks.MOST_SECONDS = -1.0  # instead of half a minute
# Processes in the background may have been started without it.
signal.signal(signal.SIGINT, signal.default_int_handler)
learn = TrainingModule.training_step
def interrupted(self, *arguments):
    if self.global_step == {INTERRUPTED}:
        signal.raise_signal(signal.SIGINT)
    return learn(self, *arguments)
TrainingModule.training_step = interrupted
from bmi_dmx.cli import main
sys.exit(main(sys.argv[1:]))
"""

SETTINGS = [f"training.steps={STEPS}", f"training.validate_every={STEPS}",
            f"training.checkpoint_every={STEPS}"]  # fmt: skip


def weights(run: Path) -> dict[str, torch.Tensor]:
    """Return the weights of the last checkpoint."""
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    weights: dict[str, torch.Tensor] = checkpoint["state_dict"]
    return weights


@pytest.mark.slow
def test_an_interrupt_loses_little_however_long_the_interval(
    tiny: Path, tmp_path: Path
) -> None:
    process = subprocess.run(
        [sys.executable, "-c", IMPATIENT, "train", str(tiny), *SETTINGS],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert process.returncode == 130, process.stderr
    assert f"saved at step {INTERRUPTED}" in process.stderr
    assert f"dmx train {Path('runs', 'tiny-1')}" in process.stderr
    run = tmp_path / "runs" / "tiny-1"
    resume(run)
    whole = train(tiny, SETTINGS, root=tmp_path / "whole")
    expected = weights(whole)
    for name, weight in weights(run).items():
        assert torch.equal(weight, expected[name]), name


def test_between_regular_checkpoints_time_decides(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    monkeypatch.setattr(
        "lightning.pytorch.Trainer.save_checkpoint",
        lambda trainer, path, **_: saved.append(trainer.global_step),
    )
    settings = ["training.steps=6", "training.validate_every=6",
                "training.checkpoint_every=3"]  # fmt: skip
    train(tiny, settings, root=tmp_path)
    assert saved == [3, 6, 6]
    saved.clear()
    monkeypatch.setattr("bmi_dmx.trainer.callbacks.MOST_SECONDS", -1.0)
    train(tiny, settings, root=tmp_path)
    assert saved == [1, 2, 3, 4, 5, 6, 6]
