"""A good bundle, and a copy of it to be spoiled."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bmi_dmx.bundle import save_bundle

from .river import TEXTS, make


@pytest.fixture(scope="session")
def saved(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "river"
    save_bundle(make(dynamic=True), folder, **TEXTS)
    return folder


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """Return a copy of a good bundle, to be spoiled."""
    return Path(shutil.copytree(saved, tmp_path / "river"))
