"""One line on the error stream that says how far a run is."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

__all__ = ["progress"]

T = TypeVar("T")

_EVERY = 0.5


def progress(
    items: Iterable[T], total: int, what: str, stream: TextIO | None = None
) -> Iterator[T]:
    """Yield items and tell how many are done, where somebody is looking.

    Parameters
    ----------
    items : iterable
    total : int
        How many there are.
    what : str
        What one of them is, in the plural.
    stream : text stream, optional
        Default: the error stream; nothing is written where it is no terminal.
    """
    out = sys.stderr if stream is None else stream
    if not out.isatty():
        yield from items
        return
    begin = shown = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - shown >= _EVERY or done == total:
            shown = now
            left = (now - begin) / done * (total - done)
            out.write(f"\r{done}/{total} {what}, {left:.0f} s left ")
            out.flush()
    out.write("\n")
