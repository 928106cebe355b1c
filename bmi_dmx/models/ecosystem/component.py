"""Leaves as a component."""

from __future__ import annotations

from typing import ClassVar

from ...bmi.component import Component

__all__ = ["Leaf"]


class Leaf(Component):
    """Photosynthesis, stomatal conductance and transpiration of leaves.

    Without a ``bundle`` in its configuration it runs ``leaf-c3-made``, which comes with
    the package: C3 leaves whose traits follow from the environment they grew in, as
    learned from leaves that were made.
    """

    default_bundle = "leaf-c3-made"

    METADATA: ClassVar[str] = "data/Leaf"
    """Folder of what pymt and bmi-tester want to know, beside this module."""
