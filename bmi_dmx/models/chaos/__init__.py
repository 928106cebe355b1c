"""Chaotic systems on which methods are tried: Lorenz's, and others on a ring.

Importing this package does not load PyTorch; the processes in its modules do.
"""
