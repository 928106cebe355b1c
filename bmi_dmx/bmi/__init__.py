"""Trained models behind the Basic Model Interface (BMI 2.0).

:class:`Component` runs any bundle; components with a bundle of their own stand with
their models. Neither importing this package nor stepping a component loads PyTorch.
"""

from __future__ import annotations

from .component import Component

__all__ = ["Component"]
