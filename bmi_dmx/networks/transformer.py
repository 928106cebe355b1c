"""A transformer encoder that looks back over a window of steps, and never ahead."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..conversion import MOST, refuse_outside
from ..errors import ConfigError
from .base import LayerOptions, Memory, Network, activation_named, refuse_nothing

__all__ = ["Transformer"]

_FAR = -1e30  # what an exponential makes nothing of
_LEAST = 1e-5  # variance


class Transformer(Network):
    """Linear layer, layers of attention over the past, linear layer.

    A step looks at itself and the ``window - 1`` steps before it in every layer, and
    how far back one lies counts, not when it was: to the score of a step the distance
    is added, times a slope of the head. What a layer keeps of past steps, keys and
    values, is the memory; a cold start has none, and looks at itself alone.

    Parameters
    ----------
    inputs, outputs : int
        Numbers for each place.
    hidden : int
        Width of the layers.
    heads : int
        Parts of the width that look at the past by themselves.
    layers : int
        Number of layers.
    window : int
        Steps that a layer looks at.
    activation : str
        Activation of the layers; a name in :data:`~.base.ACTIVATIONS`.
    dropout : float
        Share of what layers add that is silenced in training mode.

    References
    ----------
    Vaswani et al. (2017), doi:10.48550/arXiv.1706.03762; normalised first, Xiong et al.
    (2020), doi:10.48550/arXiv.2002.04745; slopes by distance, Press et al. (2022),
    doi:10.48550/arXiv.2108.12409.
    """

    @dataclass(frozen=True)
    class Options(LayerOptions):
        """Width, heads, layers, window, activation and dropout."""

        hidden: int = 64
        heads: int = 4
        layers: int = 2
        window: int = 60
        activation: str = "gelu"

        def __post_init__(self) -> None:
            super().__post_init__()
            for key in ("heads", "layers", "window"):
                refuse_outside(key, getattr(self, key), 1, MOST)
            if self.hidden % self.heads:
                raise ConfigError(
                    f"heads: found {self.heads}, expected a divisor of hidden "
                    f"{self.hidden}"
                )

    joins = False

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        hidden: int = 64,
        heads: int = 4,
        layers: int = 2,
        window: int = 60,
        activation: str = "gelu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        refuse_nothing(inputs)
        self.window = window
        self.input = nn.Linear(inputs, hidden)
        self.layers = nn.ModuleList(
            _Layer(hidden, heads, window, activation, dropout) for _ in range(layers)
        )
        self.last = _Norm(hidden)
        self.output = nn.Linear(hidden, outputs)
        self.memory = {"seen": 1}
        if window > 1:
            for k in range(layers):
                self.memory |= {f"keys_{k}": (window - 1) * hidden}
                self.memory |= {f"values_{k}": (window - 1) * hidden}

    def step(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs of one step, (place, output), and the new memory."""
        y, after = self.series(x.unsqueeze(0), memory)
        return y.squeeze(0), after

    def series(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs, (time, place, output), and the memory at the end."""
        count = memory["seen"]
        x = self.input(x)
        after = {"seen": (count + float(len(x))).clamp(max=self.window - 1.0)}
        for k, layer in enumerate(self.layers):
            names = [f"keys_{k}", f"values_{k}"] if self.window > 1 else []
            past = [_unfolded(memory[name], x) for name in names]
            x, latest = layer(x, past, count)
            after |= {n: _folded(y) for n, y in zip(names, latest, strict=True)}
        return self.output(self.last(x)), after


def _unfolded(past: Tensor, x: Tensor) -> Tensor:
    """Return (time, place, width) of (place, time * width)."""
    width = x.shape[-1]
    steps = past.shape[-1] // width
    return past.view(-1, steps, width).transpose(0, 1)


def _folded(past: Tensor) -> Tensor:
    """Return (place, time * width) of (time, place, width)."""
    steps, _, width = past.shape
    return past.transpose(0, 1).reshape(-1, steps * width)


class _Norm(nn.Module):
    """Layer normalisation, in elementary operations."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        x = x - x.mean(-1, keepdim=True)
        variance = (x * x).mean(-1, keepdim=True)
        return x * torch.rsqrt(variance + _LEAST) * self.weight + self.bias


class _Layer(nn.Module):
    """Attention over the past, and a layer of units, each added to what comes in."""

    def __init__(
        self, width: int, heads: int, window: int, activation: str, dropout: float
    ) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.first, self.second = _Norm(width), _Norm(width)
        self.queries = nn.Linear(width, width)
        self.keys = nn.Linear(width, width)
        self.values = nn.Linear(width, width)
        self.joined = nn.Linear(width, width)
        self.inner = nn.Linear(width, 2 * width)
        self.outer = nn.Linear(2 * width, width)
        self.activation = activation_named(activation)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, past: list[Tensor], count: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        inner = self.first(x)
        whole = [self.keys(inner), self.values(inner)]
        if past:
            both = zip(past, whole, strict=True)
            whole = [torch.cat([before, now]) for before, now in both]
        context = self._attention(self.queries(inner), whole[0], whole[1], count)
        x = x + self.dropout(self.joined(context))
        inner = self.outer(self.activation(self.inner(self.second(x))))
        latest = [y[len(x) :] for y in whole] if past else []
        return x + self.dropout(inner), latest

    def _attention(self, q: Tensor, k: Tensor, v: Tensor, count: Tensor) -> Tensor:
        """Return (time, place, width), a block of steps at a time.

        Keys and values begin ``window - 1`` steps before the queries; of these the last
        ``count`` are there.
        """
        before = self.window - 1
        blocks = []
        for start in range(0, len(q), self.window):
            now = q[start : start + self.window]
            stop = start + len(now) + before
            mask = self._mask(len(now), start, count)
            blocks.append(self._block(now, k[start:stop], v[start:stop], mask))
        return torch.cat(blocks) if len(blocks) > 1 else blocks[0]

    def _mask(self, steps: int, start: int, count: Tensor) -> Tensor:
        """Return what is added to scores, (place, head, query, key)."""
        before = self.window - 1
        key = torch.arange(steps + before, device=count.device, dtype=count.dtype)
        query = torch.arange(steps, device=count.device, dtype=count.dtype)
        back = query.unsqueeze(-1) + before - key  # steps that a key lies back
        head = torch.arange(self.heads, device=count.device, dtype=count.dtype)
        # From head to head a share of eight powers of two, as published.
        slopes = torch.exp((head + 1.0) * (-8.0 * math.log(2.0) / self.heads))
        slopes = slopes.view(-1, 1, 1)
        near = torch.where((back >= 0.0) & (back <= before), -slopes * back, _FAR)
        # Of the memory the latest that were seen; what came in since is there.
        there = key + (start - before) >= -count
        return torch.where(there.unsqueeze(1).unsqueeze(1), near, _FAR)

    def _block(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        size = q.shape[-1] // self.heads
        steps, keys = q.shape[0], k.shape[0]

        def parted(x: Tensor, length: int) -> Tensor:
            """Return (place, head, time, size)."""
            return x.view(length, -1, self.heads, size).permute(1, 2, 0, 3)

        queries, other, values = parted(q, steps), parted(k, keys), parted(v, keys)
        if steps == 1:
            # Written out, for programs know products of two matrices alone.
            scores = (queries * other).sum(-1).unsqueeze(-2) * size**-0.5 + mask
            shares = torch.softmax(scores, -1).squeeze(-2).unsqueeze(-1)
            context = (shares * values).sum(-2).unsqueeze(-2)
        else:
            scores = queries @ other.transpose(-1, -2) * size**-0.5 + mask
            context = torch.softmax(scores, -1) @ values
        return context.permute(2, 0, 1, 3).reshape(steps, -1, self.heads * size)
