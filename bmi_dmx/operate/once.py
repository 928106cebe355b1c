"""Warnings that are the same for every place of a process."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["count_as_told", "warn_once"]

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


def count_as_told(log: logging.Logger, subject: str) -> None:
    """Let something count as warned of, which was said in another way.

    Parameters
    ----------
    log, subject
        As for :func:`warn_once`.
    """
    _told.add((log.name, subject))
