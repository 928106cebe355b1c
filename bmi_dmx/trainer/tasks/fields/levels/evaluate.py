"""Score forecasts on levels, beside persistence and what is usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .....compose import Model
from .....errors import DataError
from .....tables import Column, print_table
from ....checkpoint import best_models
from ....result_files import write_summary, write_table
from ....run_folder import (
    RunFolder,
    refuse_no_period,
    refuse_other_settings,
    results_folder,
)
from ..experiment import Dates
from .experiment import Experiment
from .forecast import simulate
from .samples import Batch, LevelSamples

__all__ = ["Report", "errors_of", "evaluate"]

Array = NDArray[np.float64]


BASELINES = {
    "persistence": "the state stays",
    "climatology": "what is usual of the day",
}
"""Forecasts without a model, and what they are."""

MEANING = {
    "rmse": "root of the mean squared error over cells, weighted by cos y, levels, "
    "which count alike, and time, in units of the state",
    "normalised": "the same, measured level by level in the usual size of anomalies",
    "pairs": "forecasts that begin and verify inside the period",
}
"""Scores and what they mean."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an evaluation found.

    Parameters
    ----------
    folder : Path
        Where its files lie.
    period : str
        What was scored.
    scores : dict
        By forecast, state and lead: those of :data:`MEANING`.
    """

    folder: Path
    period: str
    scores: dict[str, dict[str, dict[str, dict[str, Any]]]]

    def show(self) -> None:
        """Print a table of errors."""
        leads = list(next(iter(self.scores["model"].values())))
        rows = [(n, lead) for n in self.scores["model"] for lead in leads]
        columns = [
            Column(header="state", values=[name for name, _ in rows]),
            Column(header="lead", values=[lead for _, lead in rows]),
        ]
        for forecast, states in self.scores.items():
            values = [states[name][lead]["rmse"] for name, lead in rows]
            columns.append(Column(header=forecast, values=values, format=".4g"))
        print_table(columns, title=f"{self.period}, rmse")


def evaluate(
    folders: Sequence[RunFolder],
    experiments: Sequence[Experiment],
    period: str,
    output: Path | None,
    samples: LevelSamples,
    part: str,
) -> Report:
    """Forecast with the mean of the best checkpoints of runs, and score that.

    Parameters
    ----------
    folders : sequence of RunFolder
        Runs on the same data.
    experiments : sequence of Experiment
        Of the runs.
    period : str
        ``train``, ``validation`` or ``test``.
    output : path, optional
        Folder of the results: ``scores.csv`` and ``summary.json``.
    samples : LevelSamples
        What was observed.
    part : str
        The part whose states are forecast.

    Raises
    ------
    ConfigError
        There is no such period, or runs differ in their data.
    """
    spec = experiments[0]
    refuse_no_period(period, folders[0].path)
    refuse_other_settings(folders, experiments, ("data", "periods"))
    models = best_models(folders, experiments)
    squares = errors_of(
        models, part, samples, spec, getattr(spec.periods, period),
        spec.evaluation.leads, baselines=True,
    )  # fmt: skip
    scores = {
        forecast: {
            name: {lead: _scored(errors) for lead, errors in leads.items()}
            for name, leads in states.items()
        }
        for forecast, states in squares.items()
    }
    report = Report(
        folder=output or results_folder(folders, spec.name, period),
        period=period, scores=scores,
    )  # fmt: skip
    _write(report, folders, experiments)
    return report


def _scored(errors: Mapping[str, list[float]]) -> dict[str, Any]:
    means = {name: float(np.sqrt(np.mean(squares))) for name, squares in errors.items()}
    return {**means, "pairs": len(errors["rmse"])}


def errors_of(
    models: Sequence[Model],
    part: str,
    samples: LevelSamples,
    experiment: Experiment,
    period: Dates,
    leads: Sequence[int],
    *,
    baselines: bool,
) -> dict[str, dict[str, dict[str, dict[str, list[float]]]]]:
    """Return squared errors of forecasts from days of a period, one after the other.

    Parameters
    ----------
    models : sequence of Model
        Of one kind, whose forecasts are averaged.
    part : str
        The part whose states are forecast.
    samples : LevelSamples
        What was observed.
    experiment : Experiment
        What forecasts are like.
    period : (str, str)
        Where they begin and end.
    leads : sequence of int
        Steps of the data ahead.
    baselines : bool
        Whether forecasts without a model are scored as well.

    Returns
    -------
    dict
        By forecast, state and lead: ``rmse`` and ``normalised``, squares of each
        forecast.

    Raises
    ------
    DataError
        The period is too short.
    """
    longest = max(leads)
    starts = samples.starts(period, longest)[:: experiment.evaluation.every]
    if not starts.size:
        raise DataError(
            f"periods: {period[0]} to {period[1]} has no {longest} steps after another"
        )
    names = tuple(samples.states)
    kinds = ("model", *(BASELINES if baselines else ()))
    squares: dict[str, Any] = {
        kind: {
            n: {str(k): {"rmse": [], "normalised": []} for k in leads} for n in names
        }
        for kind in kinds
    }
    weights = {name: samples.weights(name) for name in names}
    spreads = {name: samples.spread(name) for name in names}
    for start in starts:
        batch = samples.cut(np.array([start]), longest)
        forecasts = {"model": _mean_of(models, part, samples, experiment, batch)}
        if baselines:
            forecasts |= _without_model(samples, batch, int(start), longest)
        for kind, forecast in forecasts.items():
            for name in names:
                observed = batch["targets"][name].double().numpy()
                for lead in leads:
                    error = forecast[name][lead - 1] - observed[lead - 1]
                    one = squares[kind][name][str(lead)]
                    levels = weights[name].sum()
                    square = error**2 * weights[name] / levels
                    one["rmse"].append(float(square.sum()))
                    one["normalised"].append(float((square / spreads[name] ** 2).sum()))
    return squares


def _mean_of(
    models: Sequence[Model],
    part: str,
    samples: LevelSamples,
    experiment: Experiment,
    batch: Batch,
) -> dict[str, Array]:
    """Return the forecast of a window, averaged over models, (L, 1, *field)."""
    runs = []
    for model in models:
        like, training = model.like, model.training
        model.eval()
        with torch.no_grad():
            runs.append(simulate(
                model, part,
                {n: x.to(like) for n, x in batch["state"].items()},
                {n: x.to(like) for n, x in batch["forcing"].items()},
                tuple(samples.states), samples.parts, experiment.truncate,
            ))  # fmt: skip
        model.train(training)
    return {
        name: torch.stack([run[name].double().cpu() for run in runs]).mean(0).numpy()
        for name in samples.states
    }


def _without_model(
    samples: LevelSamples, batch: Batch, start: int, lead: int
) -> dict[str, dict[str, Array]]:
    """Return forecasts of a window by :data:`BASELINES`, (L, 1, *field) by state."""
    days = samples.store.begins[start + 1 : start + 1 + lead]
    stays, usual = {}, {}
    for name in samples.states:
        now = batch["state"][name].double().numpy()
        stays[name] = np.broadcast_to(now, (lead, *now.shape))
        cells = samples.usual.climatology[name].at(days)
        usual[name] = samples.fields(name, cells)[:, None]
    return {"persistence": stays, "climatology": usual}


def _write(
    report: Report, folders: Sequence[RunFolder], experiments: Sequence[Experiment]
) -> None:
    """Write table and summary."""
    write_table(
        report.folder / "scores.csv",
        ("forecast", "state", "lead", "rmse", "normalised", "pairs"),
        (
            (forecast, name, lead, f"{one['rmse']:.6g}", f"{one['normalised']:.6g}",
             one["pairs"])
            for forecast, states in report.scores.items()
            for name, leads in states.items()
            for lead, one in leads.items()
        ),
    )  # fmt: skip
    content = {
        "periods": experiments[0].periods,
        "forcing": experiments[0].data.forcing,
        "meaning": {**MEANING, **BASELINES},
        "scores": report.scores,
    }
    write_summary(report.folder, folders, experiments, content)
