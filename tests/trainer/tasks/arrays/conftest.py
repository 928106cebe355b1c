"""Experiments on small systems, as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bmi_dmx.config import as_yaml
from bmi_dmx.trainer.fit import train

from .systems import EXPERIMENTS

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an experiment by name, and return its file."""

    def written(name: str) -> Path:
        path = tmp_path / f"{name}.yaml"
        text = as_yaml(EXPERIMENTS[name])
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a finished run; tests must not write into it."""
    runs: dict[str, Path] = {}

    def run(name: str) -> Path:
        if name not in runs:
            folder = tmp_path_factory.mktemp(name)
            path = folder / "experiment.yaml"
            text = as_yaml(EXPERIMENTS[name])
            path.write_text(text, encoding="utf-8")
            runs[name] = train(path, root=folder)
        return runs[name]

    return run
