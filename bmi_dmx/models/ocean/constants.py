"""Numbers that all models of the ocean share."""

from __future__ import annotations

__all__ = ["DENSITY", "GRAVITY", "HEAT_CAPACITY", "ROTATION", "STRONGEST"]

DENSITY = 1026.0
"""Of sea water where its differences do not matter (Boussinesq), kg m-3."""

HEAT_CAPACITY = 3990.0
"""Of sea water at constant pressure, J kg-1 K-1."""

GRAVITY = 9.81
"""m s-2."""

ROTATION = 7.292115e-5
"""Angular velocity of the earth, s-1."""

STRONGEST = 2.0
"""Largest logarithm of a factor by which a network changes a coefficient."""
