"""The task ``arrays``: windows of any series, compared by their squared error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....compose import Model, Statistics, fit_statistics
from ....conversion import plain
from ....errors import ConfigError, DataError
from ....variables import Attribute
from ...report.evaluation import scored_summary
from ...run_folder import RunFolder
from ...shares import Divisible
from ...task import Monitor, Task, attributes_in
from .evaluate import (
    Report,
    evaluate,
    opened,
    predict,
    squared_error,
    weights,
    windows,
)
from .experiment import Experiment
from .samples import Batch, Samples, Stretch
from .source import is_function
from .windows import WindowSampler, simulate

__all__ = ["ArraysTask"]


class ArraysTask(Divisible, Task[Experiment]):
    """Series that a file or a function gives, learned by their squared error.

    A window starts from the state that the source gives for its first step, where it
    gives any, else from the model's own and is warmed up. Where places do not see each
    other a window is of one place; else of all of them. Errors of every target are
    measured in its standard deviation over the training data.

    Parameters
    ----------
    experiment : Experiment
        Source, split and weights.
    """

    schema = Experiment
    monitor = Monitor(
        name="validation_error",
        about="validation error in standard deviations",
        maximize=False,
    )

    batches: WindowSampler

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        samples, self.units = opened(experiment)
        self.gaps = experiment.data.gaps
        if self.gaps is not None:
            self.gaps.refuse_unknown(samples.forcing)
        self.stretches = Stretch.split(samples, experiment.split)
        self.spread = _spread(self.stretches["train"].known)
        if experiment.measured == "place":
            self.stretches = _by_place(self.stretches, experiment.split.of, self.spread)
            self.spread = {name: torch.tensor(1.0) for name in self.spread}
        self.training = self.stretches["train"].known
        self.weights = weights(experiment, samples.targets)
        self.validation: list[Batch] = []

    @property
    def about(self) -> str:
        """Targets, and time steps and samples to learn from."""
        times, samples = self.training.steps, self.training.count
        return f"{', '.join(self.weights)}: {times} time steps of {samples} samples"

    @property
    def extent(self) -> tuple[int, int]:
        """Samples and time steps to learn from."""
        return self.training.count, self.training.steps

    def statistics(self) -> Statistics:
        """Return the moments of all that the networks read."""
        series = dict(self.training.forcing)
        if self.gaps is not None:
            self.gaps.hide(series, np.random.default_rng(self.experiment.seed))
        forcing, attributes = (
            {name: x.numpy() for name, x in values.items()}
            for values in (series, self.training.attributes)
        )
        try:
            return fit_statistics(self.experiment.model, forcing, attributes)
        except DataError as error:
            raise DataError(f"model.transforms: {error}") from None

    def prepare(self, model: Model, count: int) -> None:
        """Cut the windows that validate, and make ready to draw those to learn from."""
        spec = self.experiment.training
        self.batches = WindowSampler(
            self.training,
            warmup=spec.warmup,
            length=spec.window,
            size=spec.batch,
            steps=count,
            seed=self.experiment.seed,
            gaps=self.gaps,
        )
        if "validation" in self.stretches:
            self.validation = list(
                windows(self.experiment, self.stretches["validation"])
            )
            if self.gaps is not None:
                generator = np.random.default_rng(self.experiment.seed)
                for batch in self.validation:
                    self.gaps.hide(batch["forcing"], generator)
            if all(
                x.isnan().all() for b in self.validation for x in b["targets"].values()
            ):
                raise DataError("split.validation: nothing of it is observed")

    def answers(self, model: Model, batch: Batch) -> dict[str, Tensor]:
        """Return the targets in windows as they are simulated."""
        spec = self.experiment.training
        return simulate(
            model, batch, spec.warmup, list(self.weights), spec.warmup_gradient
        )

    def judged(self, answers: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """Return the mean squared error over targets, in squared deviations."""
        errors = []
        for name, weight in self.weights.items():
            total, count = _squared(name, answers[name], batch)
            errors.append(
                weight * total / (count.clamp(min=1) * self.spread[name] ** 2)
            )
        return torch.stack(errors).sum() / sum(self.weights.values())

    def share(self, batch: Batch, first: int, last: int) -> Batch:
        """Return some windows of a batch."""
        return self.training.share(batch, first, last)

    def validate(self, model: Model) -> float:
        """Return the root mean squared error over targets, in standard deviations."""
        warmup, names = self.experiment.training.warmup, list(self.weights)
        totals = dict.fromkeys(names, 0.0)
        counts = dict.fromkeys(names, 0)
        for batch in self.validation:
            for name, x in predict(model, batch, warmup, names).items():
                total, count = _squared(name, x.double(), batch)
                totals[name] += float(total)
                counts[name] += int(count)
        weights = {name: w for name, w in self.weights.items() if counts[name]}
        square = sum(
            w * totals[name] / counts[name] / float(self.spread[name]) ** 2
            for name, w in weights.items()
        )
        return math.sqrt(square / sum(weights.values()))

    @property
    def fingerprint(self) -> dict[str, Any]:
        """A hash of the series for training, and one for validation."""
        hashes = {"training": self.training.fingerprint()}
        if "validation" in self.stretches:
            hashes["validation"] = self.stretches["validation"].known.fingerprint()
        return {"series": hashes}

    @property
    def facts(self) -> dict[str, Any]:
        """How much there is to learn from, and units of attributes."""
        count, steps = self.extent
        return {"samples": count, "time_steps": steps, "units": self.units}

    def to(self, device: torch.device) -> None:
        """Bring the standard deviations to the model."""
        self.spread = {name: x.to(device) for name, x in self.spread.items()}

    @classmethod
    def evaluate(
        cls,
        folders: Sequence[RunFolder],
        experiments: Sequence[Experiment],
        period: str,
        output: Path | None,
    ) -> Report:
        """Score what was set aside; see :func:`~.evaluate.evaluate`."""
        return evaluate(folders, experiments, period, output)

    @classmethod
    def provenance(
        cls, experiment: Experiment, facts: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return source, extent, split and weights."""
        data = plain(experiment.data)
        if not is_function(experiment.data.source):
            data["source"] = Path(experiment.data.source).name
        return {
            "samples": facts["samples"],
            "time_steps": facts["time_steps"],
            "data": data,
            "split": plain(experiment.split),
            "weights": plain(experiment.weights),
        }

    @classmethod
    def attributes(cls, facts: Mapping[str, Any]) -> list[Attribute]:
        """Return the attributes whose units the source says."""
        return attributes_in(facts["units"])

    @classmethod
    def scores(
        cls, folder: RunFolder, experiment: Experiment, training: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the error of the validation, and the scores of the test."""
        scores: dict[str, Any] = {}
        if training[cls.monitor.best] is not None:
            scores["validation"] = {"error": training[cls.monitor.best]}
        if experiment.split.test:
            summary = scored_summary(
                folder, "test", lambda: evaluate([folder], [experiment], "test", None)
            )
            scores["test"] = summary["scores"]
        return scores


def _spread(samples: Samples) -> dict[str, Tensor]:
    """Return the standard deviation of every target where it is observed."""
    spreads = {}
    for name, x in samples.targets.items():
        observed = x[~x.isnan()].double()
        spread = observed.std(correction=0) if len(observed) else torch.tensor(0.0)
        if not spread > 0.0:
            raise DataError(f"target {name!r} never changes in the training data")
        spreads[name] = spread.float()
    return spreads


def _by_place(
    stretches: Mapping[str, Stretch], of: str, whole: Mapping[str, Tensor]
) -> dict[str, Stretch]:
    """Return stretches that know what errors are measured in at each place.

    Where time was split, that is known of the training; of other places by themselves.
    """
    copies = {}
    for name, stretch in stretches.items():
        if stretch.samples.whole:
            raise ConfigError("measured: 'place' needs places that do not see others")
        reference = stretches["train" if of == "time" else name].known
        spread = {
            target: _deviation(x) + _QUIET * whole[target]
            for target, x in reference.targets.items()
        }
        samples = replace(stretch.samples, spread=spread)
        copies[name] = replace(stretch, samples=samples)
    return copies


_QUIET = 0.05
"""Share of the spread over everything that is added to that of a place."""


def _deviation(x: Tensor) -> Tensor:
    """Return the standard deviation of each sample, (sample,); 0 of an unseen one."""
    observed = ~x.isnan()
    count = observed.sum(0).clamp(min=1)
    values = torch.where(observed, x, 0.0)
    about = torch.where(observed, x - values.sum(0) / count, 0.0)
    return (about.square().sum(0) / count).sqrt()


def _squared(name: str, simulated: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the sum of squared errors of a target, and the number of values."""
    target = batch["targets"][name]
    if name in batch["spread"]:
        spread = batch["spread"][name]
        simulated, target = simulated / spread, target / spread
    return squared_error(simulated, target)
