"""The line that says how far a run is."""

from __future__ import annotations

import io

import pytest

from bmi_dmx.ngen import progress as module
from bmi_dmx.ngen.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_items_pass_and_the_last_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_EVERY", 0.0)
    stream = Terminal()
    assert list(progress("abc", 3, "hours", stream)) == ["a", "b", "c"]
    assert stream.getvalue().endswith("\r3/3 hours, 0 s left \n")


def test_nothing_is_written_where_nobody_looks() -> None:
    stream = io.StringIO()
    assert list(progress(range(4), 4, "hours", stream)) == [0, 1, 2, 3]
    assert stream.getvalue() == ""
