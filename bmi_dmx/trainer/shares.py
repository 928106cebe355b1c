"""One batch in shares: among processes, and one after the other in each of them.

A loss need not be a mean over a batch: roots and ratios of means are none, and what is
observed differs between shares. So what the shares answer is put together, the loss is
that of the whole batch, and its gradient goes back through each share: whatever the
loss, the sum over shares is the gradient of the whole batch in one process.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from ..compose import Model
from ..compose.parameterization import raw_outputs
from ..errors import ConfigError
from .checkpoint import random_state, restore_random_state
from .processes import Processes

__all__ = ["Divisible", "Share", "Shares", "mean_square"]

Answers = Mapping[str, Tensor]


class Divisible(ABC):
    """What a task says whose batches can be shared; :meth:`loss` follows from it."""

    @abstractmethod
    def answers(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """Return what a model says of a batch, by name.

        Each is ``(…, samples, …)``, samples of the batch along the second axis in their
        order, as many entries for one as for another.
        """

    @abstractmethod
    def judged(self, answers: Answers, batch: Any) -> Tensor:
        """Return the loss of the answers to a batch, a scalar."""

    @abstractmethod
    def share(self, batch: Any, first: int, last: int) -> Any:
        """Return the samples of a batch from one to another, the last not included."""

    def beside(self, model: Model, batch: Any) -> Tensor | None:
        """Return what the loss has besides that of the answers.

        A mean over the samples, or what is the same for all of them.
        """
        return None

    def loss(self, model: Model, batch: Any) -> Tensor:
        """Return the loss of one batch, a scalar."""
        loss = self.judged(self.answers(model, batch), batch)
        more = self.beside(model, batch)
        return loss if more is None else loss + more


@dataclass(frozen=True)
class Share:
    """Samples of a batch.

    Parameters
    ----------
    first, last : int
        Positions, the last not included.
    total : int
        Samples of the batch.
    """

    first: int
    last: int
    total: int

    @property
    def weight(self) -> float:
        """How much of the batch it is."""
        return (self.last - self.first) / self.total

    def among(self, count: int) -> Iterator[Share]:
        """Yield ``count`` shares of it, as equal as may be."""
        size = self.last - self.first
        ends = [self.first + size * n // count for n in range(count + 1)]
        for first, last in pairwise(ends):
            yield Share(first, last, self.total)


class Shares:
    """The share of a process in every batch, and the shares of that.

    With several shares in a process each is simulated twice, so that no more than one
    is in memory: once for the loss, once for the gradient.

    Parameters
    ----------
    task : Divisible
        What is learned from.
    processes : Processes
        Who takes part.
    accumulate : int
        Shares in each process.
    size : int
        Samples in a batch.
    penalty : float
        Weight of the mean square of what networks answer.

    Raises
    ------
    ConfigError
        There are fewer samples than shares, or the task cannot share its batches.
    """

    def __init__(
        self,
        task: Any,
        processes: Processes,
        accumulate: int,
        size: int,
        penalty: float,
    ) -> None:
        shares = processes.count * accumulate
        if not isinstance(task, Divisible):
            raise ConfigError(
                f"task: batches of {type(task).__name__} cannot be shared; expected one"
                f" process and training.accumulate 1, found {processes.count} and"
                f" {accumulate}"
            )
        if size < shares:
            raise ConfigError(
                f"training.batch: {size} cannot be shared; expected at least {shares},"
                f" {processes.count} processes times training.accumulate {accumulate}"
            )
        self.task, self.processes, self.penalty = task, processes, penalty
        whole = Share(0, size, size)
        self.own = [*whole.among(processes.count)][processes.rank]
        self.parts = [*self.own.among(accumulate)]
        self._pending: tuple[Model, Any, Answers, dict[str, Any]] | None = None

    def loss(self, model: Model, batch: Any) -> Tensor:
        """Return the loss of a whole batch, ready for :meth:`backward`."""
        several = len(self.parts) > 1
        begun = random_state() if several else {}
        answers, sides = [], []
        for part in self.parts:
            portion, side = self._answered(model, batch, part)
            if several:
                portion = {name: x.detach() for name, x in portion.items()}
                side = side.detach()
            answers.append(portion)
            sides.append(side)
        local = {
            n: torch.cat([portion[n] for portion in answers], 1) for n in answers[0]
        }
        if several:
            local = {name: x.requires_grad_() for name, x in local.items()}
            self._pending = model, batch, local, begun
        loss: Tensor = self.task.judged(self._gathered(local), batch)
        side = torch.stack(sides).sum()
        others = self.processes.total(side.detach().clone()) - side.detach()
        return loss + side + others

    def backward(self, loss: Tensor, weights: Iterable[nn.Parameter]) -> None:
        """Give weights the gradient of the whole batch."""
        loss.backward()  # type: ignore[no-untyped-call]
        if self._pending is not None:
            self._again(*self._pending)
            self._pending = None
        self.processes.sum_gradients([w for w in weights if w.requires_grad])

    def _again(
        self, model: Model, batch: Any, local: Answers, begun: Mapping[str, Any]
    ) -> None:
        """Simulate every share once more, and lead the gradient of its answers back."""
        restore_random_state(begun)
        for part in self.parts:
            answers, side = self._answered(model, batch, part)
            pulled, pulls = [side], [torch.ones_like(side)]
            for name, x in answers.items():
                per = x.shape[1] // (part.last - part.first)
                first = (part.first - self.own.first) * per
                gradient = local[name].grad
                if gradient is not None:
                    pulled.append(x)
                    pulls.append(gradient[:, first : first + x.shape[1]])
            indices = [n for n, x in enumerate(pulled) if x.requires_grad]
            torch.autograd.backward(
                [pulled[n] for n in indices], [pulls[n] for n in indices]
            )

    def _answered(self, model: Model, batch: Any, part: Share) -> tuple[Any, Tensor]:
        """Return what a model says of a share, and its part of the rest of the loss."""
        sub_batch = self.task.share(batch, part.first, part.last)
        with raw_outputs(model) as raw:
            answers = self.task.answers(model, sub_batch)
        side = next(iter(answers.values())).new_zeros(())
        if self.penalty:
            side = side + self.penalty * part.weight * mean_square(raw)
        more = self.task.beside(model, sub_batch)
        return answers, side if more is None else side + part.weight * more

    def _gathered(self, local: Answers) -> dict[str, Tensor]:
        """Return the answers of all processes, with gradient to those of this one."""
        if self.processes.count == 1:
            return dict(local)
        share, whole = self.own, {}
        for name, x in local.items():
            per = x.shape[1] // (share.last - share.first)
            first, last = share.first * per, share.last * per
            block = x.new_zeros(x.shape[0], share.total * per, *x.shape[2:])
            block[:, first:last] = x.detach()
            block = self.processes.total(block)
            whole[name] = torch.cat([block[:, :first], x, block[:, last:]], 1)
        return whole


def mean_square(tensors: Iterable[Tensor]) -> Tensor | float:
    """Return the mean of the squares of all entries; 0 of none."""
    flat = [x.flatten() for x in tensors]
    return torch.cat(flat).square().mean() if flat else 0.0
