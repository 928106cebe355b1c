"""The task ``levels``: roll-outs of fields on levels under the weather of the days."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .....compose import Model, Statistics
from .....conversion import plain
from .....errors import ConfigError
from .....space import Grid, space_from
from ....run_folder import RunFolder
from ....scored import scored_by_error
from ....shares import Divisible
from ....task import Monitor, Task
from ..rollouts import RollOuts
from .evaluate import Report, errors_of, evaluate
from .experiment import Experiment
from .forecast import simulate
from .samples import Batch, LevelSamples

__all__ = ["LevelsTask", "samples_of"]

_SEA = "cell_fraction"
"""What a model calls the share of each cell that is inside the system."""


class LevelsTask(Divisible, Task[Experiment]):
    """States on levels, learned by what follows from them in some days.

    Squared errors are weighted by cos y inside the system, level by level, and measured
    in the usual size of anomalies of each.

    Parameters
    ----------
    experiment : Experiment
        Data, periods and roll-outs.
    """

    schema = Experiment
    monitor = Monitor(
        name="validation_error",
        about="mean error of the validation over leads and states, in usual sizes",
        maximize=False,
    )

    batches: _Windows

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.part, self.samples = samples_of(experiment)
        self.names = tuple(self.samples.states)
        self.scale = {name: self._scale(name) for name in self.names}

    def _scale(self, name: str) -> Tensor:
        """Return weights by squares of usual sizes, whose levels count alike."""
        weights = self.samples.weights(name) / self.samples.spread(name) ** 2
        levels = len(weights) if self.samples.states[name].axes else 1
        share = self.experiment.weights.get(name, 1.0) / levels
        return torch.from_numpy(weights * share).float()

    @property
    def about(self) -> str:
        """States, cells and days to learn from."""
        cells = int(self.samples.sea.sum())
        return f"{', '.join(self.names)}: {self.extent[1]} windows of {cells} cells"

    @property
    def extent(self) -> tuple[int, int]:
        """One place, and the windows to learn from."""
        longest = max(self.experiment.rollout.steps)
        return 1, len(self.samples.starts(self.experiment.periods.train, longest))

    def statistics(self) -> Statistics:
        """Return none: networks are told what is usual by :meth:`prepare`."""
        return Statistics({})

    def prepare(self, model: Model, count: int) -> None:
        """Tell networks what is usual of what they read, and the model its sea."""
        self._place_sea(model)
        for process in model.processes.values():
            measure = getattr(getattr(process, "network", None), "measure", None)
            if measure is not None:
                measure(self.samples.usual.sizes)
        total = self.experiment.training.total_steps(*self.extent)
        self.batches = _Windows(self.samples, self.experiment, count, total)

    def _place_sea(self, model: Model) -> None:
        """Let the share of each cell inside the system be that of the data."""
        sea = torch.from_numpy(self.samples.sea)
        for part in model.plan.networks:
            if part.gives == (_SEA,):
                (table,) = model.network(part.name).parameters()
                with torch.no_grad():
                    table.copy_(sea.reshape(table.shape))

    def answers(self, model: Model, batch: Batch) -> dict[str, Tensor]:
        """Return the states of windows as they are simulated."""
        return simulate(
            model, self.part, batch["state"], batch["forcing"], self.names,
            self.samples.parts, self.experiment.truncate,
        )  # fmt: skip

    def judged(self, answers: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """Return the weighted mean squared error over days and states."""
        errors = []
        for name, scale in self.scale.items():
            square = (answers[name] - batch["targets"][name]).square() * scale
            axes = tuple(range(-scale.ndim, 0))
            errors.append(square.sum(axes).mean())
        return torch.stack(errors).mean()

    def share(self, batch: Batch, first: int, last: int) -> Batch:
        """Return some windows of a batch."""
        at = slice(first, last)
        state = {
            name: x[:, at] if self._of_several(name) else x[at]
            for name, x in batch["state"].items()
        }
        return Batch(
            state=state,
            forcing={name: x[:, at] for name, x in batch["forcing"].items()},
            targets={name: x[:, at] for name, x in batch["targets"].items()},
        )

    def _of_several(self, name: str) -> bool:
        return self.samples.earlier.get(name, ("", 1))[1] > 1

    def validate(self, model: Model) -> float:
        """Return the mean error of forecasts in the validation."""
        spec = self.experiment
        found = errors_of(
            [model], self.part, self.samples, spec, spec.periods.validation,
            spec.evaluation.monitor, baselines=False,
        )["model"]  # fmt: skip
        scores = [
            math.sqrt(np.mean(lead["normalised"]))
            for leads in found.values()
            for lead in leads.values()
        ]
        return float(np.mean(scores))

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Hashes of what is learned from, and of what is chosen by."""
        periods = self.experiment.periods
        return {
            "levels": {
                "training": self.samples.fingerprint(periods.train),
                "validation": self.samples.fingerprint(periods.validation),
            }
        }

    @property
    def facts(self) -> dict[str, Any]:
        """How much there is to learn from."""
        return {"windows": self.extent[1], "cells": int(self.samples.sea.sum())}

    def to(self, device: torch.device) -> None:
        """Bring the weights of cells to the model."""
        self.scale = {name: x.to(device) for name, x in self.scale.items()}

    @classmethod
    def evaluate(
        cls,
        folders: Sequence[RunFolder],
        experiments: Sequence[Experiment],
        period: str,
        output: Path | None,
    ) -> Report:
        """Score forecasts of a period; see :func:`~.evaluate.evaluate`."""
        part, samples = samples_of(experiments[0])
        return evaluate(folders, experiments, period, output, samples, part)

    @classmethod
    def provenance(
        cls, experiment: Experiment, facts: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the files, periods, roll-outs, and how much was learned from."""
        data = plain(experiment.data)
        data["source"] = Path(experiment.data.source).name
        names = ("periods", "rollout", "truncate", "weights")
        return {
            **facts,
            "data": data,
            **{name: plain(getattr(experiment, name)) for name in names},
        }

    @classmethod
    def scores(
        cls, folder: RunFolder, experiment: Experiment, training: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the error of the validation, and those of the test."""
        return scored_by_error(cls, folder, experiment, training)


class _Windows(RollOuts[Batch]):
    """Windows of growing length."""

    def __init__(
        self, samples: LevelSamples, experiment: Experiment, steps: int, total: int
    ) -> None:
        self.samples = samples
        rollout = experiment.rollout
        super().__init__(
            samples.starts(experiment.periods.train, max(rollout.steps)), rollout,
            size=experiment.training.batch, steps=steps, total=total,
            seed=experiment.seed,
        )  # fmt: skip

    def window(self, begin: NDArray[np.intp], length: int) -> Batch:
        """Return windows of a length."""
        return self.samples.cut(begin, length)


def samples_of(experiment: Experiment) -> tuple[str, LevelSamples]:
    """Return the part whose states are learned, and the files on its grid.

    Raises
    ------
    ConfigError, DataError
        No part has such states, or the files do not suit.
    """
    from .....compose.parts import make_parts

    spec, data = experiment.model, experiment.data
    space = space_from(spec.space) if spec.space is not None else None
    if not isinstance(space, Grid) or space.z_edges is None:
        raise ConfigError("model.space: levels need a grid with levels")
    for made in make_parts(spec, space):
        declared = made.part.variables
        if made.part.kind == "process" and declared.states:
            break
    else:
        raise ConfigError("model.parts: no part has states")
    states = {s.name: s for s in declared.states}
    forcings, train = tuple(declared.forcings), experiment.periods.train
    return made.part.name, LevelSamples.open(
        data, train, space, states, forcings, spec.seconds
    )
