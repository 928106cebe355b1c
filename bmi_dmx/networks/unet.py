"""A U-Net over grids."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .base import activation_named
from .grids import Around, GridNetwork, GridOptions, Patches, doubled, halved

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
        chosen = GridOptions(**options)
        n, cells = chosen.hidden, chosen.patch**2
        self.multiple = chosen.multiple(halvings=1)
        self.patches = Patches(chosen.patch)
        self.activation = activation_named(chosen.activation)
        self.dropout = nn.Dropout2d(chosen.dropout)
        self.down = nn.ModuleList(
            [Around(inputs * cells, n, chosen, kernel=1), Around(n, n, chosen)]
        )
        self.inner = nn.ModuleList(
            [Around(n, 2 * n, chosen), Around(2 * n, 2 * n, chosen)]
        )
        self.up = nn.ModuleList(
            [Around(3 * n, n, chosen, kernel=1), Around(n, n, chosen)]
        )
        self.output = Around(n, outputs * cells, chosen, kernel=1)

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
