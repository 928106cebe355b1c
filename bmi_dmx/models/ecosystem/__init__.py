"""Ecosystem processes: gas exchange of leaves."""

from __future__ import annotations

from .leaf import Leaf

__all__ = ["Leaf"]
