"""Kinds of reaches, by the numbers that stand for them, and where lakes begin."""

from ...variables import Attribute

__all__ = ["INITIAL_ELEVATION", "INTERIOR", "LEVEL_POOL", "REACH", "RESERVOIR"]

REACH, LEVEL_POOL, RESERVOIR, INTERIOR = 0.0, 1.0, 2.0, 3.0
"""A reach; a lake with weir and orifice; a linear reservoir; a reach inside a lake,
which passes on what enters it."""

INITIAL_ELEVATION = Attribute(
    name="initial_elevation", units="m", about="of the surface of a lake at a hot start"
)
