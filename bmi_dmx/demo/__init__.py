"""The demonstration, ``dmx demo``: from river data to a model stepped through BMI."""

from __future__ import annotations

from .run import demo

__all__ = ["demo"]
