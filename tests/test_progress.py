"""What takes long tells how far it is, on a terminal and in a log."""

from __future__ import annotations

import logging

import pytest
from tqdm import tqdm

from bmi_dmx.progress import progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the time be what the one entry says."""
    now = [1000.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    return now


def test_a_log_has_a_line_each_minute_with_the_time_left(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with progress(total=1000, desc="run", unit=" steps") as bar:
        for _ in range(8):
            clock[0] += 30.0
            bar.update(50)
    # Fifty each half a minute.
    assert caplog.messages == [
        "run: 10 %, about 09:00 left", "run: 20 %, about 08:00 left",
        "run: 30 %, about 07:00 left", "run: 40 %, about 06:00 left",
    ]  # fmt: skip


def test_pieces_that_were_there_do_not_make_a_run_fast(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with progress(total=1000, desc="run", unit=" steps") as bar:
        bar.update(500)
        clock[0] += 120.0
        bar.update(100)
        bar.update(400)
    assert caplog.messages == ["run: 60 %, about 08:00 left"]


def test_what_is_gone_through_is_told_of_as_well(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with progress(range(10), desc="hindcast", unit=" days", leave=False) as days:
        for _ in days:
            clock[0] += 20.0
    assert caplog.messages[0] == "hindcast: 30 %, about 02:20 left"
    assert len(caplog.messages) == 3


def test_what_is_short_says_nothing(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    for leave in (True, False):
        with progress(range(2), desc="run", unit=" steps", leave=leave) as steps:
            assert list(steps) == [0, 1]
    assert caplog.messages == []
    assert capsys.readouterr().err == ""


def test_a_terminal_has_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress(total=2, desc="run", unit=" steps") as bar:
        assert type(bar) is tqdm
        bar.update(2)
    assert "2/2" in capsys.readouterr().err
