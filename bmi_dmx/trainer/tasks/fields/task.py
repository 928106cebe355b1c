"""The task ``fields``: roll-outs of whole fields, compared with what was observed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....bundle import Bundle
from ....compose import Model, Statistics
from ....conversion import plain
from ....errors import ConfigError, suggestion
from ...checkpoint_score import scored_by_error
from ...requests import ComparisonRequest
from ...run_folder import RunFolder
from ...shares import Divisible
from ...task import Monitor, Task
from .beginning import begin_with
from .compare import ComparisonResult, compare
from .evaluate import Report, evaluate
from .experiment import Experiment
from .forecast import forecasts, simulate
from .samples import Batch, FieldSamples, RollOutSampler

__all__ = ["FieldsTask"]


class FieldsTask(Divisible, Task[Experiment]):
    """Fields of a file, learned by what follows from a state in some steps.

    Errors are weighted by cos φ inside the mask; those of several fields are measured
    in standard deviations of what is learned from.

    Parameters
    ----------
    experiment : Experiment
        Data, periods and roll-outs.
    """

    schema = Experiment
    monitor = Monitor(
        name="validation_error",
        about="mean error of the validation over leads, in units of the field",
        maximize=False,
    )

    batches: RollOutSampler

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.part, sizes = states_of(experiment)
        self.samples = opened(experiment, sizes)
        self.weights = torch.from_numpy(self.samples.weights).float()
        self.spread = {
            name: self._spread(name) if len(self.samples.anomalies) > 1 else 1.0
            for name in self.samples.anomalies
        }

    def _spread(self, name: str) -> float:
        steps = self.samples.steps(self.experiment.periods.train)
        square = (self.samples.anomalies[name][steps.start : steps.stop] ** 2).mean(0)
        return math.sqrt(float((square * self.samples.weights).sum()))

    @property
    def about(self) -> str:
        """Fields, cells and steps to learn from."""
        names = ", ".join(self.samples.anomalies)
        cells = int(self.samples.mask.sum())
        return f"{names}: {self.extent[1]} steps of {cells} cells"

    @property
    def extent(self) -> tuple[int, int]:
        """One place, and the time steps to learn from."""
        return 1, len(self.samples.steps(self.experiment.periods.train))

    def statistics(self) -> Statistics:
        """Return none: networks over fields read numbers of usual size."""
        return Statistics({})

    def prepare(self, model: Model, count: int) -> None:
        """Set the maps of the model, and make ready to draw windows."""
        begin_with(model, self.samples, self.experiment)
        total = self.experiment.training.total_steps(*self.extent)
        self.batches = RollOutSampler(self.samples, self.experiment, count, total)

    def answers(self, model: Model, batch: Batch) -> dict[str, Tensor]:
        """Return the fields of windows as they are simulated."""
        return simulate(model, self.part, batch)

    def judged(self, answers: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """Return the weighted mean squared error over steps and fields."""
        errors = []
        for name, spread in self.spread.items():
            square = (answers[name] - batch["targets"][name]).square()
            total = (square * self.weights).sum((-2, -1)).mean()
            errors.append(total / spread**2)
        return torch.stack(errors).mean()

    def share(self, batch: Batch, first: int, last: int) -> Batch:
        """Return some windows of a batch."""
        at = slice(first, last)

        def chosen(x: Tensor) -> Tensor:
            return x[..., at, :, :]

        return Batch(
            state={name: chosen(x) for name, x in batch["state"].items()},
            forcing={name: chosen(x) for name, x in batch["forcing"].items()},
            targets={name: chosen(x) for name, x in batch["targets"].items()},
        )

    def validate(self, model: Model) -> float:
        """Return the mean over leads of the errors of forecasts in the validation."""
        spec = self.experiment
        leads = spec.evaluation.monitor
        period = spec.periods.validation
        starts = self.samples.starts(period, 1)
        simulated = forecasts(
            [model], self.part, self.samples, starts, max(leads),
            spec.evaluation.at_once,
        )  # fmt: skip
        weights = self.samples.weights[self.samples.mask]
        end = self.samples.steps(period).stop
        errors = []
        for name, x in simulated.items():
            observed = self.samples.cells(name)
            for lead in leads:
                inside = starts + lead < end
                error = x[lead - 1][inside] - observed[starts[inside] + lead]
                square = ((error**2) @ weights).mean()
                errors.append(math.sqrt(square) / self.spread[name])
        return float(np.mean(errors))

    @property
    def fingerprint(self) -> dict[str, Any]:
        """A hash of the fields to learn from, and one of those to choose by."""
        periods = self.experiment.periods
        return {
            "fields": {
                "training": self.samples.fingerprint(periods.train),
                "validation": self.samples.fingerprint(periods.validation),
            }
        }

    @property
    def facts(self) -> dict[str, Any]:
        """How much there is to learn from."""
        return {"steps": self.extent[1], "cells": int(self.samples.mask.sum())}

    def to(self, device: torch.device) -> None:
        """Bring the weights of cells to the model."""
        self.weights = self.weights.to(device)

    @classmethod
    def evaluate(
        cls,
        folders: Sequence[RunFolder],
        experiments: Sequence[Experiment],
        period: str,
        output: Path | None,
    ) -> Report:
        """Score forecasts of a period; see :func:`~.evaluate.evaluate`."""
        part, sizes = states_of(experiments[0])
        samples = opened(experiments[0], sizes)
        return evaluate(folders, experiments, period, output, samples, part)

    @classmethod
    def compare(
        cls,
        runs: Mapping[str, RunFolder],
        bundles: Mapping[str, Bundle],
        request: ComparisonRequest,
    ) -> ComparisonResult:
        """Score several models on the same forecasts; see :func:`~.compare.compare`."""
        for name in bundles:
            raise ConfigError(f"{name}: a bundle; runs alone are compared in fields")
        if request.scoring is not None:
            raise ConfigError("--data: found one, but runs have data of their own")
        first = next(iter(runs.values())).experiment()
        assert isinstance(first, Experiment)
        samples = opened(first, states_of(first)[1])

        def evaluated(folder: RunFolder, experiment: Experiment) -> Report:
            return cls.evaluate([folder], [experiment], request.period, None)

        return compare(runs, request, samples, evaluated)

    @classmethod
    def provenance(
        cls, experiment: Experiment, facts: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the file, periods, roll-outs, and how much was learned from."""
        data = plain(experiment.data)
        data["source"] = Path(experiment.data.source).name
        return {
            **facts,
            "data": data,
            "periods": plain(experiment.periods),
            "rollout": plain(experiment.rollout),
            "start": plain(experiment.start),
        }

    @classmethod
    def scores(
        cls, folder: RunFolder, experiment: Experiment, training: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the error of the validation, and those of the test."""
        return scored_by_error(cls, folder, experiment, training)


def states_of(experiment: Experiment) -> tuple[str, dict[str, int]]:
    """Return the part whose states are learned, and the entries of all its states.

    Raises
    ------
    ConfigError
        No part has such states.
    """
    from ....compose.parts import make_parts
    from ....space import space_from

    spec = experiment.model
    if spec.space is None:
        raise ConfigError("model.space: fields need a grid, found none")
    names = (*experiment.data.variables, *experiment.data.history)
    states: list[str] = []
    for one in make_parts(spec, space_from(spec.space)):
        sizes = {s.name: s.size for s in one.part.variables.states}
        states += sizes
        if set(names) <= set(sizes):
            return one.part.name, sizes
    lacking = next((name for name in names if name not in states), names[0])
    hint = suggestion(lacking, states)
    raise ConfigError(f"data.variables: no part has a state {lacking!r}{hint}")


def opened(experiment: Experiment, sizes: dict[str, int]) -> FieldSamples:
    """Return the fields of an experiment, on the grid of its model.

    Raises
    ------
    ConfigError, DataError
        The file is not there, does not suit, or lies on another grid.
    """
    from ....errors import DataError
    from ....space import Grid, space_from

    spec = experiment
    samples = FieldSamples.read(spec.data, spec.periods.train, sizes)
    _refuse_other_steps(samples, spec)
    space = space_from(spec.model.space or {})
    if not isinstance(space, Grid):
        raise ConfigError(f"model.space: found {type(space).__name__}, expected a grid")
    for axis, nodes in (("y", samples.y), ("x", samples.x)):
        expected = space.nodes("y" if axis == "y" else "x")
        if nodes.shape != expected.shape or np.abs(nodes - expected).max() > 1e-3:
            raise DataError(
                f"{spec.data.source}: {axis}: found {nodes.size} from {nodes[0]:g} to "
                f"{nodes[-1]:g}, the model has {expected.size} from {expected[0]:g} to "
                f"{expected[-1]:g}"
            )
    return samples


def _refuse_other_steps(samples: FieldSamples, experiment: Experiment) -> None:
    """Refuse a file whose steps have another length than those of the model."""
    seconds = experiment.model.seconds
    length = float(np.diff(samples.begins).mean() / np.timedelta64(1, "s"))
    # Months differ by a tenth, and few of them are not as long as the mean of all.
    if abs(length / seconds - 1.0) > (0.1 if samples.by_months else 1e-6):
        raise ConfigError(
            f"{experiment.data.source}: found steps of {length:g} s, the model has "
            f"{seconds:g} s"
        )
