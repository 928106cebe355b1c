"""The task ``archive``: a filter learned from noisy observations of a system."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ....compose import Model, Statistics
from ....conversion import plain
from ....errors import DataError
from ...report.evaluation import summary_as_it_is
from ...run_folder import RunFolder
from ...task import Monitor, Task
from .cycle import FilterCycle
from .data import Series, opened
from .evaluate import Report, evaluate
from .experiment import Experiment
from .losses import of_streams
from .streams import StreamSampler, Window

__all__ = ["ArchiveTask"]


class ArchiveTask(Task[Experiment]):
    """A filter learned by how well its forecasts meet what is observed next.

    The noise of an observation is independent of the forecast that was made without it,
    so the mean squared misfit is that of the forecast and the variance of the noise:
    who makes one small makes the other small, and no truth is needed.

    Parameters
    ----------
    experiment : Experiment
        Archive, loss and streams.
    """

    schema = Experiment
    monitor = Monitor(
        name="validation_misfit",
        about="forecast misfit in errors of observation",
        maximize=False,
    )

    batches: StreamSampler

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        whole = opened(experiment.data, experiment.told)
        ends = whole.cycles - round(experiment.data.validation * whole.cycles)
        self.training = whole.part(0, ends)
        self.validation = whole.part(ends, whole.cycles)

    @property
    def about(self) -> str:
        """The system, and how much there is to learn from."""
        count, cycles = self.extent
        process = self.training.twin.system.process
        return f"{process}: {cycles} cycles of {count} series"

    @property
    def extent(self) -> tuple[int, int]:
        """Series and cycles to learn from."""
        return len(self.training.observed), self.training.cycles

    def statistics(self) -> Statistics:
        """Return none: what is usual of the system stands beside the weights."""
        return Statistics({})

    def prepare(self, model: Model, count: int) -> None:
        """Tell the network what is usual, and let the streams begin."""
        spec, series = self.experiment.training, self.training
        cycling = self._cycling(model, series)
        _describe(cycling, series, self.experiment.data.louder)
        self.batches = StreamSampler(
            series, cycling, self.experiment.data, self.experiment.streams,
            count=spec.batch, length=spec.window, steps=count,
            seed=self.experiment.seed,
        )  # fmt: skip
        if self.experiment.validates:
            self._validation = _segments(
                self.validation, cycling, self.experiment.evaluation.segments,
                self.experiment.streams.members,
            )  # fmt: skip

    def loss(self, model: Model, batch: Window) -> Tensor:
        """Return the loss of a window, and let the streams go on."""
        cycles = list(
            self._cycling(model, self.training).run(
                batch["ensemble"], batch["memory"], batch["observed"], batch["error"]
            )
        )
        last = cycles[-1]
        self.batches.carry(last.analysis, last.memory)
        spec = self.experiment.loss
        each = of_streams(
            spec.kind, cycles, batch["target"], batch["truth"], self.training.error
        )
        return (each.log() if spec.relative else each).mean()

    def validate(self, model: Model) -> float:
        """Return the misfit of forecasts to the part of the archive set aside.

        The mean over all but the first third, by when filters have settled; the root of
        the mean square, or the ranked probability score where that is the loss.
        """
        window = self._validation
        kind = "crps" if self.experiment.loss.kind == "crps" else "forecast"
        training = model.training
        model.eval()
        cycling = self._cycling(model, self.validation)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.experiment.seed)
            cycles = list(
                cycling.run(
                    window["ensemble"], window["memory"], window["observed"],
                    window["error"],
                )
            )  # fmt: skip
            late = len(cycles) // 3
            each = of_streams(
                kind, cycles[late:], window["target"][late:], window["truth"],
                self.validation.error,
            )  # fmt: skip
        model.train(training)
        score = float(each.mean())
        return score if kind == "crps" else math.sqrt(score)

    def _cycling(self, model: Model, series: Series) -> FilterCycle:
        part = self.experiment.part
        return FilterCycle(model, part, series, self.experiment.streams.limit)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """A hash of what is learned from, and of what is validated on."""
        hashes = {"training": self.training.fingerprint()}
        if self.experiment.validates:
            hashes["validation"] = self.validation.fingerprint()
        return {"archive": hashes}

    @property
    def facts(self) -> dict[str, Any]:
        """How much there is to learn from, and of which system."""
        count, cycles = self.extent
        return {"series": count, "cycles": cycles, "twin": plain(self.training.twin)}

    @classmethod
    def evaluate(
        cls,
        folders: Sequence[RunFolder],
        experiments: Sequence[Experiment],
        period: str,
        output: Path | None,
    ) -> Report:
        """Follow truths that are new; see :func:`~.evaluate.evaluate`."""
        return evaluate(folders, experiments, period, output)

    @classmethod
    def provenance(
        cls, experiment: Experiment, facts: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the system, how much of it was seen, and what was made small."""
        archive = experiment.data.archive
        return {
            "archive": Path(archive).name if archive else "made",
            **{name: facts[name] for name in ("series", "cycles", "twin")},
            "loss": plain(experiment.loss),
            "streams": plain(experiment.streams),
            "truth": "read" if experiment.told else "not read",
        }

    @classmethod
    def scores(
        cls, folder: RunFolder, experiment: Experiment, training: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the misfit of the validation, and the scores of a test if made."""
        scores: dict[str, Any] = {}
        if training[cls.monitor.best] is not None:
            scores["validation"] = {"misfit": training[cls.monitor.best]}
        summary = summary_as_it_is(folder, "test")
        if summary is not None:
            scores["test"] = summary["scores"]
        return scores


def _describe(cycling: FilterCycle, series: Series, louder: float) -> None:
    """Put what is usual of the system beside the weights."""
    network: Any = cycling.process.network
    states = series.climate.states
    for k, at in enumerate(cycling.fields.values()):
        values = {
            "mean": float(states[:, at].mean()), "std": float(states[:, at].std()),
            "error": series.error, "low": series.error,
            "high": series.error * math.sqrt(1.0 + louder**2),
        }  # fmt: skip
        for name, value in values.items():
            getattr(network, name)[k] = value


def _segments(series: Series, cycling: FilterCycle, count: int, members: int) -> Window:
    """Return the part for validation, cut into pieces of one length."""
    length = series.cycles // count
    if length < 6:
        raise DataError(
            f"data.validation: {series.cycles} cycles make {count} pieces of {length}, "
            "expected at least 6; set more aside or lower evaluation.segments"
        )
    pieces = [
        torch.from_numpy(row[k * length : (k + 1) * length])
        for row in series.observed
        for k in range(count)
    ]
    target = torch.stack(pieces, 1)
    states = torch.from_numpy(series.climate.states).float()
    indices = torch.arange(len(pieces) * members) * (
        len(states) // (len(pieces) * members)
    )
    return Window(
        ensemble=states[indices].reshape(len(pieces), members, -1),
        memory=cycling.blank(len(pieces), members),
        observed=target,
        error=torch.full_like(target, series.error),
        target=target,
        truth=torch.empty(0),
    )
