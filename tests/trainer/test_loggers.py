"""Where a training writes its course, besides the table that is always kept."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bmi_dmx.errors import ConfigError
from bmi_dmx.trainer import loggers
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.fit import build

from .test_resume import Run

LIBRARIES = pytest.mark.filterwarnings("ignore")
"""What warns there is not ours."""


def test_without_loggers_the_table_alone_is_kept(run: Run) -> None:
    path = run("training.loggers=[]", "training.steps=10")
    assert (path / "metrics.csv").exists()
    assert not (path / "tensorboard").exists()


@pytest.mark.parametrize(
    ("name", "extra"),
    [("tensorboard", "train"), ("wandb", "wandb"), ("mlflow", "mlflow")],
)
def test_a_logger_that_is_not_installed_is_named_with_its_extra(
    tiny: Path, name: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loggers, "find_spec", lambda package: None)
    message = rf"training\.loggers: '{name}' is .* not .*'bmi-dmx\[{extra}\]' brings"
    with pytest.raises(ConfigError, match=message):
        build(load_experiment(tiny, [f"training.loggers=[{name}]"]))


def test_an_unknown_logger_is_refused(tiny: Path) -> None:
    with pytest.raises(ConfigError, match=r"loggers.*'wandbb'"):
        load_experiment(tiny, ["training.loggers=[wandbb]"])


@LIBRARIES
def test_weights_and_biases_write_into_the_run_without_a_network(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="the extra 'wandb' is not installed")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    for _ in range(2):  # a run of its own for each training of a process
        path = run("training.loggers=[wandb]", "training.steps=10")
        (log,) = path.glob("wandb/offline-run-*/*.wandb")
        assert b"gradient_norm" in log.read_bytes()


@LIBRARIES
def test_mlflow_writes_into_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow", reason="the extra 'mlflow' is not installed")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    path = run("training.loggers=[mlflow]", "training.steps=10")
    with sqlite3.connect(path / "mlflow.db") as database:
        cursor = database.execute("select key, step from metrics order by step")
        rows = set(cursor.fetchall())
    assert {("loss", 1), ("validation_nse", 10)} <= rows
