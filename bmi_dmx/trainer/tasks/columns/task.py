"""The task ``columns``: free runs of a column, compared with what was observed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric.utilities import move_data_to_device
from torch import Tensor

from ....compose import Model, Statistics, fit_statistics, plan
from ....compose.parts import make_parts
from ....conversion import plain
from ....errors import ConfigError
from ....registries import processes
from ....variables import Attribute
from ...checkpoint_score import scored_by_error
from ...run_folder import RunFolder
from ...shares import Divisible
from ...task import Monitor, Task
from .evaluate import Report, evaluate, runs_of
from .experiment import Experiment
from .record import ModelColumn, Record, read
from .samples import Batch, RunSampler, means, simulate

__all__ = ["ColumnsTask"]


class ColumnsTask(Divisible, Task[Experiment]):
    """Free runs from observed states under the weather there was.

    Errors are of means over days or months. Where several levels are learned, the
    profile, its levels weighted by their thickness, and the uppermost level alone count
    alike.

    Parameters
    ----------
    experiment : Experiment
        Data, periods and runs.
    """

    schema = Experiment
    monitor = Monitor(
        name="validation_error",
        about="error of the runs of the validation over all leads, K",
        maximize=False,
    )

    batches: RunSampler

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.column = modelled(experiment)
        self.record = opened(experiment, self.column)
        self.runs = runs_of(experiment, self.record, "train")
        levels = experiment.data.levels
        wide = torch.from_numpy(self.column.thickness[:levels]).float()
        self.weights = wide / wide.sum()
        self.outputs = self.column.temperatures[:levels]

    @property
    def about(self) -> str:
        """How many runs there are to learn from."""
        runs, leads = len(self.runs), self.experiment.runs.leads
        return f"{runs} runs of {leads} leads, {len(self.outputs)} levels"

    @property
    def extent(self) -> tuple[int, int]:
        """Runs, and their steps."""
        return len(self.runs), int(self.runs.edges.max())

    def statistics(self) -> Statistics:
        """Return the moments of what networks read of the weather of the runs."""
        spec = self.experiment.model
        batch = self.runs.whole
        forcing = {n: x.numpy() for n, x in batch["forcing"].items()}
        inputs = {n: x for n, x in forcing.items() if n in spec.network_inputs}
        attributes = {"latitude": batch["latitude"].numpy()}
        return fit_statistics(spec, inputs, attributes)

    def prepare(self, model: Model, count: int) -> None:
        """Cut the runs of the validation, and make ready to draw others."""
        self.batches = RunSampler(self.runs, self.experiment, count)
        self.validation = runs_of(self.experiment, self.record, "validation").whole

    def answers(self, model: Model, batch: Batch) -> dict[str, Tensor]:
        """Return means over leads as they are simulated, (lead, run), by level."""
        reach = self.experiment.training.window
        series = simulate(model, self.column, batch, self.outputs, reach)
        return {name: means(x, batch["edges"]) for name, x in series.items()}

    def judged(self, answers: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """Return the mean squared error, half of it of the uppermost level, K2."""
        squares = []
        for k, name in enumerate(self.outputs):
            target = batch["targets"][..., k]
            valid = ~target.isnan()
            error = torch.where(valid, answers[name] - target.nan_to_num(), 0.0)
            squares.append(error.square().sum() / valid.sum().clamp(min=1))
        by_level = torch.stack(squares)
        return 0.5 * ((by_level * self.weights).sum() + by_level[0])

    def share(self, batch: Batch, first: int, last: int) -> Batch:
        """Return some runs of a batch."""
        at = slice(first, last)
        return Batch(
            forcing={n: x[:, at] for n, x in batch["forcing"].items()},
            state={n: x[:, at] for n, x in batch["state"].items()},
            edges=batch["edges"][:, :, at],
            targets=batch["targets"][:, at],
            latitude=batch["latitude"][at],
        )

    def validate(self, model: Model) -> float:
        """Return the root mean squared error of the runs of the validation, K."""
        device = next(model.parameters()).device
        batch = moved(self.validation, device)
        with torch.no_grad():
            return math.sqrt(float(self.judged(self.answers(model, batch), batch)))

    @property
    def fingerprint(self) -> dict[str, Any]:
        """A hash of the years to learn from, and one of those to choose by."""
        periods = self.experiment.periods
        return {
            "columns": {
                "training": self.record.fingerprint(periods.learned),
                "validation": self.record.fingerprint([periods.validation]),
            }
        }

    @property
    def facts(self) -> dict[str, Any]:
        """How much there is to learn from."""
        return {"runs": len(self.runs), "leads": self.experiment.runs.leads}

    def to(self, device: torch.device) -> None:
        """Bring the weights of levels to the model."""
        self.weights = self.weights.to(device)

    @classmethod
    def evaluate(
        cls,
        folders: Sequence[RunFolder],
        experiments: Sequence[Experiment],
        period: str,
        output: Path | None,
    ) -> Report:
        """Score the runs of a period; see :func:`~.evaluate.evaluate`."""
        column = modelled(experiments[0])
        record = opened(experiments[0], column)
        return evaluate(folders, experiments, period, output, record, column)

    @classmethod
    def provenance(
        cls, experiment: Experiment, facts: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the file, periods, runs, and how much was learned from."""
        data = plain(experiment.data)
        data["source"] = Path(experiment.data.source).name
        return {
            **facts,
            "data": data,
            "periods": plain(experiment.periods),
            "runs": plain(experiment.runs),
        }

    @classmethod
    def attributes(cls, facts: Mapping[str, Any]) -> list[Attribute]:
        """Return the latitude, the one attribute of a column."""
        return [Attribute(name="latitude", units="degree")]

    @classmethod
    def scores(
        cls, folder: RunFolder, experiment: Experiment, training: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the error of the validation, and those of the test."""
        return scored_by_error(cls, folder, experiment, training)


def modelled(experiment: Experiment) -> ModelColumn:
    """Return what the model of an experiment says of its column.

    Raises
    ------
    ConfigError
        It has none.
    """
    spec = experiment.model
    parts = make_parts(spec, None)
    whole = plan((one.part for one in parts), spec.seconds)
    for one in parts:
        if isinstance(one.process, processes["column"]):
            states = (s.name for s in one.process.states)
            return ModelColumn(
                part=one.part.name,
                temperatures=tuple(n for n in states if n.startswith("temperature_")),
                thickness=np.array(one.process.options.thickness),
                forcings=tuple(whole.forcings),
                seconds=spec.seconds,
            )
    raise ConfigError("model: no part has the process 'column'")


def opened(experiment: Experiment, column: ModelColumn) -> Record:
    """Return the series of an experiment.

    Raises
    ------
    ConfigError, DataError
        The file is not there or does not suit, or has fewer levels than are learned.
    """
    levels, there = experiment.data.levels, len(column.thickness)
    if levels > there:
        raise ConfigError(f"data.levels: found {levels}, the model has {there}")
    return read(experiment.data, column)


def moved(batch: Batch, device: torch.device) -> Batch:
    """Return a batch where a model is."""
    copy: Batch = move_data_to_device(batch, device)
    return copy
