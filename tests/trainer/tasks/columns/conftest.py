"""Trained models of a made column."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmi_dmx.bundle import Bundle
from bmi_dmx.config import as_yaml
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.fit import train

from . import made


@pytest.fixture(scope="session")
def weather(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.written(tmp_path_factory.mktemp("column") / "weather.nc")


def trained(weather: Path, surface: str) -> Path:
    folder = weather.parent / surface
    folder.mkdir()
    path = folder / "experiment.yaml"
    path.write_text(as_yaml(made.experiment(weather, surface)), encoding="utf-8")
    return train(path, root=folder)


@pytest.fixture(scope="session")
def run(weather: Path) -> Path:
    """A finished run on days at the surface; tests do not write into it."""
    return trained(weather, "fluxes")


@pytest.fixture(scope="session")
def run_of_profiles(weather: Path) -> Path:
    return trained(weather, "weather")


@pytest.fixture(scope="session")
def bundle(run: Path) -> Bundle:
    return export(run, run.parent / "bundle")
