"""How measurements are made and kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import process_time

import numpy as np
import pytest

from bmi_dmx.benchmarks import measure
from bmi_dmx.benchmarks.measure import Effort, Record
from bmi_dmx.errors import DmxError

BRIEF = Effort(repeats=3, seconds=0.0)


def busy(seconds: float) -> None:
    end = process_time() + seconds
    while process_time() < end:
        pass


def test_the_seconds_of_a_function_are_cpu_seconds_of_one_call() -> None:
    assert measure.seconds_of(lambda: busy(0.002), BRIEF) == pytest.approx(2e-3, 0.2)


def test_two_functions_are_timed_apart() -> None:
    first, second = measure.seconds_of_two(
        lambda: busy(0.004), lambda _: busy(0.002), BRIEF
    )
    assert first == pytest.approx(4e-3, 0.2)
    assert second == pytest.approx(2e-3, 0.2)


def test_the_second_function_is_given_what_the_first_returns() -> None:
    seen = []
    measure.seconds_of_two(lambda: 7, seen.append, BRIEF)
    assert set(seen) == {7}


def test_measuring_ends_at_the_limit() -> None:
    calls = []
    measure.seconds_of_two(
        lambda: calls.append(busy(0.01)), print, Effort(1000, 0.0, limit=0.03)
    )
    assert len(calls) < 10


@pytest.mark.skipif(sys.platform != "linux", reason="memory is told by Linux alone")
def test_the_growth_of_memory_is_that_of_what_is_used_at_most() -> None:
    def work() -> None:
        np.ones(4_000_000)
        np.ones(1_000_000)

    assert measure.peak_growth(work) == pytest.approx(32e6, rel=0.1)


def test_a_new_process_answers_with_json() -> None:
    statement = "import os; print(1); print('{\"x\": ' + os.environ['GIVEN'] + '}')"
    assert measure.in_new_process(statement, {"GIVEN": "2"}) == {"x": 2}


def test_a_failed_process_says_why() -> None:
    with pytest.raises(DmxError, match="new process failed"):
        measure.in_new_process("raise SystemExit('no luck')")


def test_records_are_written_flat_with_machine_and_date(tmp_path: Path) -> None:
    record = Record(
        case="a", implementation="b", sizes={"n": 1}, forward_s=0.5, more={"x": None}
    )
    path = tmp_path / "new" / "records.json"
    measure.write([record], path)
    (read,) = json.loads(path.read_text(encoding="utf-8"))
    assert list(read) == [
        "case", "implementation", "n", "forward_s", "backward_s", "memory_bytes", "x",
        "hardware", "date", "versions",
    ]  # fmt: skip
    assert read["forward_s"] == 0.5
    assert read["versions"].startswith("bmi_dmx ")
    assert "cores" in read["hardware"]
