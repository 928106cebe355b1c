"""Trainings of twenty steps on the sample that comes with the package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import yaml

from bmi_dmx.trainer.fit import resume, train

from .records import Records, record

__all__ = ["MODELS", "interrupted", "train_whole"]

STATIC: dict[str, Any] = {
    "process": "hbv11p",
    "members": 2,
    "evaporation": "hargreaves",
    "static": {
        "hidden": [8],
        "dropout": 0.3,
        "attributes": ["p_mean", "elevation_mean", "area_km2"],
    },
}
DYNAMIC: dict[str, Any] = {
    "hidden": 4,
    "parameters": ["beta", "k0"],
    "dropout": 0.2,
    "forcings": ["precipitation", "potential_evaporation"],
    "attributes": ["p_mean"],
}
MODELS: dict[str, dict[str, Any]] = {
    "static": STATIC,
    "dynamic": {**STATIC, "dynamic": DYNAMIC},
}

EXPERIMENT: dict[str, Any] = {
    "name": "golden",
    "about": "a test",
    "licence": "CC0-1.0",
    "sources": ["a river"],
    "seed": 3,
    "data": {
        "reader": "delaware",
        "attributes": "both",
        "basins": [
            "01466500", "01467150", "01483700", "01473120", "01440400", "01442500",
        ],
    },
    "periods": {
        "train": ["1979-02-01", "1979-09-30"],
        "validation": ["1979-10-01", "1979-12-31"],
    },
    "loss": {"nse_batch": 0.75, "nse_sqrt": 0.25},
    "training": {
        "steps": 20,
        "batch": 4,
        "warmup": 40,
        "window": 60,
        "optimizer": {"rate": 0.05},
        "validate_every": 10,
        "checkpoint_every": 5,
        "threads": 1,
    },
}  # fmt: skip


class Interrupted(Exception):
    """Stands for the end of a process."""


def train_whole(name: str, folder: Path) -> Records:
    """Train a model and return the records of its weights.

    Parameters
    ----------
    name : str
        One of :data:`MODELS`.
    folder : Path
        An empty folder.
    """
    return _weights(train(_config(name, folder), root=folder / "runs"))


def interrupted(name: str, folder: Path) -> Records:
    """Do so in two parts, the second from the checkpoint of step 10."""
    with _no_checkpoint_after(10):
        try:
            train(_config(name, folder), root=folder / "runs")
        except Interrupted:
            pass
        else:
            raise AssertionError("the training was not interrupted")
    (run,) = (folder / "runs").iterdir()
    # Whatever else drew random numbers meanwhile does not matter.
    torch.manual_seed(99)
    return _weights(resume(run))


def _config(name: str, folder: Path) -> Path:
    path = folder / "golden.yaml"
    content = {**EXPERIMENT, "model": MODELS[name]}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@contextmanager
def _no_checkpoint_after(step: int) -> Iterator[None]:
    """Let the process end, as it were, when a later checkpoint is to be written."""
    whole = torch.save

    def save(content: Any, *where: Any, **how: Any) -> None:
        if content["global_step"] > step:
            raise Interrupted
        whole(content, *where, **how)

    with patch.object(torch, "save", save):
        yield


def _weights(run: Path) -> Records:
    """Return the record of all weights in their order, whatever they are called."""
    last = run / "checkpoints" / "last.ckpt"
    weights = torch.load(last, map_location="cpu", weights_only=True)["state_dict"]
    arrays = [tensor.numpy() for tensor in weights.values()]
    content = b"".join(array.tobytes() for array in arrays)
    numbers = np.concatenate([array.ravel() for array in arrays])
    return {"weights": record(content, numbers, count=64)}
