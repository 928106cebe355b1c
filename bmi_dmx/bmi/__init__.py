"""Trained models behind the Basic Model Interface (BMI 2.0).

:class:`Component` runs any bundle; the other classes are components with a bundle of
their own. Neither importing this package nor stepping a component loads PyTorch.
"""

from __future__ import annotations

from .component import Component
from .delta_hbv import DeltaHbv

__all__ = ["Component", "DeltaHbv"]
