"""What the package logs, shown to who uses the command line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["logged"]


class _Format(logging.Formatter):
    """Information as it is, anything worse with the word for it."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if record.levelno <= logging.INFO:
            return text
        return f"{record.levelname.lower()}: {text}"


@contextmanager
def logged() -> Iterator[None]:
    """Show on the error stream what is logged, of training also how it goes on.

    For the command line, where the program is ours: a library leaves this to its user.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Format())
    package, training = (
        logging.getLogger(name) for name in (__package__, f"{__package__}.trainer")
    )
    before = training.level
    package.addHandler(handler)
    training.setLevel(logging.INFO)
    try:
        yield
    finally:
        training.setLevel(before)
        package.removeHandler(handler)
