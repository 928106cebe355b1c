"""The differentiable HBV as a component."""

from __future__ import annotations

from typing import ClassVar

from ...bmi.component import Component

__all__ = ["DeltaHbv"]


class DeltaHbv(Component):
    """HBV with learned parameters, for daily or hourly rainfall-runoff simulation.

    Without a ``bundle`` in its configuration it runs ``dhbv-conus-daily``, which comes
    with the package and was trained on basins of the contiguous United States.
    """

    default_bundle = "dhbv-conus-daily"

    METADATA: ClassVar[str] = "data/DeltaHbv"
    """Folder of what pymt and bmi-tester want to know, beside this module."""
