"""The differentiable HBV as a model of eWaterCycle."""

from __future__ import annotations

from ...bmi.component import Component
from ...run.ewatercycle import HostedModel
from . import component

__all__ = ["DeltaHbv"]


class DeltaHbv(HostedModel):
    """HBV with learned parameters; see :class:`bmi_dmx.DeltaHbv`."""

    bmi_class: type[Component] = component.DeltaHbv
