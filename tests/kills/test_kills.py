"""Commands that are killed leave what was there or what is to be, and can be run again.

A few moments of each in every run of the tests; ``BMI_DMX_KILLS=200`` asks for more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NAMES = ("save_state", "train", "export", "evaluate", "simulate", "run", "route")
FEW = 4


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks and kills as on Linux")
@pytest.mark.parametrize("name", NAMES)
def test_a_kill_at_any_moment_loses_nothing(name: str, tmp_path: Path) -> None:
    count = int(os.environ.get("BMI_DMX_KILLS", FEW))
    process = subprocess.run(
        [sys.executable, "-m", "tests.kills.process", name, str(tmp_path), str(count)],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    report = json.loads(process.stdout.splitlines()[-1])
    assert report["accesses"] >= 5
    assert len(report["kills"]) == count
    assert {moment: wrong for moment, wrong in report["kills"].items() if wrong} == {}
