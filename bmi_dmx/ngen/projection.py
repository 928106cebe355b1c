"""Old name of ``bmi_dmx.data.projection``, kept for one version."""

from ..moved import moved

__getattr__ = moved(__name__, "bmi_dmx.data.projection")
