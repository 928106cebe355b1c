"""Processes with a network inside."""

from __future__ import annotations

from typing import Any

from ..process import Process

__all__ = ["Learned"]


class Learned(Process):
    """A process whose step runs a network.

    The weights belong to the model that the process is a part of; in a bundle they are
    inputs of its step.

    Attributes
    ----------
    network : nn.Module
        All that is learned, and what it is normalised by.
    """

    network: Any
