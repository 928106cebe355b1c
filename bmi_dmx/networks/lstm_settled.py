"""A long short-term memory network some of whose answers settle."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..conversion import MOST, refuse_outside
from ..errors import ConfigError
from .base import LayerOptions, Memory
from .lstm import Lstm

__all__ = ["LstmSettled"]


class LstmSettled(Lstm):
    r"""An LSTM as :class:`~.lstm.Lstm`, of some answers :math:`y` the running mean.

    .. math::
        n \leftarrow \min(n + 1, N), \qquad m \leftarrow m + (y - m) / n

    It is the mean of all answers so far until there are :math:`N`, from then on one
    that forgets those of more than about :math:`N` steps before. So what was meant to
    be constant is nearly so, and follows from nothing that is still to come.

    Parameters
    ----------
    inputs, outputs : int
        Numbers for each place.
    settled : sequence of (int, int)
        First and last of each run of answers that settle, counted from 0; ascending.
    over : int
        :math:`N`, in steps.
    hidden, activation, dropout, embedded, forget_bias
        As of :class:`~.lstm.Lstm`; the weights are the same.
    """

    joins = False

    @dataclass(frozen=True)
    class Options(LayerOptions):
        """Options of the LSTM, and which answers settle over how many steps."""

        hidden: int = 64
        embedded: bool = True
        forget_bias: float = 0.0
        settled: tuple[tuple[int, int], ...] = ()
        over: int = 365

        def __post_init__(self) -> None:
            super().__post_init__()
            refuse_outside("over", self.over, 1, MOST)
            ends = [end for run in self.settled for end in run]
            if not ends or sorted(ends) != ends or ends[0] < 0:
                raise ConfigError(
                    f"settled: found {self.settled!r}, expected ascending runs of "
                    "answers, first and last of each"
                )

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        settled: tuple[tuple[int, int], ...],
        over: int = 365,
        hidden: int = 64,
        activation: str = "relu",
        dropout: float = 0.0,
        embedded: bool = True,
        forget_bias: float = 0.0,
    ) -> None:
        super().__init__(
            inputs, outputs, hidden=hidden, activation=activation, dropout=dropout,
            embedded=embedded, forget_bias=forget_bias,
        )  # fmt: skip
        self.settled, self.over = settled, over
        if settled[-1][1] >= outputs:
            raise ConfigError(
                f"settled: found {settled[-1]}, but there are {outputs} answers"
            )
        width = sum(last - first + 1 for first, last in settled)
        self.memory = {**self.memory, "mean": width, "count": 1}

    def step(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs of one step, (place, output), and the new memory."""
        raw, after = super().step(x, memory)
        count = torch.clamp(memory["count"] + 1.0, max=float(self.over))
        answers = torch.cat([raw[..., a : b + 1] for a, b in self.settled], -1)
        mean = memory["mean"] + (answers - memory["mean"]) / count
        return self._with(raw, mean), {**after, "mean": mean, "count": count}

    def series(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs, (time, place, output), and the memory at the end."""
        raw, after = super().series(x, memory)
        mean, count = memory["mean"], memory["count"]
        answers = torch.cat([raw[..., a : b + 1] for a, b in self.settled], -1)
        means = []
        for answer in answers.unbind(0):
            count = torch.clamp(count + 1.0, max=float(self.over))
            mean = mean + (answer - mean) / count
            means.append(mean)
        outputs = self._with(raw, torch.stack(means))
        return outputs, {**after, "mean": mean, "count": count}

    def _with(self, raw: Tensor, mean: Tensor) -> Tensor:
        """Return answers with their means in place of those that settle."""
        pieces, at, used = [], 0, 0
        for first, last in self.settled:
            width = last - first + 1
            pieces += [raw[..., at:first]] if first > at else []
            pieces.append(mean[..., used : used + width])
            at, used = last + 1, used + width
        pieces += [raw[..., at:]] if at < raw.shape[-1] else []
        return torch.cat(pieces, -1)
