"""Experiments and components as YAML, shipped with the package."""
