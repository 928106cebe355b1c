"""Warnings that are the same for every place of a process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["afresh", "count_as_told", "warn_once"]

_told: set[tuple[str, str]] = set()


def warn_once(log: logging.Logger, subject: str, message: str, *values: Any) -> None:
    """Warn of something once in a process; afterwards it is noted for debugging.

    A host makes a component for each of 100 000 places, and what is odd at one is
    odd at all.

    Parameters
    ----------
    log : Logger
        Where to.
    subject : str
        What it is about.
    message, values : str, object
        As for :meth:`logging.Logger.warning`.
    """
    first = (log.name, subject) not in _told
    _told.add((log.name, subject))
    note = "; more of this is said at level DEBUG" if first else ""
    log.log(logging.WARNING if first else logging.DEBUG, message + note, *values)


@contextmanager
def afresh() -> Iterator[None]:
    """Let the block warn of all it has to, whatever was warned of before it.

    For commands: what a process did before is not what a command did.
    """
    global _told
    before, _told = _told, set()
    try:
        yield
    finally:
        _told = before


def count_as_told(log: logging.Logger, subject: str) -> None:
    """Let something count as warned of, which was said in another way.

    Parameters
    ----------
    log, subject
        As for :func:`warn_once`.
    """
    _told.add((log.name, subject))
