"""Windows of time at merged gauges, drawn in a sequence that can be continued."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....errors import DataError
from ...sampler import Positions, Sampler, usable_windows
from .data import RiverData
from .forest import Forests
from .shift import Shift

__all__ = ["Batch", "WindowSampler", "cut", "share"]


class Batch(TypedDict):
    """Windows that run side by side, float32.

    ``forcing``
        By name, ``(days * per_day, windows * reaches)``: warm-up first, and behind the
        window as much as the days of the gauges reach.
    ``target``
        ``(L, windows * gauges)`` flow in mm per day of the days after the warm-up; NaN
        is missing.
    ``gauges``
        ``(gauges,)`` int64, positions of the gauges in the data.
    ``start``
        ``(windows,)`` int64, positions of the first days.
    """

    forcing: dict[str, Tensor]
    target: Tensor
    gauges: Tensor
    start: Tensor


class WindowSampler(Sampler[Batch]):
    """Random windows of time, of gauges whose trees are merged.

    Every gauge that has a usable window is equally likely, and so is every window in
    which one of the gauges was observed after the warm-up.

    Parameters
    ----------
    data : RiverData
        What windows are cut from.
    forests : Forests
        Of the gauges.
    shift : Shift
        How the days of gauges lie.
    forcings : sequence of str
        What batches hold.
    first, last : int
        Days that may be scored, the last not included.
    warmup, length : int
        Days of warm-up, and after it.
    together : int
        Gauges in a batch.
    size, steps, seed : int
        Windows in a batch, and as of :class:`~bmi_dmx.trainer.sampler.Sampler`.
    among : (G,) array of int
        Gauges to choose from.

    Raises
    ------
    DataError
        A window does not fit, or none is observed.
    """

    def __init__(
        self,
        data: RiverData,
        forests: Forests,
        shift: Shift,
        forcings: Sequence[str],
        *,
        first: int,
        last: int,
        warmup: int,
        length: int,
        together: int,
        size: int,
        steps: int,
        seed: int,
        among: Positions,
    ) -> None:
        self.data, self.forests, self.shift = data, forests, shift
        self.forcings = tuple(forcings)
        self.warmup, self.length = warmup, length
        self.together = together
        self.begin = max(first - warmup, 0)
        end = min(last, len(data.days) - shift.days_behind)
        if end - self.begin < warmup + length:
            raise DataError(
                f"training.warmup and training.window: {warmup} + {length} days do not"
                f" fit into the {end - self.begin} days from {data.days[self.begin]}"
            )
        observed = np.isfinite(data.observed[self.begin : end])
        usable = usable_windows(observed, warmup, length)
        others = np.ones(len(data.gauges), dtype=bool)
        others[among] = False
        usable[others] = False
        if not usable.any():
            raise DataError("no gauge is observed after the warm-up of a window")
        super().__init__(usable, size=size, steps=steps, seed=seed)

    def draw(self) -> Batch:
        """Return the next batch."""
        gauges = np.sort(self.generator.permutation(self.eligible)[: self.together])
        starts = np.flatnonzero(self.usable[gauges].any(axis=0))
        sample = starts[self.generator.integers(len(starts), size=self.size)]
        return self.cut(gauges, sample)

    def cut(self, place: Positions, start: Positions) -> Batch:
        """Return windows of all gauges at ``place``, one for every ``start``."""
        return cut(
            self.data, self.forests, self.shift, self.forcings,
            place, self.begin + start, self.warmup, self.length,
        )  # fmt: skip


def cut(
    data: RiverData,
    forests: Forests,
    shift: Shift,
    forcings: Sequence[str],
    gauges: Positions,
    start: Positions,
    warmup: int,
    length: int,
) -> Batch:
    """Return windows of merged gauges.

    Parameters
    ----------
    data, forests, shift, forcings
        As of :class:`WindowSampler`.
    gauges : (G,) array of int
        Positions of the gauges.
    start : (B,) array of int
        First day of each window.
    warmup, length : int
        Days of warm-up, and after it.
    """
    reaches = forests.of(gauges, len(start)).reaches
    window = np.arange((warmup + length + shift.days_behind) * data.per_day)
    # Behind the record the last step stands for those to come.
    steps = np.minimum(
        start[:, None] * data.per_day + window, len(data.inflow) - 1
    )  # (B, T)
    at = steps[:, :, None], reaches  # (B, T, N)
    days = start[:, None] + warmup + np.arange(length)
    target = data.target[days[:, :, None], gauges]  # (B, L, G)
    return Batch(
        forcing={name: _side_by_side(data.forcing[name][at]) for name in forcings},
        target=_side_by_side(target),
        gauges=torch.from_numpy(gauges.astype(np.int64)),
        start=torch.from_numpy(start.astype(np.int64)),
    )


def share(batch: Batch, first: int, last: int) -> Batch:
    """Return the windows of a batch from one to another, the last not included."""
    windows = len(batch["start"])

    def some(x: Tensor) -> Tensor:
        each = x.shape[1] // windows
        return x[:, first * each : last * each]

    return Batch(
        forcing={name: some(x) for name, x in batch["forcing"].items()},
        target=some(batch["target"]),
        gauges=batch["gauges"],
        start=batch["start"][first:last],
    )


def _side_by_side(values: NDArray[np.float32]) -> Tensor:
    """Return (window, time, place) as (time, window * place)."""
    ordered = np.ascontiguousarray(values.transpose(1, 0, 2))
    return torch.from_numpy(ordered.reshape(len(ordered), -1))
