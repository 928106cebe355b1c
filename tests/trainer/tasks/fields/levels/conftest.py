"""A made ocean of a leap year's end and beginning, and runs that learned from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmi_dmx.config import as_yaml
from bmi_dmx.trainer.fit import train

from . import made


@pytest.fixture(scope="session")
def ocean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of files of 2019 and of the first 70 days of 2020."""
    folder = tmp_path_factory.mktemp("levels") / "ocean"
    made.write(folder, 2019, 365)
    made.write(folder, 2020, 70)
    return folder


@pytest.fixture(scope="session")
def run(ocean: Path) -> Path:
    """The folder of a finished run of a hybrid; tests do not write into it."""
    path = ocean.with_name("experiment.yaml")
    path.write_text(as_yaml(made.experiment(ocean)), encoding="utf-8")
    return train(path, root=ocean.parent)
