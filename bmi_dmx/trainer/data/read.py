"""Old name of ``bmi_dmx.trainer.tasks.basins.data.read``, kept for one version."""

from ...moved import moved

__getattr__ = moved(__name__, "bmi_dmx.trainer.tasks.basins.data.read")
