"""Kinds of reaches, by the numbers that stand for them."""

__all__ = ["INTERIOR", "LEVEL_POOL", "REACH", "RESERVOIR"]

REACH, LEVEL_POOL, RESERVOIR, INTERIOR = 0.0, 1.0, 2.0, 3.0
"""A reach; a lake with weir and orifice; a linear reservoir; a reach inside a lake,
which passes on what enters it."""
