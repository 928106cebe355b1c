"""Runs as tensors: their weather, how they begin, and what was observed meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....compose import Model
from ....errors import DataError
from ...sampler import Positions, Sampler
from .experiment import Experiment, Years
from .record import Array, ModelColumn, Record

__all__ = ["Batch", "RunSampler", "Runs", "means", "simulate"]


class Batch(TypedDict):
    """Runs, float32; B of them, of L steps and N leads, K levels learned.

    ``forcing``
        By name, ``(L, B)``.
    ``state``
        By name of a profile, ``(level, B)``.
    ``edges``
        ``(2, N, B)`` first step of each lead, and that after its last.
    ``targets``
        ``(N, B, K)``; NaN is missing.
    ``latitude``
        ``(B,)``.
    """

    forcing: dict[str, Tensor]
    state: dict[str, Tensor]
    edges: Tensor
    targets: Tensor
    latitude: Tensor


@dataclass(frozen=True)
class Runs:
    """Runs of some years that begin on some days.

    Parameters
    ----------
    record : Record
        What they are cut from.
    begin : (R,) array of int
        Steps with which they begin.
    first : (R,) array of int
        The observation in which each begins.
    leads : int
        Observations after that.
    """

    record: Record
    begin: NDArray[np.intp]
    first: NDArray[np.intp]
    leads: int

    @classmethod
    def of(
        cls,
        record: Record,
        stretches: Sequence[Years],
        days: Sequence[str],
        leads: int,
    ) -> Runs:
        """Return the runs that begin and end inside one of some stretches of years.

        Raises
        ------
        DataError
            There are none.
        """
        edges = record.observed.begins
        begin, first = [], []
        for start, end in stretches:
            last = np.datetime64(str(end + 1), "s")
            for year, day in product(range(start, end + 1), days):
                moment = np.datetime64(f"{year}-{day}", "s")
                step = int(np.searchsorted(record.begins, moment))
                at = int(np.searchsorted(edges, moment, side="right")) - 1
                there = step < len(record.begins) and record.begins[step] == moment
                ends = at + leads + 1
                if there and at >= 0 and ends < len(edges) and edges[ends] <= last:
                    begin.append(step)
                    first.append(at)
        if not begin:
            years = ", ".join(f"{start} to {end}" for start, end in stretches)
            raise DataError(
                f"runs: none of {leads} leads begins and ends in {years}; the file has "
                f"{record.begins[0]!s:.10} to {record.begins[-1]!s:.10}"
            )
        return cls(record, np.array(begin), np.array(first), leads)

    def __len__(self) -> int:
        return len(self.begin)

    @property
    def moments(self) -> NDArray[np.datetime64]:
        """When they begin."""
        return self.record.begins[self.begin]

    @property
    def edges(self) -> NDArray[np.intp]:
        """(2, N, R) steps of a run between which each lead lies."""
        at = self.first + 1 + np.arange(self.leads + 1)[:, None]
        steps = np.searchsorted(self.record.begins, self.record.observed.begins[at])
        offsets = steps - self.begin
        return np.stack((offsets[:-1], offsets[1:]))

    @property
    def targets(self) -> Array:
        """(N, R, K) what was observed at each lead."""
        at = self.first + 1 + np.arange(self.leads)[:, None]
        targets: Array = self.record.observed.values[at]
        return targets

    def batch(self, at: Positions) -> Batch:
        """Return some of the runs."""
        edges = self.edges
        steps = np.arange(int(edges.max()))
        # Shorter runs go on with the last of their weather, which nobody looks at.
        end = len(self.record.begins) - 1
        when = np.minimum(self.begin[at] + steps[:, None], end)
        starts = [self.record.start(m) for m in self.moments[at]]
        return Batch(
            forcing={n: _tensor(x[when]) for n, x in self.record.forcing.items()},
            state={
                name: _tensor(np.stack([one[name] for one in starts], -1))
                for name in starts[0]
            },
            edges=torch.from_numpy(edges[:, :, at]),
            targets=_tensor(self.targets[:, at]),
            latitude=torch.full((len(at),), self.record.latitude),
        )

    @property
    def whole(self) -> Batch:
        """All of the runs."""
        return self.batch(np.arange(len(self)))


class RunSampler(Sampler[Batch]):
    """Random runs.

    Parameters
    ----------
    runs : Runs
        Those to learn from.
    experiment : Experiment
        Its batches and seed.
    steps : int
        Batches in a pass.
    """

    def __init__(self, runs: Runs, experiment: Experiment, steps: int) -> None:
        self.runs = runs
        usable = np.ones((len(runs), 1), dtype=bool)
        size = min(experiment.training.batch, len(runs))
        super().__init__(usable, size=size, steps=steps, seed=experiment.seed)

    def cut(self, place: Positions, start: Positions) -> Batch:
        """Return the runs of a batch."""
        return self.runs.batch(place)


def simulate(
    model: Model,
    column: ModelColumn,
    batch: Batch,
    outputs: Sequence[str],
    reach: int | None = None,
) -> dict[str, Tensor]:
    """Run a model freely from where runs begin.

    Parameters
    ----------
    model : Model
        The model, where the batch is.
    column : ModelColumn
        Its column.
    batch : Batch
        The runs.
    outputs : sequence of str
        What is recorded.
    reach : int, optional
        Steps after which a state is taken as given, so that gradients go back no
        farther; default: through all of a run.

    Returns
    -------
    dict of str to Tensor
        (L, B) by output.
    """
    state = dict(model.initial_state(len(batch["latitude"])))
    for name, levels in batch["state"].items():
        for k, x in enumerate(levels, start=1):
            key = f"{column.part}.{name}_{k}"
            state[key] = x.to(state[key]).reshape(state[key].shape)
    attributes = {"latitude": batch["latitude"]}
    steps = len(next(iter(batch["forcing"].values())))
    pieces = []
    for first in range(0, steps, reach or steps):
        some = slice(first, first + (reach or steps))
        forcing = {name: x[some] for name, x in batch["forcing"].items()}
        ran = model.simulate(forcing, attributes, state=state, outputs=outputs)
        state = {name: x.detach() for name, x in ran.state.items()}
        pieces.append(ran.outputs)
    return {name: torch.cat([piece[name] for piece in pieces]) for name in outputs}


def means(series: Tensor, edges: Tensor) -> Tensor:
    """Return means of series over leads.

    Parameters
    ----------
    series : (L, B) Tensor
        By step.
    edges : (2, N, B) Tensor of int
        First step of each lead, and that after its last.

    Returns
    -------
    (N, B) Tensor
    """
    sums = torch.cat((series.new_zeros(1, series.shape[1]), series.double().cumsum(0)))
    first, last = (sums.gather(0, steps) for steps in edges)
    return ((last - first) / (edges[1] - edges[0])).to(series)


def _tensor(values: Array) -> Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float32))
