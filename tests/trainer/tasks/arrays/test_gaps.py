"""What is known of observations is hidden at random, and places count alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.fit import build
from bmi_dmx.trainer.tasks.arrays.gaps import Gaps
from bmi_dmx.trainer.tasks.arrays.task import ArraysTask

GAPS = {"known": "known", "values": ["missed"], "longest": 4}


def biased(places: int = 6, steps: int = 120) -> dict[str, Any]:
    """Predictions whose errors last, larger from place to place."""
    rng = np.random.default_rng(3)
    error = np.ones((steps, places))
    for step in range(1, steps):
        error[step] = 0.9 * error[step - 1] + rng.normal(0.0, 0.3, places)
    size = 10.0 ** np.arange(places)
    predicted = rng.normal(0.0, 1.0, (steps, places)) * size
    missed = np.concatenate([size[None], (error * size)[:-1]])
    return {
        "forcing": {
            "predicted": predicted, "previous": predicted[[0, *range(steps - 1)]],
            "missed": missed, "known": np.ones_like(missed),
        },
        "targets": {"expected": predicted + error * size},
    }  # fmt: skip


def experiment(path: Path, **changes: Any) -> Path:
    """Write an experiment on them; changes replace keys."""
    parts: Mapping[str, Any] = {
        "memory": {
            "network": "lstm", "options": {"hidden": 4},
            "forcings": ["predicted", "previous", "missed", "known"],
            "gives": ["error"],
        },
        "remaining": {"process": "remaining_error"},
    }  # fmt: skip
    entries = {
        "name": "biased",
        "task": "arrays",
        "data": {"source": f"{__name__}:biased", "gaps": GAPS},
        "split": {"validation": 0.3},
        "measured": "place",
        "model": {"parts": parts, "seconds": 86400},
        "training": {
            "steps": 4, "batch": 4, "warmup": 5, "window": 20, "validate_every": 2,
            "threads": 1,
        },
        **changes,
    }  # fmt: skip
    path.write_text(as_yaml(entries), encoding="utf-8")
    return path


def task_of(path: Path) -> ArraysTask:
    task = build(load_experiment(path)).task
    assert isinstance(task, ArraysTask)
    return task


def test_kinds_of_gaps_are_drawn() -> None:
    gaps = Gaps(known="known", values=("missed",), longest=4)
    hidden = gaps.drawn(400, 400, np.random.default_rng(0))
    share = hidden.mean(0)
    assert 0.15 < (share == 0.0).mean() < 0.35
    assert 0.45 < hidden[:, share > 0.0].mean() < 0.55
    # Runs of equal values: of coins they are 2 long in the mean, of stretches 2.5.
    longest = []
    for column in hidden[:, share > 0.0].T:
        ends = np.flatnonzero(np.diff(column.astype(int)))
        longest.append(int(np.diff(ends).max()))
    assert 0.4 < np.mean(np.array(longest) == 4) < 0.8


def test_windows_have_gaps_where_values_are_0(tmp_path: Path) -> None:
    task = task_of(experiment(tmp_path / "a.yaml"))
    for batch in (next(iter(task.batches)), task.validation[0]):
        known, missed = batch["forcing"]["known"], batch["forcing"]["missed"]
        assert set(known.unique().tolist()) == {0.0, 1.0}
        assert not missed[known == 0.0].any()
        assert missed[known == 1.0].abs().min() > 0.0
        assert batch["forcing"]["predicted"].abs().min() > 0.0
    assert task.statistics()["known"].std > 0.1


def test_places_count_alike(tmp_path: Path) -> None:
    task = task_of(experiment(tmp_path / "a.yaml"))
    batch = next(iter(task.batches))
    answers = {"expected": batch["targets"]["expected"] + batch["spread"]["expected"]}
    assert float(task.judged(answers, batch)) == pytest.approx(1.0, rel=1e-4)
    targets = task.training.targets["expected"].double()
    quiet = 0.05 * targets.std(correction=0)
    expected = targets.std(0, correction=0) + quiet
    torch.testing.assert_close(
        task.training.spread["expected"].double(), expected, rtol=1e-5, atol=0.0
    )


def test_gaps_go_on_where_a_training_stopped(tmp_path: Path) -> None:
    path = experiment(tmp_path / "a.yaml")
    one, other = task_of(path).batches, task_of(path).batches
    one.draw()
    other.load_state_dict(one.state_dict())
    forcing, again = one.draw()["forcing"], other.draw()["forcing"]
    assert all(torch.equal(forcing[name], again[name]) for name in forcing)


def test_names_that_are_none_are_refused(tmp_path: Path) -> None:
    data = {"source": f"{__name__}:biased", "gaps": {**GAPS, "values": ["mised"]}}
    with pytest.raises(ConfigError, match=r"data\.gaps: the model reads no 'mised'"):
        task_of(experiment(tmp_path / "a.yaml", data=data))
    with pytest.raises(ConfigError, match="values: the list is empty"):
        Gaps(known="known", values=())
