"""Damages to files and data, and what may come of reading them."""

from __future__ import annotations

from hypothesis import settings

__all__ = ["examples"]


def examples(few: int) -> int:
    """Return how many examples are tried: few, or as many as the profile asks for."""
    most = settings.default.max_examples if settings.default is not None else few
    return most if most > 100 else few
