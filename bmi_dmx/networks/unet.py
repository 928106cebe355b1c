"""A U-Net over grids."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .base import activation_named
from .grids import GridConvolution, GridNetwork, GridOptions, Patches, doubled, halved

__all__ = ["UNet"]


class UNet(GridNetwork):
    """Convolutions on the grid and on one of half as many rows and columns.

    Ronneberger et al. (2015), doi:10.1007/978-3-319-24574-4_28, with two levels over
    patches that a product of matrices makes channels of, and dropout of whole channels.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    options : keywords
        As of :class:`~.grids.GridOptions`.
    """

    Options = GridOptions

    def __init__(self, inputs: int, outputs: int, **options: Any) -> None:
        super().__init__()
        choices = GridOptions(**options)
        n, cells = choices.hidden, choices.patch**2
        self.multiple = choices.multiple(halvings=1)
        self.patches = Patches(choices.patch)
        self.activation = activation_named(choices.activation)
        self.dropout = nn.Dropout2d(choices.dropout)
        self.down = nn.ModuleList(
            [
                GridConvolution(inputs * cells, n, choices, kernel=1),
                GridConvolution(n, n, choices),
            ]
        )
        self.inner = nn.ModuleList(
            [GridConvolution(n, 2 * n, choices), GridConvolution(2 * n, 2 * n, choices)]
        )
        self.up = nn.ModuleList(
            [
                GridConvolution(3 * n, n, choices, kernel=1),
                GridConvolution(n, n, choices),
            ]
        )
        self.output = GridConvolution(n, outputs * cells, choices, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return fields, (batch, output, row, column)."""
        wide = self._through(self.down, self.patches(x))
        deep = self.dropout(self._through(self.inner, halved(wide)))
        both = torch.cat((wide, doubled(deep)), 1)
        return self.patches.back(
            self.output(self.dropout(self._through(self.up, both)))
        )

    def _through(self, layers: nn.ModuleList, x: Tensor) -> Tensor:
        for layer in layers:
            x = self.activation(layer(x))
        return x
