"""Score what trained models simulate of the data that were set aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning.fabric.utilities import move_data_to_device
from numpy.typing import NDArray
from torch import Tensor

from ....compose import Model, plan
from ....compose.parts import make_parts
from ....errors import ConfigError, DataError, suggestion
from ....space import space_from
from ....tables import Column, print_table
from ...checkpoint import best_models
from ...result_files import write_arrays, write_summary, write_table
from ...run_folder import RunFolder, refuse_other_settings, results_folder
from .experiment import Experiment
from .pictures import draw
from .samples import Batch, Samples, Stretch
from .source import read
from .windows import simulate

__all__ = [
    "Report",
    "evaluate",
    "opened",
    "predict",
    "squared_error",
    "weights",
    "windows",
]

Array = NDArray[np.float64]

SCORES = {
    "rmse": "root mean squared error, in units of the target",
    "bias": "mean error, in units of the target",
    "r2": "share of the variance that is explained: 1 − Σ(s − o)² / Σ(o − mean o)²",
    "count": "how many values were compared",
}
"""Scores of a target and what they mean."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an evaluation found.

    Parameters
    ----------
    folder : Path
        Where its files lie.
    period : str
        What was scored.
    scores : dict of str to dict of str to float
        By target, those of :data:`SCORES`.
    """

    folder: Path
    period: str
    scores: dict[str, dict[str, float]]

    def show(self) -> None:
        """Print a table of the scores."""
        columns = [Column(header="target", values=list(self.scores))]
        for name in SCORES:
            values = [scores[name] for scores in self.scores.values()]
            spec = "g" if name == "count" else ".4g"
            columns.append(Column(header=name, values=values, format=spec))
        print_table(columns, title=self.period)


def opened(experiment: Experiment) -> tuple[Samples, dict[str, str]]:
    """Return the samples of an experiment, and units of their attributes.

    Raises
    ------
    ConfigError, DataError, UnitsError
        The source is not there, or what it gives does not suit the model.
    """
    spec = experiment.model
    space = None if spec.space is None else space_from(spec.space)
    whole = plan((one.part for one in make_parts(spec, space)), spec.seconds)
    arrays = read(experiment.data, whole)
    return Samples.of(arrays, whole, space), dict(arrays.units)


def weights(experiment: Experiment, targets: Iterable[str]) -> dict[str, float]:
    """Return the weight of every target.

    Raises
    ------
    DataError
        There is no such target.
    """
    names = list(targets)
    for name in experiment.weights:
        if name not in names:
            hint = suggestion(name, names)
            raise DataError(f"weights.{name}: there is no such target{hint}")
    return {name: experiment.weights.get(name, 1.0) for name in names}


def windows(experiment: Experiment, stretch: Stretch) -> Iterator[Batch]:
    """Yield windows that cover what serves one purpose."""
    spec = experiment.training
    return stretch.windows(spec.warmup, spec.window, experiment.evaluation.at_once)


def predict(
    model: Model, batch: Batch, warmup: int, outputs: Sequence[str]
) -> dict[str, Tensor]:
    """Simulate windows, wherever the model is, without gradient."""
    inputs = move_data_to_device(batch, next(model.parameters()).device)
    with torch.no_grad():
        simulated = simulate(model, inputs, warmup, outputs)
    return {name: x.cpu() for name, x in simulated.items()}


def squared_error(simulated: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sum of squared errors where the target is known, and their number."""
    observed = ~target.isnan()
    error = torch.where(observed, simulated, 0.0) - torch.where(observed, target, 0.0)
    return error.square().sum(), observed.sum()


def evaluate(
    folders: Sequence[RunFolder],
    experiments: Sequence[Experiment],
    period: str,
    output: Path | None,
) -> Report:
    """Simulate with the best checkpoint of each run, and score the mean.

    Parameters
    ----------
    folders : sequence of RunFolder
        Runs on the same data.
    experiments : sequence of Experiment
        Of the runs.
    period : str
        ``train``, ``validation`` or ``test``, as far as ``split`` sets something aside.
    output : path, optional
        Folder of the results: ``scores.csv``, ``summary.json``, ``series.npz`` with
        what was simulated and observed, and ``fit.png``.

    Raises
    ------
    ConfigError
        Nothing was set aside for that, or runs differ in their data.
    """
    experiment = experiments[0]
    refuse_other_settings(folders, experiments, ("data", "split"))
    samples, _ = opened(experiment)
    stretches = Stretch.split(samples, experiment.split)
    if period not in stretches:
        hint = suggestion(period, stretches)
        raise ConfigError(
            f"{folders[0].path}: split sets nothing aside for {period!r}{hint}"
        )
    models = best_models(folders, experiments)
    batches = list(windows(experiment, stretches[period]))
    simulated, observed = _series(models, batches, experiment.training.warmup)
    report = Report(
        folder=output or results_folder(folders, experiment.name, period),
        period=period,
        scores={n: _scores(simulated[n], observed[n]) for n in simulated},
    )
    _write(report, folders, experiments, simulated, observed)
    draw(report.folder / "fit.png", simulated, observed, experiment.name)
    return report


def _series(
    models: Sequence[Model], batches: Sequence[Batch], warmup: int
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return what was simulated, averaged over models, and observed.

    Both by target, (window, time, ...).
    """
    names = list(batches[0]["targets"])
    simulated: dict[str, list[Array]] = {name: [] for name in names}
    observed: dict[str, list[Array]] = {name: [] for name in names}
    for batch in batches:
        runs = [predict(model, batch, warmup, names) for model in models]
        for name in names:
            mean = torch.stack([run[name].double() for run in runs]).mean(0)
            simulated[name].append(mean.transpose(0, 1).numpy())
            observed[name].append(
                batch["targets"][name].double().transpose(0, 1).numpy()
            )
    return (
        {name: np.concatenate(x) for name, x in simulated.items()},
        {name: np.concatenate(x) for name, x in observed.items()},
    )


def _scores(simulated: Array, observed: Array) -> dict[str, float]:
    finite = ~np.isnan(observed)
    s, o = simulated[finite], observed[finite]
    if not o.size:
        return {**dict.fromkeys(SCORES, float("nan")), "count": 0}
    error = s - o
    spread = float(((o - o.mean()) ** 2).sum())
    return {
        "rmse": float(np.sqrt((error**2).mean())),
        "bias": float(error.mean()),
        "r2": 1.0 - float((error**2).sum()) / spread if spread else float("nan"),
        "count": int(o.size),
    }


def _write(
    report: Report,
    folders: Sequence[RunFolder],
    experiments: Sequence[Experiment],
    simulated: Mapping[str, Array],
    observed: Mapping[str, Array],
) -> None:
    """Write table, summary and series."""
    write_table(
        report.folder / "scores.csv",
        ("target", *SCORES),
        (
            [name, *(f"{value:.7g}" for value in scores.values())]
            for name, scores in report.scores.items()
        ),
    )
    content = {
        "split": experiments[0].split, "meaning": SCORES, "scores": report.scores
    }  # fmt: skip
    write_summary(report.folder, folders, experiments, content)
    series = {f"simulated_{name}": x for name, x in simulated.items()}
    series |= {f"observed_{name}": x for name, x in observed.items()}
    write_arrays(report.folder / "series.npz", series)
