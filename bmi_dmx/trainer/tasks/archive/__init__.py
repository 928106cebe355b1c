"""Filters learned from an archive of noisy observations, without any truth."""
