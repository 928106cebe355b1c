"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from bmi_dmx.operate import repeated_warnings

pytest_plugins = ["tests.bmi.fixtures"]

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"

# A change is judged by the same examples as the one before it.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("fresh", deadline=None)
settings.register_profile("thorough", max_examples=2000, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the large real data sets beside the checkout; skips where absent."""
    folder = Path(os.environ.get("BMI_DMX_DATA", SHARED))
    if not folder.is_dir():
        pytest.skip(f"data folder {folder.name!r} is not beside the checkout")
    return folder


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel and a source distribution of a copy of this checkout."""
    folder = tmp_path_factory.mktemp("distributions")
    junk = ("__pycache__", "runs", "dist", "build", "site", ".git", ".venv", ".*_cache")
    hidden = shutil.ignore_patterns(*junk)
    source = shutil.copytree(ROOT, folder / "source", symlinks=True, ignore=hidden)
    command = [sys.executable, "-m", "hatchling", "build", "-d", folder]
    process = subprocess.run(
        command, cwd=source, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    shutil.rmtree(source)
    return folder


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    (built,) = distributions.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def sdist(distributions: Path) -> Path:
    (built,) = distributions.glob("*.tar.gz")
    return built


@pytest.fixture
def on_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let kernels of a GPU run on the CPU, compiled from the same text."""
    from tests.kernels.on_host import forget, put_on_host

    put_on_host(monkeypatch)
    yield
    forget()


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order() -> None:
    """Draw the same random tensors whichever tests ran before."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _nothing_was_told_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every test see the warnings that a process gives once."""
    monkeypatch.setattr(repeated_warnings, "_told", set())
