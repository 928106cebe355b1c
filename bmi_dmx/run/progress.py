"""How far a run is and how long it will still take: a bar, or lines of a log."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any, Protocol

from tqdm import tqdm

__all__ = ["Progress", "progress_of"]

_EVERY = 60.0
"""Seconds between two lines."""

_AT_ONCE = 1.0
"""Seconds within which what is done was done by a run before."""

_log = logging.getLogger(__name__)


class Progress(Protocol):
    """Hears of what is done; closed by a ``with`` statement."""

    def update(self, count: int) -> object:
        """Hear that so much more is done."""

    def __enter__(self) -> Any: ...

    def __exit__(self, *error: object) -> None: ...


def progress_of(total: int) -> Progress:
    """Return what shows the progress of a run on the error stream.

    Parameters
    ----------
    total : int
        Steps of places that it has.
    """
    if sys.stderr is not None and sys.stderr.isatty():
        bar: Progress = tqdm(
            total=total, desc="run", unit=" steps of places", unit_scale=True
        )
        return bar
    return _Lines(total)


class _Lines:
    """Logs a line every minute, for runs whose output is a file.

    The time left follows from what was done since the line before; pieces that a
    stopped run left behind do not count.
    """

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._time, self._count = time.monotonic(), 0

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *error: object) -> None:
        """Say nothing more."""

    def update(self, count: int) -> None:
        """Count, and log how far the run is once a minute is over."""
        self._done += count
        now = time.monotonic()
        passed, new = now - self._time, self._done - self._count
        if passed < _AT_ONCE:
            self._count = self._done
        if passed < _EVERY or new <= 0:
            return
        rest = tqdm.format_interval((self._total - self._done) * passed / new)
        _log.info("run: %.0f %%, about %s left", 100 * self._done / self._total, rest)
        self._time, self._count = now, self._done
