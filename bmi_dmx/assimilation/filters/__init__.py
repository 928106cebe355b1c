"""Filters: a forecast ensemble and observations in, an analysis out.

Ensembles are (…, m, n): leading axes are problems, m members, n entries of the state.
"""

from __future__ import annotations

from .filter import Filter, WindowFilter

__all__ = ["Filter", "WindowFilter"]
