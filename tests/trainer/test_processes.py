"""Several processes train as one does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bmi_dmx.errors import ConfigError
from bmi_dmx.trainer import fit
from bmi_dmx.trainer.checkpoint import read_checkpoint
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.fit import build, resume, train
from bmi_dmx.trainer.processes import Processes, joined

from .test_resume import assert_same_run

ROOT = Path(fit.__file__).resolve().parents[2]

# What is silenced differs between processes, and the penalty is part of the gradient.
EQUAL = ("model.static.dropout=0", "training.bounds_penalty=0.01")

DYING = """
import os, signal, sys
from bmi_dmx.trainer.module import TrainingModule
from bmi_dmx.cli import main

good = TrainingModule.training_step

def dying(self, batch, index):
    if self.global_step == 7 and self.processes.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return good(self, batch, index)

TrainingModule.training_step = dying
sys.exit(main())
"""


def launched(
    folder: Path, *arguments: str | Path, count: int = 2, program: str = "-m bmi_dmx"
) -> subprocess.CompletedProcess[str]:
    """Run ``dmx`` in several processes."""
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone",
        "--nproc-per-node", str(count), *program.split(), *map(str, arguments),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def together(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two processes."""
    folder = tmp_path_factory.mktemp("together")
    ended = launched(folder, "train", tiny, *EQUAL)
    assert ended.returncode == 0, ended.stderr
    # One folder, said once.
    assert ended.stdout.split() == ["runs/tiny-1"]
    assert "2 processes" in ended.stderr
    assert [path.name for path in (folder / "runs").iterdir()] == ["tiny-1"]
    return folder / "runs" / "tiny-1"


def test_two_processes_learn_what_one_does(
    tiny: Path, together: Path, tmp_path: Path
) -> None:
    alone = train(tiny, EQUAL, root=tmp_path)
    first, second = (
        read_checkpoint(run / "checkpoints" / "last.ckpt") for run in (alone, together)
    )
    for name, expected in first["state_dict"].items():
        # After 20 steps of an optimiser that divides by the size of gradients.
        torch.testing.assert_close(
            second["state_dict"][name], expected, rtol=1e-3, atol=1e-4
        )
    scores = [
        json.loads((run / "training.json").read_text("utf-8"))["best_validation_nse"]
        for run in (alone, together)
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    tables = [(run / "metrics.csv").read_text("utf-8") for run in (alone, together)]
    rows = [[line.split(",") for line in table.splitlines()] for table in tables]
    # The loss is that of the whole batch, not of a share.
    assert float(rows[0][1][1]) == pytest.approx(float(rows[1][1][1]), rel=1e-5)


LOSSES = ("nse_batch", "rmse_combined", "kge", "{rmse: 1, nse_sqrt_batch: 0.5}")

GRADIENTS = """
import sys
from pathlib import Path
import torch
from tests.trainer.test_processes import LOSSES, gradient
from bmi_dmx.trainer.processes import joined

with joined("cpu") as processes:
    found = [gradient(Path(sys.argv[1]), loss, processes) for loss in LOSSES]
    torch.save(found, f"{sys.argv[2]}-{processes.rank}.pt")
"""


def gradient(tiny: Path, loss: str, processes: Processes) -> dict[str, Tensor]:
    """Return the gradient of a batch of five, of which shares differ in size."""
    settings = [*EQUAL, f"loss={loss}", "training.batch=5"]
    module = build(load_experiment(tiny, settings), processes)
    module.backward(module.training_step(next(iter(module.task.batches)), 0))
    gradients = {n: w.grad for n, w in module.model.named_parameters()}
    return {name: x for name, x in gradients.items() if x is not None}


def test_the_gradient_of_two_processes_is_that_of_one(
    tiny: Path, tmp_path: Path
) -> None:
    script = tmp_path / "gradients.py"
    script.write_text(GRADIENTS, encoding="utf-8")
    ended = launched(tmp_path, tiny, tmp_path / "found", program=str(script))
    assert ended.returncode == 0, ended.stderr
    shared = [torch.load(tmp_path / f"found-{rank}.pt") for rank in (0, 1)]
    for loss, first, second in zip(LOSSES, *shared, strict=True):
        whole = gradient(tiny, loss, Processes())
        assert whole.keys() == first.keys() == second.keys()
        for name, expected in whole.items():
            assert torch.equal(first[name], second[name])
            size = float(expected.abs().max())
            torch.testing.assert_close(
                first[name], expected, rtol=1e-4, atol=1e-5 * size
            )


def test_a_process_that_is_killed_loses_nothing(tiny: Path, tmp_path: Path) -> None:
    # With dropout, so that the random numbers of every process matter.
    whole = launched(tmp_path, "train", tiny)
    assert whole.returncode == 0, whole.stderr
    script = tmp_path / "dying.py"
    script.write_text(DYING, encoding="utf-8")
    killed = launched(tmp_path, "train", tiny, program=str(script))
    assert killed.returncode != 0
    assert signal.Signals.SIGKILL.name in killed.stderr
    path = tmp_path / "runs" / "tiny-2"
    assert read_checkpoint(path / "checkpoints" / "last.ckpt")["global_step"] == 5
    with pytest.raises(ConfigError, match=r"processes: found 1, .* began with 2"):
        resume(path)
    resumed = launched(tmp_path, "train", path)
    assert resumed.returncode == 0, resumed.stderr
    assert_same_run(tmp_path / "runs" / "tiny-1", path)


@pytest.mark.parametrize(
    ("settings", "count", "message"),
    [
        (["training.batch=1"], 2, "batch: 1 cannot be shared; expected at least 2"),
        (
            ["training.batch=5", "training.accumulate=3"],
            2,
            "5 cannot be shared; expected at least 6, 2 processes times .* 3",
        ),
        (["training.device=cuda:0"], 2, "found 'cuda:0' for 2 processes"),
    ],
)
def test_what_cannot_be_shared_is_refused(
    tiny: Path, settings: list[str], count: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        build(load_experiment(tiny, settings), Processes(0, count))


def test_an_environment_that_lacks_something_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with (
        pytest.raises(ConfigError, match="WORLD_SIZE is 2, but RANK is not set"),
        joined("cpu"),
    ):
        pass
