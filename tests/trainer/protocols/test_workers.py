"""Trainings of a study, many at a time."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bmi_dmx.errors import DataError, TrainingError
from bmi_dmx.trainer.protocols import study as studies
from bmi_dmx.trainer.protocols import workers
from bmi_dmx.trainer.protocols.study import finish
from bmi_dmx.trainer.protocols.trial import Cell
from bmi_dmx.trainer.protocols.workers import in_workers
from bmi_dmx.trainer.run_folder import RunFolder

CELLS = [Cell("m", fold, 0) for fold in ("fold-1", "fold-2")]


class Killed:
    """A pool of which a process is killed at its work."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> Killed:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, *_: Any) -> Future[None]:
        future: Future[None] = Future()
        future.set_exception(BrokenProcessPool("terminated abruptly"))
        return future


def made(folder: Path) -> Any:
    """Return as much of a study as its workers look at."""
    return SimpleNamespace(folder=folder, run=lambda cell: RunFolder(folder / "run"))


def test_a_worker_that_was_killed_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "ProcessPoolExecutor", Killed)
    with pytest.raises(TrainingError, match="a worker was killed; the same command"):
        list(in_workers(finish, made(tmp_path), CELLS, 2))


def test_what_goes_wrong_in_a_training_is_said_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(path: Path) -> None:
        raise DataError("1 of 3 basins have no observation")

    monkeypatch.setattr(studies.fit, "resume", lacking)
    with pytest.raises(DataError) as error:
        finish(made(tmp_path), CELLS[0])
    assert str(error.value) == f"{tmp_path}/run: 1 of 3 basins have no observation"
