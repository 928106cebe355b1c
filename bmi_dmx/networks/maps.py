"""Learned numbers of every place."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..conversion import refuse_outside
from ..errors import ConfigError
from ..space.checks import MOST_PLACES
from .base import Memory, Network

__all__ = ["Maps"]


class Maps(Network):
    """A number of its own for each place and output; it reads nothing.

    With it, parameters are maps: what is known of every cell, or is learned there.

    Parameters
    ----------
    inputs, outputs : int
        Numbers for each place; there are no inputs.
    places : int
        Number of places, in the order of the space; or of entries of a field with more
        axes.
    learned : bool
        Whether training changes them.

    Raises
    ------
    ConfigError
        When something is to be read.
    """

    @dataclass(frozen=True)
    class Options:
        """Number of places, and whether training changes what is there."""

        places: int
        learned: bool = True

        def __post_init__(self) -> None:
            refuse_outside("places", self.places, 1, MOST_PLACES)

    def __init__(
        self, inputs: int, outputs: int, *, places: int, learned: bool = True
    ) -> None:
        super().__init__()
        if inputs:
            raise ConfigError("attributes: a network of maps reads none")
        self.output = _Table(places, outputs)
        self.output.requires_grad_(learned)

    def step(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the numbers of all places, (place, output), whatever is asked."""
        return self.output.bias, {}


class _Table(nn.Module):
    """A last layer that has nothing but a bias, one for each place."""

    def __init__(self, places: int, outputs: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(places, outputs))
