"""What every network offers: one step, a series, and a declared memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

from torch import Tensor, nn

from ...errors import ConfigError, suggestion

__all__ = ["ACTIVATIONS", "Memory", "Network", "activation_named"]

Memory = Mapping[str, Tensor]
"""What a network hands from one step to the next, (location, width) by name."""

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "gelu": lambda: nn.GELU(approximate="tanh"),
}
"""Activations by name; all of them can be traced to programs."""


class Network(nn.Module, ABC):
    """Base of networks from ``inputs`` to ``outputs`` numbers per location.

    Subclasses set :attr:`output`, their last layer, and implement :meth:`step`; one
    with a memory also sets :attr:`remembers` and :attr:`memory`, and implements
    :meth:`series`.
    """

    memory: Mapping[str, int] = {}
    """Width of each remembered tensor by name; empty for a network without memory."""

    remembers: ClassVar[bool] = False
    """Whether networks of this kind have a memory."""

    output: nn.Linear
    """Last layer; its bias sets what an untrained network answers."""

    @abstractmethod
    def step(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs of one step and the new memory.

        Parameters
        ----------
        x : Tensor
            Inputs, (location, input).
        memory : mapping of str to Tensor
            Old memory, (location, width).
        """

    def series(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs of a series, (time, location, output), and the memory.

        Without memory all times are independent and go through :meth:`step` together.
        """
        return self.step(x, memory)

    def blank(self, like: Tensor, locations: int) -> dict[str, Tensor]:
        """Return the memory of a network that has seen nothing: zeros."""
        return {n: like.new_zeros(locations, w) for n, w in self.memory.items()}


def activation_named(name: str) -> nn.Module:
    """Return an activation; raise :class:`ConfigError` for an unknown name."""
    if name not in ACTIVATIONS:
        raise ConfigError(f"unknown activation {name!r}{suggestion(name, ACTIVATIONS)}")
    return ACTIVATIONS[name]()
