"""A network that reads an ocean of levels, each field measured in its usual size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...compose.learned_process import answered
from ...errors import ConfigError
from ...registries import networks

__all__ = ["Corrector"]


class Corrector(nn.Module):
    """A network over columns of an ocean, whose last layer starts at zero.

    Parameters
    ----------
    network : str
        Registered network over grids.
    settings : mapping
        What it lets choose.
    reads : mapping of str to int
        Channels of each field that is measured in its usual size, in order.
    others : int
        Channels of fields that have no dimension, which come after these.
    gives : mapping of str to int
        Channels of each answer, in order.
    alike : mapping of str to str, optional
        Fields that are measured as another is, and that.
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self,
        network: str,
        settings: Mapping[str, Any],
        reads: Mapping[str, int],
        others: int,
        gives: Mapping[str, int],
        alike: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.reads, self.gives = dict(reads), dict(gives)
        self.alike = dict(alike or {})
        count = sum(reads.values())
        kind = networks[network]
        self.network = kind.make(count + others, sum(gives.values()), settings)
        if self.network.memory:
            raise ConfigError(
                f"network: {network!r} remembers, expected one that does not"
            )
        with torch.no_grad():
            for weight in self.network.output.parameters():
                weight.zero_()
        self.register_buffer("centre", torch.zeros(count))
        self.register_buffer("spread", torch.ones(count))

    def measure(self, sizes: Mapping[str, tuple[Any, Any]]) -> None:
        """Set what is usual.

        Parameters
        ----------
        sizes : mapping of str to (array, array)
            Means and standard deviations of the channels of a field, by its name.
        """
        for name in self.reads:
            size = sizes.get(self.alike.get(name, name))
            if size is not None:
                for buffer, x in zip((self.centre, self.spread), size, strict=True):
                    buffer[self._channels(name)] = torch.as_tensor(x).to(buffer)

    def _channels(self, name: str) -> slice:
        """Return the channels of a field."""
        names = [*self.reads]
        first = sum(self.reads[n] for n in names[: names.index(name)])
        return slice(first, first + self.reads[name])

    def usual_change(self, name: str) -> Tensor:
        """Return how large a tenth of the usual size of a field is, (channel, 1, 1)."""
        return 0.1 * self.spread[self._channels(name), None, None]

    def forward(
        self, fields: Mapping[str, Tensor], inside: Tensor, others: Sequence[Tensor]
    ) -> dict[str, Tensor]:
        """Return the answers.

        Parameters
        ----------
        fields : mapping of str to Tensor
            What is read, (..., channel, row, column).
        inside : Tensor
            (level, row, column), 1 where there is water; where there is none nothing
            is read.
        others : sequence of Tensor
            (..., channel, row, column) fields that have no dimension.

        Returns
        -------
        dict of str to Tensor
            (..., channel, row, column) by name.
        """
        scaled = []
        for name, count in self.reads.items():
            some = self._channels(name)
            centre, spread = (x[some, None, None] for x in (self.centre, self.spread))
            water = inside if count > 1 else inside[..., :1, :, :]
            scaled.append((fields[name] - centre) / spread * water)
        lead = scaled[0].shape[:-3]
        inputs = [x.expand(*lead, *x.shape[-3:]) for x in (*scaled, *others)]
        answer = answered(self.network, torch.cat(inputs, -3))
        pieces = torch.split(answer, list(self.gives.values()), -3)
        return dict(zip(self.gives, pieces, strict=True))
