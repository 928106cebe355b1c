"""What the package has to say about data while it reads them, collected."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["remarks"]


class _Collector(logging.Handler):
    def __init__(self, texts: dict[str, None]) -> None:
        super().__init__(logging.INFO)
        self._texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        self._texts.setdefault(record.getMessage())


@contextmanager
def remarks() -> Iterator[dict[str, None]]:
    """Collect what is logged in the block, each text once, in order.

    Nothing of it is shown elsewhere meanwhile.
    """
    texts: dict[str, None] = {}
    package = logging.getLogger(__name__.partition(".")[0])
    handlers, level, upwards = package.handlers[:], package.level, package.propagate
    collector = _Collector(texts)
    package.handlers[:] = [collector]
    package.setLevel(logging.INFO)
    package.propagate = False
    try:
        yield texts
    finally:
        package.handlers[:] = handlers
        package.setLevel(level)
        package.propagate = upwards
