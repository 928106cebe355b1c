"""The Kolmogorov–Arnold network: learned functions of one variable, added up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..conversion import MOST, refuse_outside
from .base import Memory, Network, refuse_nothing

__all__ = ["MOST_ORDER", "Kan", "SplineLayer"]

MOST_ORDER = 5
"""Highest order of splines; those of higher order are next to those of this one."""


class Kan(Network):
    """Linear layer, layers of splines, linear layer.

    Parameters
    ----------
    inputs, outputs : int
        Numbers for each place.
    hidden : int, optional
        Width of the layers; default: twice the inputs and one.
    layers : int
        Number of :class:`SplineLayer`.
    grid : int
        Number of equal intervals from -1 to 1 that splines are made of.
    order : int
        Order of the splines, 1 to :data:`MOST_ORDER`: 2 is made of parabolas.
    trunks : {"shared", "separate"}
        Whether all outputs follow from the same layers, or each from layers of its own.

    References
    ----------
    Liu et al. (2024), doi:10.48550/arXiv.2404.19756.
    """

    @dataclass(frozen=True)
    class Options:
        """Widths, number and splines of the layers, and whether outputs share them."""

        hidden: int | None = None
        layers: int = 2
        grid: int = 50
        order: int = 2
        trunks: Literal["shared", "separate"] = "shared"

        def __post_init__(self) -> None:
            for key in ("hidden", "layers", "grid"):
                refuse_outside(key, getattr(self, key), 1, MOST)
            refuse_outside("order", self.order, 1, MOST_ORDER)

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        hidden: int | None = None,
        layers: int = 2,
        grid: int = 50,
        order: int = 2,
        trunks: Literal["shared", "separate"] = "shared",
    ) -> None:
        super().__init__()
        refuse_nothing(inputs)
        width = 2 * inputs + 1 if hidden is None else hidden
        self.trunks = nn.ModuleList(
            _Trunk(inputs, width, layers, grid, order)
            for _ in range(outputs if trunks == "separate" else 1)
        )
        self.output = nn.Linear(width, outputs)
        # Small, so that an untrained network answers next to its bias.
        nn.init.xavier_normal_(self.output.weight, gain=0.1)
        nn.init.zeros_(self.output.bias)

    def step(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs, (…, output), for inputs (…, input), and no memory."""
        places = x.reshape(-1, x.shape[-1])
        inner = [trunk(places) for trunk in self.trunks]
        if len(inner) == 1:
            y = self.output(inner[0])
        else:
            rows = zip(inner, self.output.weight.split(1), strict=True)
            y = torch.cat([h @ row.t() for h, row in rows], -1) + self.output.bias
        return y.reshape(*x.shape[:-1], y.shape[-1]), {}


class _Trunk(nn.Module):
    """All layers but the last one."""

    def __init__(
        self, inputs: int, width: int, layers: int, grid: int, order: int
    ) -> None:
        super().__init__()
        self.input = nn.Linear(inputs, width)
        self.layers = nn.ModuleList(
            SplineLayer(width, width, grid, order) for _ in range(layers)
        )
        nn.init.kaiming_normal_(self.input.weight, nonlinearity="relu")
        nn.init.zeros_(self.input.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.input(x)
        for layer in self.layers:
            x = layer(x)
        return x


class SplineLayer(nn.Module):
    r"""From each input to each output a function of its own, added up over the inputs.

    .. math::
        y_j = g_j \sum_i \left[ a_{ij}\, \mathrm{silu}(x_i) + s_{ij} \sum_m c_{imj}
        B_m(x_i) \right] + b_j

    B-splines of order k on uniform knots from -1 to 1 and k more on each side; beyond
    them splines are nothing. No more than k + 1 of the B-splines are not 0 at a value,
    and these alone are computed. The affine map at the end is none at first.

    Parameters
    ----------
    inputs, outputs : int
        Numbers for each place.
    grid : int
        Number of intervals from -1 to 1.
    order : int
        Order of the splines.
    """

    def __init__(self, inputs: int, outputs: int, grid: int, order: int) -> None:
        super().__init__()
        self.grid, self.order = grid, order
        self.base = nn.Parameter(torch.empty(inputs, outputs))
        self.scale = nn.Parameter(torch.full((inputs, outputs), inputs**-0.5))
        self.coefficients = nn.Parameter(torch.empty(inputs, grid + order, outputs))
        self.gain = nn.Parameter(torch.ones(outputs))
        self.shift = nn.Parameter(torch.zeros(outputs))
        nn.init.uniform_(self.base, -(inputs**-0.5), inputs**-0.5)
        nn.init.normal_(self.coefficients, std=0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (place, output) for (place, input)."""
        inputs, count, _ = self.coefficients.shape
        first, shares = splines(x, self.grid, self.order)
        indices = first.unsqueeze(-1) + torch.arange(self.order + 1, device=x.device)
        valid = indices.clamp(0, count - 1)
        shares = torch.where(valid == indices, shares, 0.0)
        # Each input has rows of its own in one table.
        rows = valid + torch.arange(inputs, device=x.device).unsqueeze(-1) * count
        table = (self.coefficients * self.scale.unsqueeze(1)).flatten(0, 1)
        entries = functional.embedding(rows.flatten(1), table)
        spline = torch.bmm(shares.flatten(1).unsqueeze(1), entries).squeeze(1)
        return (functional.silu(x) @ self.base + spline) * self.gain + self.shift


def splines(x: Tensor, grid: int, order: int) -> tuple[Tensor, Tensor]:
    """Return the B-splines that are not 0 at some values.

    Parameters
    ----------
    x : Tensor
        Values, of any shape; outside the knots, or NaN, all splines are 0.
    grid, order : int
        As of :class:`SplineLayer`.

    Returns
    -------
    first : Tensor
        Index of the first of ``order + 1`` neighbours; those below 0, or not below
        ``grid + order``, are not there.
    values : Tensor
        (…, order + 1).

    References
    ----------
    de Boor (1978), A Practical Guide to Splines, chapter X, for knots at equal
    distances.
    """
    position = (x + 1.0) * (grid / 2.0) + order
    inside = (position >= 0.0) & (position < grid + 2 * order)
    # At the first knot there is no spline either.
    position = torch.where(inside, position, 0.0)
    interval = torch.trunc(position)
    u = position - interval
    values = [torch.ones_like(u)]
    for degree in range(1, order + 1):
        rising = [(u + (degree - r)) * b / degree for r, b in enumerate(values, 1)]
        falling = [(r - u) * b / degree for r, b in enumerate(values, 1)]
        middle = [a + b for a, b in zip(rising, falling[1:], strict=False)]
        values = [falling[0], *middle, rising[-1]]
    return interval.long() - order, torch.stack(values, -1)
