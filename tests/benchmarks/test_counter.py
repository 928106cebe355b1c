"""Instructions are counted where there is a counter, or the reason is told."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest

from bmi_dmx.benchmarks import counter
from bmi_dmx.benchmarks.counter import instructions_of, why_not_counted


@pytest.fixture
def without() -> Iterator[None]:
    """Begin without a counter that was opened before, and leave none."""
    counter._counter.cache_clear()
    yield
    counter._counter.cache_clear()


def test_more_work_is_more_instructions() -> None:
    if why_not_counted() is not None:
        pytest.skip(f"instructions are not counted: {why_not_counted()}")
    little, much = (
        instructions_of(lambda n=n: sum(range(n))) for n in (100, 10_000)
    )  # fmt: skip
    assert little is not None
    assert much is not None
    assert much > 10 * little > 0


@pytest.mark.usefixtures("without")
def test_the_reason_is_told_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "abacus")
    assert instructions_of(list) is None
    assert "abacus" in str(why_not_counted())


@pytest.mark.usefixtures("without")
def test_the_system_may_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def syscall(self, *_: object) -> int:
            ctypes.set_errno(13)
            return -1

    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(counter.ctypes, "CDLL", lambda *_, **__: Refusing())
    assert instructions_of(list) is None
    assert why_not_counted() == "perf_event_open: Permission denied"
