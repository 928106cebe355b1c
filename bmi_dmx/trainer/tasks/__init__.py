"""What trainings learn from; each task is a folder, and none knows another."""
