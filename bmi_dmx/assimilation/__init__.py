"""Ensembles and observations: what is forecast, corrected by what is seen.

Importing this package does not load PyTorch.
"""
