"""A training small enough to run in a second, on six real catchments."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bmi_dmx.config import as_yaml
from bmi_dmx.trainer.fit import train

EXPERIMENT: dict[str, Any] = {
    "name": "tiny",
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
        "test": ["1980-01-01", "1980-12-30"],
    },
    "model": {
        "process": "hbv11p",
        "members": 2,
        "evaporation": "hargreaves",
        "static": {
            "hidden": [8],
            "dropout": 0.3,
            "attributes": ["p_mean", "elevation_mean", "area_km2"],
        },
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
    "evaluation": {"groups": {"large": {"area_km2": [150, 10000]}}},
}  # fmt: skip


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration file of the small experiment."""
    path = tmp_path_factory.mktemp("config") / "tiny.yaml"
    path.write_text(as_yaml(EXPERIMENT), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def finished(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run; tests must not write into it."""
    return train(tiny, root=tmp_path_factory.mktemp("runs"))


@pytest.fixture
def run(tiny: Path, tmp_path: Path) -> Callable[..., Path]:
    """Train the small experiment with other settings."""

    def run_with(*settings: str) -> Path:
        return train(tiny, settings, root=tmp_path / "runs")

    return run_with


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures of the pictures that a test draws, laid out."""
    figures: list[Figure] = []

    def kept(figure: Figure, *_: object, **__: object) -> None:
        FigureCanvasAgg(figure).draw()
        figures.append(figure)

    monkeypatch.setattr(Figure, "savefig", kept)
    monkeypatch.setattr("bmi_dmx.trainer.plots.style.atomic", nullcontext)
    return figures
