"""Assimilations side by side that go on through an archive, window after window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor

from ....errors import DataError, StateError
from .cycle import FilterCycle
from .data import Series
from .experiment import DataSpec
from .experiment import Streams as StreamsSpec

__all__ = ["StreamSampler", "Window"]


class Window(TypedDict):
    """Streams over one window; B of them.

    ``ensemble``
        ``(B, m, n)`` analyses before the first cycle.
    ``memory``
        By name, ``(B, m, place)``.
    ``observed``, ``error``
        ``(T, B, n)``, as the filter is shown it; NaN is missing.
    ``target``
        ``(T, B, n)``, all that was observed.
    ``truth``
        ``(T, B, n)``; empty where it is not asked for.
    """

    ensemble: Tensor
    memory: dict[str, Tensor]
    observed: Tensor
    error: Tensor
    target: Tensor
    truth: Tensor


class StreamSampler:
    """Windows of streams that go on where they were.

    Whoever runs a window hands back what comes of it by :meth:`carry`. A stream begins
    again, anywhere in the archive and with a state that the system has by itself, when
    it comes to the end, when it is lost, and when its turn comes.

    Parameters
    ----------
    series : Series
        The archive.
    cycling : FilterCycle
        Forecast and analysis.
    data : DataSpec
        How the filter is shown it.
    spec : Streams
        Members, and when streams begin again.
    count, length, steps, seed : int
        Streams, cycles of a window, windows of a pass, and seed of the random numbers.

    Raises
    ------
    DataError
        A window does not fit into the archive.
    """

    def __init__(
        self,
        series: Series,
        cycling: FilterCycle,
        data: DataSpec,
        spec: StreamsSpec,
        *,
        count: int,
        length: int,
        steps: int,
        seed: int,
    ) -> None:
        if series.cycles < length:
            raise DataError(
                f"training.window: {length} cycles do not fit into the {series.cycles} "
                "to learn from"
            )
        self._series, self._cycling, self._data, self._spec = (
            series,
            cycling,
            data,
            spec,
        )
        self.count, self.length, self.steps = count, length, steps
        self.generator = np.random.default_rng(seed)
        self._climate = series.climate.states.astype(np.float32)
        self._passed = 0
        self._which = np.zeros(count, dtype=np.int64)
        self._at = np.zeros(count, dtype=np.int64)
        size = series.dynamics.size
        self._ensemble = torch.zeros(count, spec.members, size)
        self._memory = cycling.blank(count, spec.members)
        self._begin(np.ones(count, dtype=np.bool_))

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Window]:
        for _ in range(self.steps):
            yield self._draw()

    def carry(self, ensemble: Tensor, memory: Mapping[str, Tensor]) -> None:
        """Take over what the streams came to at the end of a window."""
        self._ensemble = ensemble.detach()
        self._memory = {name: x.detach() for name, x in memory.items()}
        self._at += self.length
        self._passed += 1

    def state_dict(self) -> dict[str, Any]:
        """Return all that decides the windows to come."""
        return {
            "generator": self.generator.bit_generator.state,
            "passed": self._passed,
            "which": torch.from_numpy(self._which.copy()),
            "at": torch.from_numpy(self._at.copy()),
            "ensemble": self._ensemble,
            "memory": dict(self._memory),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that :meth:`state_dict` returned.

        Raises
        ------
        StateError
            The state is not one of such streams.
        """
        try:
            self.generator.bit_generator.state = state["generator"]
            self._passed = int(state["passed"])
            self._which, self._at = (state[n].numpy().copy() for n in ("which", "at"))
            self._ensemble = state["ensemble"]
            self._memory = {name: state["memory"][name] for name in self._memory}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StateError(f"not the state of streams: {error!r}") from None

    def _draw(self) -> Window:
        again = self._at + self.length > self._series.cycles
        again |= self._cycling.lost(self._ensemble).numpy()
        if self._passed and self._passed % self._spec.restart_every == 0:
            number = round(self._spec.restart * self.count)
            again[self.generator.permutation(self.count)[:number]] = True
        self._begin(again)
        target, truth = self._cut()
        observed, error = self._shown(target)
        return Window(
            ensemble=self._ensemble, memory=dict(self._memory), observed=observed,
            error=error, target=target, truth=truth,
        )  # fmt: skip

    def _begin(self, again: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
        """Let some streams begin again."""
        number, members = int(again.sum()), self._spec.members
        if not number:
            return
        most = self._series.cycles - self.length
        self._which[again] = self.generator.integers(
            len(self._series.observed), size=number
        )
        self._at[again] = self.generator.integers(most + 1, size=number)
        drawn = self.generator.integers(len(self._climate), size=(number, members))
        rows = torch.from_numpy(again)
        self._ensemble = self._ensemble.clone()
        self._ensemble[rows] = torch.from_numpy(self._climate[drawn])
        blank = self._cycling.blank(self.count, members)
        self._memory = {
            name: torch.where(rows[:, None, None], blank[name], x)
            for name, x in self._memory.items()
        }

    def _cut(self) -> tuple[Tensor, Tensor]:
        """Return what was observed in the windows, and the truth where it is wanted."""
        times = self._at + np.arange(self.length)[:, None]
        target = self._series.observed[self._which, times]
        whole = self._series.truth
        if whole is None:
            return torch.from_numpy(target), torch.empty(0)
        truth = whole[self._which, times]
        if self._data.noise == "fresh":
            noise = self.generator.standard_normal(truth.shape, dtype=np.float32)
            target = np.where(
                np.isnan(target), target, truth + self._series.error * noise
            ).astype(np.float32)
        return torch.from_numpy(target), torch.from_numpy(truth)

    def _shown(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the filter is shown, and with which errors."""
        error = torch.full_like(target, self._series.error)
        if self._data.louder:
            more = self.generator.random((1, self.count, 1), dtype=np.float32)
            noise = self.generator.standard_normal(target.shape, dtype=np.float32)
            added = torch.from_numpy(more * self._data.louder) * error
            target = target + added * torch.from_numpy(noise)
            error = torch.sqrt(error**2 + added**2)
        if self._data.hide:
            drawn = self.generator.random(target.shape, dtype=np.float32)
            hidden = torch.from_numpy(drawn < self._data.hide)
            target = torch.where(hidden, torch.nan, target)
        return target, error
