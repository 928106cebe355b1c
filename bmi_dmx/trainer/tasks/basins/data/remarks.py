"""What readers of basins have to say: what is odd, and what is taken for granted."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["assume", "each_once", "remark"]

log = logging.getLogger(__name__)

_said: ContextVar[set[str] | None] = ContextVar("said", default=None)


@contextmanager
def each_once() -> Iterator[None]:
    """Let each text be said once in the block, however many groups it is true of."""
    token = _said.set(set())
    try:
        yield
    finally:
        _said.reset(token)


def remark(text: str) -> None:
    """Say what is odd about data and how it was taken."""
    _say(logging.WARNING, text)


def assume(text: str) -> None:
    """Say what is usual and was taken for granted."""
    _say(logging.INFO, text)


def _say(level: int, text: str) -> None:
    texts = _said.get()
    if texts is None or text not in texts:
        log.log(level, "%s", text)
    if texts is not None:
        texts.add(text)
