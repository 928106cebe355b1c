"""A trained model of a made sea."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmi_dmx.bundle import Bundle
from bmi_dmx.config import as_yaml
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.fit import train

from . import made


@pytest.fixture(scope="session")
def sea(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.write(tmp_path_factory.mktemp("sea") / "sea.nc", made.temperatures())


@pytest.fixture(scope="session")
def run(sea: Path) -> Path:
    """The folder of a finished run; tests do not write into it."""
    path = sea.with_name("experiment.yaml")
    path.write_text(as_yaml(made.experiment(sea)), encoding="utf-8")
    return train(path, root=sea.parent)


@pytest.fixture(scope="session")
def bundle(run: Path) -> Bundle:
    return export(run, run.parent / "bundle")
