"""What is wrong with data, told all at once instead of one problem after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .....errors import DataError, DataProblems, UnitsError

__all__ = ["all_at_once", "collecting", "piece", "settle"]

_found: ContextVar[list[str] | None] = ContextVar("found", default=None)


@contextmanager
def all_at_once() -> Iterator[None]:
    """Collect what is wrong with pieces of data in the block, and refuse it at its end.

    Raises
    ------
    DataProblems
        There was more than one problem.
    DataError, UnitsError
        There was one.
    """
    messages: list[str] = []
    token = _found.set(messages)
    last: DataError | UnitsError | None = None
    try:
        yield
    except (DataError, UnitsError) as error:
        last = error
    finally:
        _found.reset(token)
    if last is not None and not messages:
        raise last
    if last is not None:
        messages.append(str(last))
    if messages:
        problems = list(dict.fromkeys(messages))
        raise DataProblems(problems) if len(problems) > 1 else DataError(problems[0])


def collecting() -> bool:
    """Return whether problems are collected."""
    return _found.get() is not None


@contextmanager
def piece() -> Iterator[None]:
    """Let what is wrong with one piece of data end this block alone.

    Only where problems are collected; elsewhere the first one is raised.
    """
    try:
        yield
    except (DataError, UnitsError) as error:
        messages = _found.get()
        if messages is None:
            raise
        messages.append(str(error))


def settle() -> None:
    """Refuse what was found so far, before something that needs all pieces.

    Raises
    ------
    DataError
        Something was.
    """
    messages = _found.get()
    if messages:
        raise DataError(messages[0])
