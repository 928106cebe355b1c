"""Muskingum-Cunge routing as a model of eWaterCycle."""

from __future__ import annotations

from ...bmi.component import Component
from ...run.ewatercycle import HostedModel
from . import component

__all__ = ["MuskingumCunge"]


class MuskingumCunge(HostedModel):
    """Rivers with learned roughness; see :class:`bmi_dmx.MuskingumCunge`."""

    bmi_class: type[Component] = component.MuskingumCunge
