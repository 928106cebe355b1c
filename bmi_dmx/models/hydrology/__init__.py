"""Rainfall and runoff: the HBV family, potential evaporation, the way to the outlet.

Importing this package does not load PyTorch; the processes in its modules do.
"""
