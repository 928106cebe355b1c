"""Damaged files end in errors of one line or in numbers, never in anything else.

How many of each reader are tried is the environment variable ``BMI_DMX_DAMAGES``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .damages import READERS

ROOT = Path(__file__).resolve().parents[2]
COUNT = int(os.environ.get("BMI_DMX_DAMAGES", "15"))

ENDED = 40
"""Times that reading may end the process before it is given up."""


def outcomes(name: str, count: int) -> dict[int, str]:
    """Return what came of each damage; reading goes on after one that ended it."""
    outcomes: dict[int, str] = {}
    for _ in range(ENDED):
        if len(outcomes) == count:
            break
        first = len(outcomes)
        command = [sys.executable, "-m", "tests.data.damages", name, str(first),
                   str(count - first)]  # fmt: skip
        process = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False
        )
        for line in process.stdout.splitlines():
            number, _, text = line.partition(" ")
            outcomes[int(number)] = text
        if process.returncode:
            outcomes[len(outcomes)] = (
                f"crash: ended with {process.returncode}: {process.stderr[-300:]}"
            )
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_damages_are_refused_or_do_no_harm(name: str) -> None:
    results = outcomes(name, COUNT)
    assert len(results) == COUNT
    assert {k: x for k, x in results.items() if x.startswith("crash")} == {}
    assert "refused" in results.values()
