"""What nightly measurements are held to: ratios, which are the same on all machines."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "scripts" / "bench_ratios.py"
    spec = importlib.util.spec_from_file_location("bench_ratios", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def record(case: str, name: str, seconds: float, steps: int = 730) -> dict[str, Any]:
    sizes = {"parameters": "static", "locations": 100, "steps": steps}
    return {"case": case, "implementation": name, "both_s": seconds, **sizes}


@pytest.mark.parametrize(("kernel", "status"), [(0.02, 0), (0.2, 1)])
def test_a_kernel_has_to_be_much_faster_than_the_loop(
    script: ModuleType, kernel: float, status: int, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    records = [record("scan", "reference", 0.5), record("scan", "cells", kernel)]
    path = tmp_path / "scan.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    assert script.main(path) == status
    told = capsys.readouterr()
    ratio = f"{0.5 / kernel:.1f}"
    assert f"| loop by kernel, static parameters, 100 places | {ratio} |" in told.out
    assert ("not what it has to be" in told.err) is bool(status)


def test_time_has_to_be_linear(script: ModuleType) -> None:
    records = [record("length", "cells", 0.01 * n**2, 100 * n) for n in (1, 2, 4)]
    found = list(script.ratios(records))
    assert [what for what, *_ in found] == ["200 by 100 steps", "400 by 200 steps"]
    assert [right for *_, right in found] == [False, False]


def test_nothing_to_compare_is_a_failure(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_text("[]", encoding="utf-8")
    assert script.main(path) == 1
