"""How far something is and how long it will still take: a bar, or lines of a log."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

__all__ = ["progress"]

_EVERY = 60.0
"""Seconds between two lines."""

_AT_ONCE = 1.0
"""Seconds within which what is done was done by a run before."""

_log = logging.getLogger(__name__)


def progress(
    things: Iterable[Any] | None = None,
    *,
    desc: str,
    unit: str,
    total: int | None = None,
    initial: int = 0,
    scaled: bool = False,
    leave: bool = True,
) -> Any:
    """Return what counts things and shows it on the error stream.

    On a terminal that is a bar. Elsewhere, where the stream may be a file, a line with
    the time left is logged every minute; what is over sooner says nothing.

    Parameters
    ----------
    things : iterable, optional
        What is gone through; without it ``update`` counts.
    desc : str
        What is done.
    unit : str
        What is counted, with a blank before.
    total, initial : int
        How many there are, and how many were done before.
    scaled : bool
        Whether numbers have prefixes such as k and M.
    leave : bool
        Whether the bar stays when all is done.

    Returns
    -------
    tqdm
        To be closed, by a ``with`` statement.
    """
    kind = tqdm if sys.stderr is not None and sys.stderr.isatty() else _Lines
    return kind(
        things, desc=desc, unit=unit, total=total, initial=initial,
        unit_scale=scaled, leave=leave,
    )  # fmt: skip


class _Lines(tqdm):  # type: ignore[misc]
    """Logs lines in place of a bar.

    Pieces that a stopped run left behind are counted at once, and do not make it fast.
    """

    monitor_interval = 0

    def __init__(self, things: Iterable[Any] | None, **settings: Any) -> None:
        super().__init__(
            things, mininterval=_EVERY, miniters=1, file=io.StringIO(), **settings
        )

    def update(self, n: float | None = 1) -> bool | None:
        """Count; log how far it is once a minute is over."""
        if self.format_dict["elapsed"] < _AT_ONCE:
            self.n += n or 0
            self.initial = self.last_print_n = self.n
            return None
        shown: bool | None = super().update(n)
        return shown

    def close(self) -> None:
        """Say nothing at the end, which may be that of a run that failed."""
        self.leave = False
        super().close()

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """Log a line, but for the first minute and the end."""
        so_far = self.format_dict
        count, elapsed = so_far["n"], so_far["elapsed"]
        if msg == "" or elapsed < _EVERY or not self.total or count >= self.total:
            return True
        rate = so_far["rate"] or (count - self.initial) / elapsed
        rest = tqdm.format_interval((self.total - count) / rate) if rate else "?"
        share = 100 * count / self.total
        _log.info("%s: %.0f %%, about %s left", self.desc, share, rest)
        return True
