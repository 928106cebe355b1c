"""Stepping bundles through time: no PyTorch, no BMI."""
