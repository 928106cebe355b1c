"""Names, units and ways of starting of models of rivers."""

from __future__ import annotations

from ...operate.system import System
from .dependent_stores import FOLLOWING
from .formats.channel import KNOWN
from .hot_start import hot_start
from .lake_kinds import INITIAL_ELEVATION
from .names import ALIASES, FILES
from .settings import RiverSettings

__all__ = ["RIVERS"]

RIVERS = System(
    name="rivers",
    aliases=ALIASES,
    files=FILES,
    # What is usual of a channel is no bound of what may be.
    attributes=(*(known.variable for known in KNOWN), INITIAL_ELEVATION),
    conserved={"water": "mass"},
    following=FOLLOWING,
    length="length",
    starts={"hot": hot_start},
    steps={"hourly": 3600.0, "daily": 86400.0},
    # Flow is no larger for a step being shorter.
    shortening=1.0,
    settings=RiverSettings,
)
"""The system of bundles of rivers."""
