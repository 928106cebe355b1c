"""Columns of the ocean as a component."""

from __future__ import annotations

from typing import ClassVar

from ...bmi.component import Component

__all__ = ["OceanColumn"]


class OceanColumn(Component):
    """Temperature, salinity and currents of water of any number of places, by level.

    Weather goes in, and what the water returns to the air comes out: its temperature at
    the surface, latent and sensible heat. Without a ``bundle`` in its configuration it
    runs ``column-usual``, which comes with the package: nothing in it is learned.
    """

    default_bundle = "column-usual"

    METADATA: ClassVar[str] = "data/OceanColumn"
    """Folder of what pymt and bmi-tester want to know, beside this module."""
