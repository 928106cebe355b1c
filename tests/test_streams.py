"""The command line where it is started in ways of its own: closed streams, flags."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("closed", "shown"), [(">&-", 0), ("2>&-", 1), ("<&- >&- 2>&-", 0)]
)
def test_who_starts_a_command_without_streams_gets_its_status(
    tmp_path: Path, closed: str, shown: int
) -> None:
    line = f'"{sys.executable}" -m bmi_dmx.cli info nse {closed}'
    process = subprocess.run(
        line, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.count("nse (metrics)") == shown


def test_without_docstrings_there_is_less_to_tell() -> None:
    process = subprocess.run(
        [sys.executable, "-OO", "-m", "bmi_dmx.cli", "info", "hbv11p"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith("hbv11p (processes)")
