"""Old names of ``bmi_dmx.trainer.tasks.basins.data``, kept for one version."""
