"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from bmi_dmx.bmi import once

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the large real data sets beside the checkout; skips where absent."""
    folder = Path(os.environ.get("BMI_DMX_DATA", SHARED))
    if not folder.is_dir():
        pytest.skip(f"data folder {folder.name!r} is not beside the checkout")
    return folder


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order() -> None:
    """Draw the same random tensors whichever tests ran before."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _nothing_was_told_yet() -> None:
    """Let every test see the warnings that a process gives once."""
    once.forget()
