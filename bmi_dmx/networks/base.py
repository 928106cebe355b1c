"""What every network offers: one step, a series, and a declared memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from ..conversion import MOST, convert, refuse_outside
from ..errors import ConfigError, suggestion
from ..process import NoOptions

__all__ = [
    "ACTIVATIONS",
    "LayerOptions",
    "Memory",
    "Network",
    "activation_named",
    "refuse_nothing",
]

Memory = Mapping[str, Tensor]
"""What a network hands from one step to the next, (place, width) by name."""

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "gelu": lambda: nn.GELU(approximate="tanh"),
}
"""Activations by name; all of them can be traced to programs."""


class Network(nn.Module, ABC):
    """Base of networks from ``inputs`` to ``outputs`` numbers per place.

    Subclasses set :attr:`output`, their last layer, and implement :meth:`step`; one
    with a memory also sets :attr:`memory`, and implements :meth:`series`.
    """

    Options: ClassVar[type[Any]] = NoOptions
    """Frozen dataclass of the keywords that a configuration may set."""

    memory: Mapping[str, int] = {}
    """Width of each remembered tensor by name; empty for a network without memory."""

    joins: ClassVar[bool] = True
    """Whether any numbers can be its memory, so that others may be brought to it."""

    precision: Any = None
    """Type of PyTorch that its products are made in while it is trained, where it adds
    to the states of a process; none: that of its weights."""

    output: Any
    """Last layer; its bias sets what an untrained network answers."""

    @classmethod
    def make(cls, inputs: int, outputs: int, options: Mapping[str, Any]) -> Network:
        """Return a network as a configuration describes it.

        Raises
        ------
        ConfigError
            Naming the option that is unknown or out of range.
        """
        choices = convert(options, cls.Options)
        return cls(inputs, outputs, **vars(choices))

    @abstractmethod
    def step(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs of one step and the new memory.

        Parameters
        ----------
        x : Tensor
            Inputs, (place, input).
        memory : mapping of str to Tensor
            Old memory, (place, width).
        """

    def series(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs of a series, (time, place, output), and the memory.

        Without memory all times are independent and go through :meth:`step` together.
        """
        return self.step(x, memory)

    def blank(self, like: Tensor, places: int) -> dict[str, Tensor]:
        """Return the memory of a network that has seen nothing: zeros."""
        return {n: like.new_zeros(places, w) for n, w in self.memory.items()}


@dataclass(frozen=True)
class LayerOptions:
    """What all networks of layers let choose.

    Parameters
    ----------
    activation : str
        Name in :data:`ACTIVATIONS`.
    dropout : float
        Share of hidden units silenced in training mode.
    """

    activation: str = "relu"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"dropout: expected 0 to below 1, found {self.dropout}")
        hidden = getattr(self, "hidden", ())
        for width in [hidden] if isinstance(hidden, int) else hidden:
            refuse_outside("hidden", width, 1, MOST)


def activation_named(name: str) -> nn.Module:
    """Return an activation; raise :class:`ConfigError` for an unknown name."""
    if name not in ACTIVATIONS:
        raise ConfigError(f"unknown activation {name!r}{suggestion(name, ACTIVATIONS)}")
    return ACTIVATIONS[name]()


def refuse_nothing(inputs: int) -> None:
    """Refuse a network of layers that reads nothing."""
    if inputs < 1:
        raise ConfigError("attributes: a network reads at least one, or a forcing")
