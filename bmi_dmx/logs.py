"""What the package logs, shown to who uses the command line."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .errors import SlowerWarning

__all__ = ["capture", "logged", "remarks"]


_AWAITED = (
    "trainer",
    "kernels",
    "operate.kernels",
    "benchmarks",
    "cli",
    "progress",
)
"""Who says what is waited for."""


class _Format(logging.Formatter):
    """Information as it is, anything worse with the word for it."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if record.levelno <= logging.INFO:
            return text
        return f"{record.levelname.lower()}: {text}"


@contextmanager
def logged(level: int | None = None) -> Iterator[None]:
    """Show on the error stream what is logged, and what is waited for.

    For the command line, where the program is ours: a library leaves this to its user.

    Parameters
    ----------
    level : int, optional
        Least level that is shown, of all rooms alike.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Format())
    package = logging.getLogger(__package__)
    rooms = [package.getChild(name) for name in _AWAITED]
    before = {logger: logger.level for logger in (package, *rooms)}
    package.addHandler(handler)
    for room in rooms:
        room.setLevel(logging.INFO if level is None else level)
    if level is not None:
        package.setLevel(level)
    try:
        with _as_lines(package):
            yield
    finally:
        for logger, level_before in before.items():
            logger.setLevel(level_before)
        package.removeHandler(handler)


@contextmanager
def _as_lines(package: logging.Logger) -> Iterator[None]:
    """Log what the package warns of itself, instead of where in its source it does."""
    usual = warnings.showwarning

    def shown(
        message: Warning | str, category: type[Warning], *where: Any, **more: Any
    ) -> None:
        if issubclass(category, SlowerWarning):
            package.warning("%s", message)
        else:
            usual(message, category, *where, **more)

    warnings.showwarning = shown
    try:
        yield
    finally:
        warnings.showwarning = usual


class _Keeper(logging.Handler):
    """Keeps the text of what is worse than information."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextmanager
def capture() -> Iterator[list[str]]:
    """Keep what is warned of, in the log or as a warning of Python, and show nothing.

    For whoever tells it in a report of its own. The list is complete at the end of the
    block.
    """
    package, keeper = logging.getLogger(__package__), _Keeper()
    handlers, onward = package.handlers[:], package.propagate
    package.handlers, package.propagate = [keeper], False
    try:
        with warnings.catch_warnings(record=True) as caught:
            # Others as usual: libraries hide some of their own for good reasons.
            warnings.simplefilter("always", UserWarning)
            yield keeper.said
        keeper.said += [str(warning.message) for warning in caught]
    finally:
        package.handlers, package.propagate = handlers, onward


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
    package = logging.getLogger(__package__)
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
