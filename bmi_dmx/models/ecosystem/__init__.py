"""Ecosystem processes: gas exchange of leaves.

Importing this package does not load PyTorch; the processes in its modules do.
"""
