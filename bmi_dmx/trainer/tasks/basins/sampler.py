"""Batches of basins and windows of time, as tensors.

Series lie in memory basin by basin, so that a window is one run of memory; a batch of
100 basins, 730 steps and 5 series is gathered in half a millisecond.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....errors import DataError, StateError
from .data.basins import BasinData

__all__ = ["Batch", "WindowSampler", "Windows", "basin_blocks"]


class Batch(TypedDict):
    """What one training or evaluation step sees, float32.

    ``forcing``
        By name, ``(W + L, B)``: warm-up first.
    ``attributes``
        By name, ``(B,)``.
    ``target``
        ``(L, B)`` streamflow in mm d-1 of the steps after the warm-up; NaN is missing.
    ``basin``
        ``(B,)`` int64, positions of the basins in the data.
    """

    forcing: dict[str, Tensor]
    attributes: dict[str, Tensor]
    target: Tensor
    basin: Tensor


class Windows:
    """The series of all basins, from which windows are cut.

    Parameters
    ----------
    data : BasinData
        Basins and time steps to draw from.
    forcings, attributes : sequence of str
        Names of what the batches hold; ``day_of_year`` comes from the dates.

    Raises
    ------
    DataError
        The data lack one of the names, or an attribute is unknown in some basin.
    """

    def __init__(
        self,
        data: BasinData,
        forcings: Sequence[str],
        attributes: Sequence[str],
    ) -> None:
        data.require(forcings, attributes)
        self.steps, self.basins = data.target.shape
        self.names = [name for name in forcings if name != "day_of_year"]
        stacked = [*(data.forcing[name] for name in self.names), data.target]
        series = np.ascontiguousarray(np.stack(stacked).transpose(0, 2, 1))
        self.series = torch.from_numpy(series)
        self.clock: Tensor | None = None
        if "day_of_year" in forcings:
            self.clock = torch.from_numpy(data.day_of_year())
        self.attributes = {
            name: torch.from_numpy(data.attributes[name].astype(np.float32))
            for name in attributes
        }

    def cut(
        self,
        basin: NDArray[np.intp],
        start: NDArray[np.intp],
        warmup: int,
        length: int,
    ) -> Batch:
        """Return one window per basin.

        Parameters
        ----------
        basin : (B,) array of int
            Positions of basins.
        start : (B,) array of int
            First time step of each window, warm-up included.
        warmup, length : int
            Time steps of warm-up, and after it.
        """
        at = torch.as_tensor(basin, dtype=torch.int64)
        begin = torch.as_tensor(start, dtype=torch.int64)
        windows = self.series.unfold(2, warmup + length, 1)[:, at, begin]
        windows = windows.transpose(1, 2).contiguous()
        forcing = dict(zip(self.names, windows, strict=False))
        if self.clock is not None:
            clock = self.clock.unfold(0, warmup + length, 1)[begin]
            forcing["day_of_year"] = clock.T.contiguous()
        return Batch(
            forcing=forcing,
            attributes={name: values[at] for name, values in self.attributes.items()},
            target=windows[-1, warmup:],
            basin=at,
        )


class WindowSampler:
    """Random windows of random basins.

    Every basin that has been observed is equally likely, and so is every window of it
    in which at least one step after the warm-up has been observed. A batch holds as
    different basins as possible: none comes twice before all have come once.

    Iterating yields ``steps`` batches and goes on where the last pass ended; the whole
    sequence is determined by the seed. :meth:`state_dict` between two batches allows to
    continue with the very same batches.

    Parameters
    ----------
    data : BasinData
        Basins and time steps to draw from; windows lie entirely inside.
    forcings, attributes : sequence of str
        See :class:`Windows`.
    warmup, length : int
        Time steps of warm-up in a window, and after it.
    basins : int
        Basins in a batch.
    steps : int
        Batches in a pass.
    seed : int
        Seed of the random numbers.

    Raises
    ------
    DataError
        The time steps are fewer than a window, or nothing has been observed.
    """

    def __init__(
        self,
        data: BasinData,
        forcings: Sequence[str],
        attributes: Sequence[str],
        *,
        warmup: int,
        length: int,
        basins: int,
        steps: int,
        seed: int,
    ) -> None:
        self.windows = Windows(data, forcings, attributes)
        self.warmup, self.length = warmup, length
        self.size, self.steps = basins, steps
        self.starts = self.windows.steps - warmup - length + 1
        if self.starts < 1:
            raise DataError(
                f"a window of {warmup} + {length} steps does not fit into"
                f" {self.windows.steps} steps of data"
            )
        self.observed = _observed(data, warmup, length, self.starts)
        self.eligible = np.flatnonzero(self.observed.any(axis=1))
        if self.eligible.size == 0:
            raise DataError("no basin is observed at a step after the warm-up")
        self.generator = np.random.Generator(np.random.PCG64(seed))

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Batch]:
        for _ in range(self.steps):
            yield self.draw()

    def draw(self) -> Batch:
        """Return the next batch."""
        rounds = -(-self.size // self.eligible.size)
        dealt = [self.generator.permutation(self.eligible) for _ in range(rounds)]
        basin = np.concatenate(dealt)[: self.size]
        start = self.generator.integers(self.starts, size=self.size)
        # Redrawing what holds no observation leaves the others equally likely.
        while (empty := ~self.observed[basin, start]).any():
            start[empty] = self.generator.integers(self.starts, size=int(empty.sum()))
        return self.windows.cut(basin, start, self.warmup, self.length)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the random numbers, as plain values."""
        return {"generator": self.generator.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that :meth:`state_dict` returned.

        Raises
        ------
        StateError
            The state is not one of a window sampler.
        """
        try:
            self.generator.bit_generator.state = state["generator"]
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(f"not the state of a window sampler: {error!r}") from None


def basin_blocks(
    data: BasinData,
    forcings: Sequence[str],
    attributes: Sequence[str],
    *,
    warmup: int,
    basins: int,
) -> Iterator[Batch]:
    """Yield all steps of all basins, a block of basins at a time, in order.

    Parameters
    ----------
    data : BasinData
        What to evaluate.
    forcings, attributes : sequence of str
        See :class:`Windows`.
    warmup : int
        Time steps at the beginning without target.
    basins : int
        Most basins in a block.

    Raises
    ------
    DataError
        There are not more time steps than the warm-up.
    """
    windows = Windows(data, forcings, attributes)
    length = windows.steps - warmup
    if length < 1:
        raise DataError(
            f"a warm-up of {warmup} steps leaves none of {windows.steps} steps of data"
        )
    for first in range(0, windows.basins, basins):
        basin = np.arange(first, min(first + basins, windows.basins))
        yield windows.cut(basin, np.zeros_like(basin), warmup, length)


def _observed(
    data: BasinData, warmup: int, length: int, starts: int
) -> NDArray[np.bool_]:
    """Return (B, starts): whether the window is observed after its warm-up."""
    counts = np.isfinite(data.target).cumsum(axis=0, dtype=np.int32)
    counts = np.concatenate((np.zeros_like(counts[:1]), counts))
    end, begin = warmup + length, warmup
    seen = counts[end : end + starts] > counts[begin : begin + starts]
    return np.ascontiguousarray(seen.T)
