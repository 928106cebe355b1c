"""Processes with a network inside."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..process import Process

__all__ = ["LearnedProcess", "answered"]


class LearnedProcess(Process):
    """A process whose step runs a network.

    The weights belong to the model that the process is a part of; in a bundle they are
    inputs of its step.

    Attributes
    ----------
    network : nn.Module
        All that is learned, and what it is normalised by.
    """

    network: Any


def answered(network: Any, x: Tensor) -> Tensor:
    """Return what a network without memory answers, in the precision of its training.

    Parameters
    ----------
    network : Network
        In training mode its products are made in its ``precision``.
    x : Tensor
        What it reads.
    """
    if network.precision is None or not network.training:
        answer: Tensor = network.step(x, {})[0]
        return answer
    with torch.autocast(x.device.type, network.precision):
        lower: Tensor = network.step(x, {})[0]
    return lower.to(x)
