"""Memory of kernels is used again, and by one at a time."""

from __future__ import annotations

import gc
import platform
import resource

import numpy as np
import pytest

from bmi_dmx.kernels import memory
from bmi_dmx.kernels.memory import borrowed, forget, given_back, lent, retained

SIZE = 1 << 16
LARGE = 1 << 26


@pytest.fixture(autouse=True)
def nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_waiting", {})


def address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 1000, SIZE, 3 * SIZE + 1])
def test_it_is_as_large_as_was_asked(size: int, dtype: str) -> None:
    for make in (borrowed, lent):
        array = make(size, dtype)
        assert array.shape == (size,)
        assert array.dtype == dtype
        array.fill(1.0)


def test_what_is_given_back_is_used_again() -> None:
    first = borrowed(SIZE, "float32")
    at = address(first)
    assert address(borrowed(SIZE, "float32")) != at
    given_back(first)
    assert address(borrowed(SIZE // 2, "float64")) == at


def test_what_waits_can_be_let_go() -> None:
    given_back(borrowed(SIZE, "float32"))
    assert memory._waiting
    forget()
    assert not memory._waiting


def test_what_is_lent_comes_back_when_nobody_has_it() -> None:
    first = lent(SIZE, "float32")
    at, part = address(first), first[10:]
    del first
    assert address(lent(SIZE, "float32")) != at
    del part
    assert address(lent(SIZE, "float32")) == at


def test_what_is_small_or_too_much_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MOST", 5 * SIZE)
    for size in (10, SIZE, SIZE, 4 * SIZE):
        given_back(borrowed(size, "float32"))
    total = sum(size * len(x) for size, x in memory._waiting.items())
    assert total == 4 * SIZE
    two = borrowed(SIZE, "float32"), borrowed(SIZE, "float32")
    for array in two:
        given_back(array)
    assert sum(map(len, memory._waiting.values())) == 1


def test_it_comes_back_while_some_is_borrowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory is cleared up is for the interpreter to say."""

    class Holder:
        pass

    class Clearing(dict[int, list[np.ndarray]]):
        def setdefault(self, *arguments: object) -> list[np.ndarray]:
            if not cleared:
                cleared.append(1)
                gc.collect()
            return super().setdefault(*arguments)  # type: ignore[arg-type]

    cleared: list[int] = []
    monkeypatch.setattr(memory, "_waiting", Clearing())
    cleared.append(0)
    holder = Holder()
    holder.itself, holder.array = holder, lent(SIZE, "float32")  # type: ignore[attr-defined]
    at = address(holder.array)  # type: ignore[attr-defined]
    cleared.clear()
    del holder
    assert address(borrowed(SIZE, "float32")) == at


def faults_of_new_arrays() -> int:
    """Return the faults of pages of an array that is made, filled and freed again."""
    np.ones(LARGE, np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3):
        np.ones(LARGE, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the C library is not GNU's"
)
def test_what_is_freed_is_used_again_while_it_is_retained() -> None:
    # Were pages as large as they get, three new arrays would cost some hundred.
    with retained():
        assert faults_of_new_arrays() < 20
    assert faults_of_new_arrays() > 60
