"""Convolutions over fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from .base import LayerOptions, Memory, Network, activation_named

__all__ = ["Convolution"]

_KINDS = {1: nn.Conv1d, 2: nn.Conv2d}


class Convolution(Network):
    r"""Two convolutions with an activation between them, (…, channel, \*field).

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    hidden : int
        Channels between the two.
    axes : {1, 2}
        Axes of the fields.
    kernel : int
        Width of the kernels, odd.
    edges : {"circular", "zeros"}
        What lies beyond the edges: the other side, or nothing.
    activation : str
        Name in :data:`~.base.ACTIVATIONS`.
    dropout : float
        Share of hidden channels' values silenced in training mode.

    Raises
    ------
    ConfigError
        When the kernel is even or the axes are neither 1 nor 2.
    """

    @dataclass(frozen=True)
    class Options(LayerOptions):
        """Channels, axes, kernel, edges, activation and dropout."""

        hidden: int = 8
        axes: int = 2
        kernel: int = 3
        edges: Literal["circular", "zeros"] = "circular"

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        hidden: int = 8,
        axes: int = 2,
        kernel: int = 3,
        edges: Literal["circular", "zeros"] = "circular",
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if axes not in _KINDS or kernel % 2 == 0:
            raise ConfigError(
                f"axes and kernel: found {axes} and {kernel}, expected 1 or 2 axes and "
                "an odd kernel"
            )
        kind = _KINDS[axes]
        self.axes, self.reach = axes, kernel // 2
        self.circular = edges == "circular"
        padding = 0 if self.circular else self.reach
        self.input = kind(inputs, hidden, kernel, padding=padding)
        self.activation = activation_named(activation)
        self.dropout = nn.Dropout(dropout)
        self.output = kind(hidden, outputs, kernel, padding=padding)

    def step(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return fields, (…, output, *field), for fields (…, input, *field)."""
        fields = x.reshape(-1, *x.shape[-1 - self.axes :])
        inner = self.dropout(self.activation(self.input(self._around(fields))))
        y = self.output(self._around(inner))
        lead = x.shape[: -1 - self.axes]
        return y.reshape(*lead, *y.shape[1:]), {}

    def _around(self, x: Tensor) -> Tensor:
        """Return fields with what lies beyond their edges, where that is known."""
        reach = self.reach if self.circular else 0
        for axis in range(-self.axes, 0) if reach else ():
            n = x.shape[axis]
            before, after = x.narrow(axis, n - reach, reach), x.narrow(axis, 0, reach)
            x = torch.cat((before, x, after), axis)
        return x
