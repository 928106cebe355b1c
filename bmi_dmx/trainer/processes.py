"""One training in several processes, started by ``torchrun`` on one machine or many."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..errors import ConfigError

__all__ = ["Processes", "is_first", "joined"]

T = TypeVar("T")

_PATIENCE = timedelta(days=1)
"""How long one process waits for another, such as while the first one validates."""

_PACKAGE = __name__.partition(".")[0]


@dataclass(frozen=True)
class Processes:
    """Which process this is, and of how many.

    With one process nothing is exchanged, and every method returns what it was given.

    Parameters
    ----------
    rank : int
        Number of this process; that of the first one is 0.
    count : int
        How many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and validates."""
        return self.rank == 0

    def from_first(self, make: Callable[[], T]) -> T:
        """Return in all processes what the first one makes."""
        if self.count == 1:
            return make()
        objects: list[Any] = [make() if self.first else None]
        dist.broadcast_object_list(objects, src=0)
        answer: T = objects[0]
        return answer

    def all_of(self, value: T) -> list[T]:
        """Return the values of all processes, by rank."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        dist.all_gather_object(values, value)
        return values

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over processes, in place of what each of them has."""
        if self.count > 1:
            dist.all_reduce(values)
        return values

    def sum_gradients(self, weights: Sequence[nn.Parameter]) -> None:
        """Replace gradients by their sums over the processes.

        A weight that no process has a gradient for keeps none, so that the optimiser
        leaves it alone.
        """
        if self.count == 1 or not weights:
            return
        counts = weights[0].new_tensor([float(w.grad is not None) for w in weights])
        parts = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
        whole = self.total(torch.cat([counts, *(part.flatten() for part in parts)]))
        sizes = [len(weights), *(w.numel() for w in weights)]
        counts, *sums = whole.split_with_sizes(sizes)
        for weight, gradient, anybody in zip(
            weights, sums, counts.tolist(), strict=True
        ):
            weight.grad = gradient.view_as(weight).clone() if anybody else None


def is_first(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether this process is the first, or the only one, of its launcher."""
    return environment.get("RANK", "0") == "0"


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Meet the other processes of the launcher, where there are any.

    Their environment says who they are, as ``torchrun`` sets it. Tensors on a GPU are
    exchanged by NCCL, others by Gloo. Only the first process speaks.

    Parameters
    ----------
    device : str
        Where the model is trained, as configured.

    Raises
    ------
    ConfigError
        There are several processes, and the environment lacks what they need to meet.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes()
        return
    for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        if name not in os.environ:
            raise ConfigError(
                f"WORLD_SIZE is {count}, but {name} is not set; start processes by"
                " torchrun"
            )
    rank = int(os.environ["RANK"])
    backend = "gloo"
    if device != "cpu" and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        backend = "cpu:gloo,cuda:nccl"
    logger = logging.getLogger(_PACKAGE)
    level = logger.level
    dist.init_process_group(backend, timeout=_PATIENCE)
    try:
        if rank:
            logger.setLevel(logging.CRITICAL)
        yield Processes(rank, count)
    finally:
        logger.setLevel(level)
        dist.destroy_process_group()
