"""Old name of ``bmi_dmx.trainer.tasks.basins.data.spec``, kept for one version."""

from . import moved

__getattr__ = moved("spec")
