"""How measurements are made and kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from bmi_dmx.benchmarks import measure
from bmi_dmx.benchmarks.measure import Effort, Record
from bmi_dmx.errors import DmxError

BRIEF = Effort(repeats=3, seconds=0.0)


class Clock:
    """CPU seconds that pass only where a test lets them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def spend(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(measure, "process_time", clock)
    return clock


@pytest.mark.parametrize("seconds", [3e-7, 2e-3, 1.5])
def test_the_seconds_of_a_function_are_those_of_one_call(
    clock: Clock, seconds: float
) -> None:
    duration = measure.seconds_of(lambda: clock.spend(seconds), BRIEF)
    assert duration == pytest.approx(seconds)


def test_two_functions_are_timed_apart(clock: Clock) -> None:
    first, second = measure.seconds_of_two(
        lambda: clock.spend(0.004), lambda _: clock.spend(0.002), BRIEF
    )
    assert first == pytest.approx(4e-3)
    assert second == pytest.approx(2e-3)


def test_the_second_function_is_given_what_the_first_returns() -> None:
    arguments = []
    measure.seconds_of_two(lambda: 7, arguments.append, BRIEF)
    assert set(arguments) == {7}


def test_measuring_ends_at_the_limit(clock: Clock) -> None:
    calls = []
    effort = Effort(1000, 0.0, limit=0.035)
    measure.seconds_of_two(lambda: clock.spend(0.01), calls.append, effort)
    assert len(calls) == 5  # the first, and four samples


@pytest.mark.skipif(sys.platform != "linux", reason="memory is told by Linux alone")
def test_the_growth_of_memory_is_that_of_what_is_used_at_most() -> None:
    def work() -> None:
        # Blocks of more than 32 MiB always go back to the system when they are freed.
        np.ones(8_000_000)
        np.ones(5_000_000)

    assert measure.peak_growth(work) == pytest.approx(64e6, rel=0.1)


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
    (row,) = json.loads(path.read_text(encoding="utf-8"))
    assert list(row) == [
        "case", "implementation", "n", "forward_s", "backward_s", "memory_bytes", "x",
        "hardware", "date", "versions",
    ]  # fmt: skip
    assert row["forward_s"] == 0.5
    assert row["versions"].startswith("bmi_dmx ")
    assert "cores" in row["hardware"]
