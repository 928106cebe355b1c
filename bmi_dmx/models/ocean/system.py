"""Names of models of the ocean."""

from __future__ import annotations

from ...operate.system import System
from .observed_start import observed_start
from .settings import OceanSettings

__all__ = ["OCEAN"]

OCEAN = System(
    name="ocean",
    settings=OceanSettings,
    observed_start=observed_start,
    # A twelfth of 365.25 days.
    steps={"monthly": 2629800.0, "daily": 86400.0, "hourly": 3600.0},
)
"""The system of bundles of oceans."""
