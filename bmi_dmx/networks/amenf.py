"""The networks of amortized ensemble filters as they were published.

McCabe and Brown (2021), doi:10.48550/arXiv.2111.01058. They are here to be compared
with; those of :mod:`.residual_conv` learn faster and depend on no size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..conversion import refuse_outside
from ..errors import ConfigError
from .base import LayerOptions, Memory, Network, activation_named
from .residual_conv import RingConvolution

__all__ = ["AmenfConvolution", "AmenfMlp"]

_SLOPE, _TINY = 0.01, 1e-5


class AmenfConvolution(Network):
    """Two residual blocks of convolutions on a ring, (…, channel, place).

    Values are normalised over channels and places together, so that what is learned on
    one ring holds for rings of that size.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    hidden : int
        Channels between.
    kernel : int
        Places that a convolution sees, odd.
    second : int
        Convolutions in the second block, 1 or 2.
    dropout : float
        Share of channels silenced in training mode, all places of them together.

    Raises
    ------
    ConfigError
        When the kernel is even, or the second block has other numbers of convolutions.
    """

    @dataclass(frozen=True)
    class Options:
        """Channels, kernel, depth of the second block, and dropout."""

        hidden: int = 64
        kernel: int = 5
        second: int = 2
        dropout: float = 0.2

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        hidden: int = 64,
        kernel: int = 5,
        second: int = 2,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        refuse_outside("second", second, 1, 2)
        if kernel % 2 == 0:
            raise ConfigError(f"kernel: found {kernel}, expected an odd number")
        if not 0.0 <= dropout < 1.0:
            raise ConfigError(f"dropout: expected 0 to below 1, found {dropout}")
        self.input = RingConvolution(inputs, hidden, kernel)
        self.blocks = nn.ModuleList(
            nn.ModuleList(RingConvolution(hidden, hidden, kernel) for _ in range(count))
            for count in (2, second)
        )
        self.dropout = dropout
        self.output = RingConvolution(hidden, outputs, kernel)

    def step(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return fields (…, output, place) of fields (…, input, place)."""
        x = _normal(self.input(x))
        for block in self.blocks:
            added = x
            assert isinstance(block, nn.ModuleList)
            for layer in block:
                added = _normal(layer(self._silenced(added)))
                added = torch.where(added > 0.0, added, _SLOPE * added)
            x = x + added
        return self.output(self._silenced(x)), {}

    def _silenced(self, x: Tensor) -> Tensor:
        if not self.training or not self.dropout:
            return x
        mask = torch.rand_like(x.narrow(-1, 0, 1)) >= self.dropout
        return torch.where(mask, x / (1.0 - self.dropout), 0.0)


def _normal(x: Tensor) -> Tensor:
    """Return values of zero mean and unit variance over channels and places."""
    x = x - torch.mean(x, (-2, -1), keepdim=True)
    return x * torch.rsqrt(torch.mean(x * x, (-2, -1), keepdim=True) + _TINY)


class AmenfMlp(Network):
    """Two multilayer perceptrons over all places at once, (…, channel, place).

    One answers with the first channels, which correct the state, and one with the
    others, which are memory.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    places : int
        How many there are.
    first : int
        Channels of the first perceptron.
    hidden : int
        Units of each of the two hidden layers.
    activation : str
        Name in :data:`~.base.ACTIVATIONS`.
    dropout : float
        Share of hidden units silenced in training mode.

    Raises
    ------
    ConfigError
        When there are not more channels than the first perceptron answers with.
    """

    @dataclass(frozen=True)
    class Options(LayerOptions):
        """Places, channels of the first perceptron, units, activation and dropout."""

        places: int = 40
        first: int = 2
        hidden: int = 250
        dropout: float = 0.1

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        places: int = 40,
        first: int = 2,
        hidden: int = 250,
        activation: str = "relu",
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        refuse_outside("places", places, 1)
        if not 0 < first < outputs:
            raise ConfigError(f"first: found {first}, expected 1 to below {outputs}")
        self.inputs, self.places = inputs, places
        self.counts = (first, outputs - first)

        def perceptron(count: int) -> nn.Sequential:
            layers: list[nn.Module] = []
            width = inputs * places
            for _ in range(2):
                layers += [
                    _Linear(width, hidden), _LayerNorm(hidden),
                    activation_named(activation), nn.Dropout(dropout),
                ]  # fmt: skip
                width = hidden
            return nn.Sequential(*layers, _Linear(width, count * places))

        self.output = nn.ModuleList(perceptron(count) for count in self.counts)

    def step(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return fields (…, output, place) of fields (…, input, place)."""
        rows = [x.narrow(-2, k, 1).squeeze(-2) for k in range(self.inputs)]
        flat = torch.cat(rows, -1)
        fields = [
            answer.narrow(-1, k * self.places, self.places).unsqueeze(-2)
            for perceptron, count in zip(self.output, self.counts, strict=True)
            for answer in [perceptron(flat)]
            for k in range(count)
        ]
        return torch.cat(fields, -2), {}


class _Linear(nn.Linear):
    """A linear layer as a product with a matrix, whatever axes stand in front."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.matmul(self.weight, x.unsqueeze(-1)).squeeze(-1) + self.bias


class _LayerNorm(nn.Module):
    """Units of zero mean and unit variance, then scaled and moved."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        x = x - torch.mean(x, -1, keepdim=True)
        x = x * torch.rsqrt(torch.mean(x * x, -1, keepdim=True) + _TINY)
        return x * self.scale + self.shift
