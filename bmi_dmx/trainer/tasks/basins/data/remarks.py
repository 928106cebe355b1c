"""What readers of basins have to say: what is odd, and what is taken for granted."""

from __future__ import annotations

import logging

__all__ = ["assume", "remark"]

log = logging.getLogger(__name__)


def remark(text: str) -> None:
    """Say what is odd about data and how it was taken."""
    log.warning("%s", text)


def assume(text: str) -> None:
    """Say what is usual and was taken for granted."""
    log.info("%s", text)
