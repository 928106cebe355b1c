"""Residual convolutions on a ring, whatever its size."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..conversion import refuse_outside
from ..errors import ConfigError
from .base import LayerOptions, Memory, Network, activation_named

__all__ = ["ResidualConvolution", "RingConvolution"]

_TINY = 1e-5


class RingConvolution(nn.Module):
    """A convolution of (…, channel, place) whose last place is beside the first.

    A field alone is convolved as a product of one matrix with shifted fields, which as
    a program holds whatever axes stand in front. Where they do stand there in PyTorch,
    its own convolution is faster, and gives the same to rounding.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    kernel : int
        Places that one sees, odd.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.reach = kernel // 2
        self.weight = nn.Parameter(torch.empty(outputs, inputs * kernel))
        self.bias = nn.Parameter(torch.empty(outputs))
        bound = (inputs * kernel) ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """Return fields (…, output, place)."""
        if x.dim() > 2:
            return self._convolved(x.reshape(-1, *x.shape[-2:])).reshape(
                *x.shape[:-2], -1, x.shape[-1]
            )
        shifts = range(self.reach, -self.reach - 1, -1)
        around = torch.cat([torch.roll(x, n, -1) if n else x for n in shifts], -2)
        return torch.matmul(self.weight, around) + self.bias.unsqueeze(-1)

    def _convolved(self, x: Tensor) -> Tensor:
        kernel = self.weight.reshape(len(self.weight), -1, x.shape[-2]).transpose(
            -1, -2
        )
        around = torch.cat(
            (x[..., x.shape[-1] - self.reach :], x, x[..., : self.reach]), -1
        )
        return nn.functional.conv1d(around, kernel, self.bias)


class ResidualConvolution(Network):
    """Convolutions on a ring with residual blocks, (…, channel, place).

    Blocks are normalised and activated before each convolution (He et al. 2016,
    doi:10.1007/978-3-319-46493-0_38). What is normalised is the channels of a place by
    their root mean square (Zhang and Sennrich 2019, doi:10.48550/arXiv.1910.07467), so
    that one set of weights serves rings of any size.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    hidden : int
        Channels between.
    kernel : int
        Places that a convolution sees, odd.
    blocks : int
        Residual blocks, of two convolutions each.
    activation : str
        Name in :data:`~.base.ACTIVATIONS`.
    dropout : float
        Share of hidden values silenced in training mode.

    Raises
    ------
    ConfigError
        When the kernel is even, or there is no block.
    """

    @dataclass(frozen=True)
    class Options(LayerOptions):
        """Channels, kernel, blocks, activation and dropout."""

        activation: str = "silu"
        hidden: int = 64
        kernel: int = 5
        blocks: int = 2

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        hidden: int = 64,
        kernel: int = 5,
        blocks: int = 2,
        activation: str = "silu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        refuse_outside("blocks", blocks, 1)
        if kernel % 2 == 0:
            raise ConfigError(f"kernel: found {kernel}, expected an odd number")
        self.input = RingConvolution(inputs, hidden, kernel)
        self.inner = nn.ModuleList(
            RingConvolution(hidden, hidden, kernel) for _ in range(2 * blocks)
        )
        self.scales = nn.Parameter(torch.ones(2 * blocks + 1, hidden, 1))
        self.activation = activation_named(activation)
        self.dropout = nn.Dropout(dropout)
        self.output = RingConvolution(hidden, outputs, kernel)

    def step(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return fields (…, output, place) of fields (…, input, place)."""
        x, added = self.input(x), None
        for at, layer in enumerate(self.inner):
            added = layer(self._active(x if added is None else added, at))
            if at % 2:
                x, added = x + added, None
        return self.output(self._active(x, len(self.inner))), {}

    def _active(self, x: Tensor, at: int) -> Tensor:
        size = torch.rsqrt(torch.mean(x * x, -2, keepdim=True) + _TINY)
        scale = self.scales.narrow(0, at, 1).squeeze(0)
        active: Tensor = self.dropout(self.activation(x * size * scale))
        return active
