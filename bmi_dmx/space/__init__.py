"""Where a system lives: places, and how they stand to each other. NumPy alone."""

from __future__ import annotations

from .description import GridDescription, Space
from .fields import field_shape, place_name
from .grid import Grid
from .maps import Map
from .places import Places, Points, Ring
from .plain import space_from
from .tree import Tree

__all__ = [
    "Grid",
    "GridDescription",
    "Map",
    "Places",
    "Points",
    "Ring",
    "Space",
    "Tree",
    "field_shape",
    "place_name",
    "space_from",
]
