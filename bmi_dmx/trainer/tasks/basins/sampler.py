"""Batches of basins and windows of time, as tensors.

Series lie basin by basin, so that a window is one run of memory, or of a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....errors import DataError
from ...sampler import Sampler, usable_windows
from .climates import Climates
from .data.basins import Array32, BasinData

__all__ = ["BasinBlocks", "Batch", "WindowSampler", "Windows", "share"]


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
    ``others``
        What else was observed, by name, as ``target``, in its own units.
    """

    forcing: dict[str, Tensor]
    attributes: dict[str, Tensor]
    target: Tensor
    basin: Tensor
    others: dict[str, Tensor]


def share(batch: Batch, first: int, last: int) -> Batch:
    """Return the windows of a batch from one to another, the last not included."""
    return Batch(
        forcing={name: x[:, first:last] for name, x in batch["forcing"].items()},
        attributes={name: x[first:last] for name, x in batch["attributes"].items()},
        target=batch["target"][:, first:last],
        basin=batch["basin"][first:last],
        others={name: x[:, first:last] for name, x in batch["others"].items()},
    )


class Windows:
    """The series of all basins, from which windows are cut.

    What was observed lies behind the forcing, and never among it.

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
        self.others = list(data.targets)
        series = [data.forcing[name] for name in self.names]
        series += [data.targets[name].values for name in self.others]
        self.series = [_by_basin(values) for values in (*series, data.target)]
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
        windows = [
            series.unfold(1, warmup + length, 1)[at, begin].T.contiguous()
            for series in self.series
        ]
        forcing = dict(zip(self.names, windows, strict=False))
        observed = [window[warmup:] for window in windows[len(self.names) : -1]]
        if self.clock is not None:
            clock = self.clock.unfold(0, warmup + length, 1)[begin]
            forcing["day_of_year"] = clock.T.contiguous()
        return Batch(
            forcing=forcing,
            attributes={name: values[at] for name, values in self.attributes.items()},
            target=windows[-1][warmup:],
            basin=at,
            others=dict(zip(self.others, observed, strict=True)),
        )


def _by_basin(values: Array32) -> Tensor:
    """Return a series (basin, time), each basin a run of memory or of a file."""
    by_basin = values.T
    if by_basin.strides[1] != by_basin.itemsize:
        by_basin = np.ascontiguousarray(by_basin)
    return torch.from_numpy(by_basin)


class WindowSampler(Sampler[Batch]):
    """Random windows of random basins.

    Windows are drawn in which streamflow or another target has been observed at a step
    after the warm-up at least, and no step is withheld; see
    :class:`~bmi_dmx.trainer.sampler.Sampler`.

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
    every, first : int
        As of :func:`~bmi_dmx.trainer.sampler.usable_windows`.
    climates : Climates, optional
        Climate attributes over several runs of years, of which each window has one at
        random; always those of the data when absent.

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
        every: int = 1,
        first: int = 0,
        climates: Climates | None = None,
    ) -> None:
        self.climates = climates
        self.windows = Windows(data, forcings, attributes)
        self.warmup, self.length = warmup, length
        if self.windows.steps < warmup + length:
            raise DataError(
                f"a window of {warmup} + {length} steps does not fit into"
                f" {self.windows.steps} steps of data"
            )
        observed = np.isfinite(data.target)
        for other in data.targets.values():
            observed |= np.isfinite(other.values)
        usable = usable_windows(observed, warmup, length, every, first)
        if data.withheld is not None:
            usable &= ~usable_windows(data.withheld, 0, warmup + length)
        if not usable.any():
            raise DataError("no basin is observed at a step after the warm-up")
        super().__init__(usable, size=basins, steps=steps, seed=seed)

    def cut(self, place: NDArray[np.intp], start: NDArray[np.intp]) -> Batch:
        """Return the windows of a batch."""
        batch = self.windows.cut(place, start, self.warmup, self.length)
        if self.climates is not None:
            run = self.generator.integers(self.climates.runs, size=len(place))
            batch["attributes"] |= self.climates.at(run, batch["basin"])
        return batch


class BasinBlocks:
    """All steps of all basins, cut a block of basins at a time, in order.

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

    def __init__(
        self,
        data: BasinData,
        forcings: Sequence[str],
        attributes: Sequence[str],
        *,
        warmup: int,
        basins: int,
    ) -> None:
        self.windows = Windows(data, forcings, attributes)
        self.warmup, self.basins = warmup, basins
        self.length = self.windows.steps - warmup
        if self.length < 1:
            raise DataError(
                f"a warm-up of {warmup} steps leaves none of {self.windows.steps} steps"
                " of data"
            )

    def __iter__(self) -> Iterator[Batch]:
        for first in range(0, self.windows.basins, self.basins):
            last = min(first + self.basins, self.windows.basins)
            basin = np.arange(first, last)
            start = np.zeros_like(basin)
            yield self.windows.cut(basin, start, self.warmup, self.length)
