"""Runs tell how far they are, on a terminal and in a log."""

from __future__ import annotations

import logging
import time

import pytest
from tqdm import tqdm

from bmi_dmx.run.progress import progress_of


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the time be what the one entry says."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_log_has_a_line_each_minute_with_the_time_left(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with progress_of(1000) as progress:
        for seconds, count in ((30.0, 50), (60.0, 50), (90.0, 100), (120.0, 100)):
            clock[0] = seconds
            progress.update(count)
    # 100 in the first minute leave nine, 200 in the second leave three and a half.
    assert caplog.messages == [
        "run: 10 %, about 09:00 left", "run: 30 %, about 03:30 left",
    ]  # fmt: skip


def test_pieces_that_were_there_do_not_make_a_run_fast(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    progress = progress_of(1000)
    progress.update(500)
    clock[0] = 61.0
    progress.update(0)
    clock[0] = 120.0
    progress.update(100)
    assert caplog.messages == ["run: 60 %, about 08:00 left"]


def test_a_short_run_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with progress_of(2) as progress:
        progress.update(2)
    assert caplog.messages == []


def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress_of(2) as progress:
        assert isinstance(progress, tqdm)
