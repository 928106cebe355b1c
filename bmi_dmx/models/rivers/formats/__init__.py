"""Files that hold rivers: one reader for each kind, and one form for what they hold."""

from __future__ import annotations

from .gauge_table import GaugeTable, partial_area, read_gauges
from .read import FORMATS, read_river
from .river import Lakes, River
from .series import ReachSeries, read_series

__all__ = [
    "FORMATS",
    "GaugeTable",
    "Lakes",
    "ReachSeries",
    "River",
    "partial_area",
    "read_gauges",
    "read_river",
    "read_series",
]
