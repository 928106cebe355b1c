"""Oceans: water, heat and salt moved by wind, weight and the turning of the earth.

Importing this package does not load PyTorch; the processes in its modules do.
"""
